"""Print the part of requirements.lock that the running platform needs, hashes and all.

There is one lock file, for everything. The image wants none of the tests' tools, so its build asks
the installed metadata which packages ``sadd`` reaches and takes just their blocks:

    python k8s/runtime_lock.py requirements.lock > runtime.lock
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def blocks(lock: str) -> dict[str, str]:
    """Package name to its lines in the lock: one ``name==version`` line and its hashes."""
    found: dict[str, str] = {}
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", lock):
        if name := re.match(r"[A-Za-z0-9._-]+", block):
            found[canonicalize_name(name[0])] = block
    return found


def reached(root: str) -> Iterator[str]:
    """Names of all packages that ``root`` needs here, without any of its own extras."""
    todo, seen = [(root, frozenset[str]())], set[str]()
    while todo:
        name, extras = todo.pop()
        for line in requires(name) or ():
            needed = Requirement(line)
            if needed.marker and not any(needed.marker.evaluate({"extra": e}) for e in (extras or {""})):
                continue
            child = canonicalize_name(needed.name)
            if child not in seen:
                seen.add(child)
                todo.append((child, frozenset(needed.extras)))
                yield child


if __name__ == "__main__":
    lock = blocks(Path(sys.argv[1]).read_text())
    sys.stdout.writelines(lock[name] for name in sorted(reached("sadd")))
