"""Keys and values are joined by ``_`` before they are looked up, so different pairs can look alike.

envoyproxy/ratelimit has it so, and its configurations rely on it: two entries that look alike are refused
there as here. That one entry also answers for another's requests is noticed, since it may be meant.
"""

from collections.abc import Iterator

from sadd.envoy.rules import Node

CUTS_MAX = 32
"""Places at which a joined key is cut to see whose it could be."""


def collision(there: Node, here: tuple[str, str], full_key: str) -> str:
    """The fault of two entries with one joined key: one entry twice, or two that only look alike."""
    said = f"duplicate descriptor composite key '{full_key}'"
    if there.written == here:
        return said
    return f"{said}: {_shown(there.written)} and {_shown(here)} are both joined to it"


def caught(parent: Node, above: str) -> Iterator[str]:
    """Entries under ``parent`` that take requests of a sibling's key: "a_b" is found for ("a", "b")."""
    keys = {child.written[0] for child in parent.children.values()}
    for joined, child in parent.children.items():
        for key, value in _cuts(joined):
            if key in keys and (key, value) != child.written:
                yield f"'{above}{joined}' is also found for {_shown((key, value))}, since they are joined"
        yield from caught(child, f"{above}{joined}.")


def _cuts(joined: str) -> Iterator[tuple[str, str]]:
    if "*" in joined:
        return
    at = joined.find("_")
    for _ in range(CUTS_MAX):
        if at < 0:
            return
        yield joined[:at], joined[at + 1 :]
        at = joined.find("_", at + 1)


def _shown(written: tuple[str, str]) -> str:
    key, value = written
    return f'("{key}", "{value}")' if value else f'("{key}")'
