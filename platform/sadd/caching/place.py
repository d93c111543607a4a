"""Where an entry lies: the space and the key that a caller may name."""

import re

from cache.space import Space
from sadd.caching.spaces import SHIELD, Spaces

KEY = re.compile(r"[A-Za-z0-9._~:@,=+!$*()';/-]{1,256}")
_is_key = KEY.fullmatch
EVENTS = "events"
"""No key: what stands at its path is the stream of a namespace's events."""


def space_named(spaces: Spaces, agency: str, namespace: str) -> Space:
    """The space of a namespace that the agency itself reads and writes. ValueError: it is none."""
    if namespace.startswith(SHIELD):
        raise ValueError(f"namespaces that begin with {SHIELD} are the caching proxy's: only purge them")
    return spaces.of(agency, namespace)


def checked_key(key: str) -> str:
    """The key as it is. ValueError: it is none."""
    if not _is_key(key) or key == EVENTS:
        raise ValueError(f"a key is 1 to 256 letters, digits and ._~:@,=+!$*()';/-, and not {EVENTS}")
    return key
