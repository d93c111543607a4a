"""What msgspec says about a bad value, said to the caller: where it is and what was expected."""

import re

_PATH = re.compile(r"^(?P<what>.*?) - at `(?P<path>\$[^`]*|key in [^`]*)`$", re.DOTALL)
_NAMED = re.compile(r"(?:required|unknown) field `(?P<name>[^`]*)`")
_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>[^\]]*)\]")


def located(message: str) -> tuple[tuple[str, ...], str]:
    """The steps to the faulty value and what is wrong with it.

    ``Expected `int` >= 1 - at `$.checks[2].cost``` becomes ``("checks", "2", "cost")`` and the text
    before the dash. A missing or unknown field is the last step of its own path. A key of a mapping
    is ``...``, since msgspec does not repeat what the caller sent.
    """
    found = _PATH.match(message)
    what, path = (found["what"], found["path"]) if found else (message, "$")
    steps = [step["name"] or step["index"] for step in _STEP.finditer(path)]
    if named := _NAMED.search(what):
        steps.append(named["name"])
    return tuple(steps), what.replace("`", "")


def pointer(steps: tuple[str, ...]) -> str:
    """The steps as a JSON pointer in a URI fragment (RFC 6901), ``#/checks/2/cost``."""
    return "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
