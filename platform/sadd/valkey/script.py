"""A Lua script and its SHA-1, which is its name in the store."""

import hashlib
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Script:
    """``name`` is for people (logs, statistics), ``source`` is what runs, ``sha`` is what EVALSHA calls."""

    name: str
    source: bytes
    sha: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", sha_of(self.source))


class ScriptLike(Protocol):
    """All that the client needs of a script, so that services need not import this package."""

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> bytes: ...


def sha_of(source: bytes) -> bytes:
    return hashlib.sha1(source, usedforsecurity=False).hexdigest().encode()


class ShaBook:
    """Source to SHA, computed once. Keyed by the bytes, whose hash Python keeps: 40 ns a look-up."""

    __slots__ = ("_known",)

    SCRIPTS_MAX = 1024
    """Scripts are files; more than this means that somebody generates sources, and the book starts anew."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}

    def sha(self, script: ScriptLike) -> bytes:
        found = self._known.get(script.source)
        return found if found is not None else self._learn(script.source)

    def _learn(self, source: bytes) -> bytes:
        if len(self._known) >= self.SCRIPTS_MAX:
            self._known.clear()
        sha = self._known[source] = sha_of(source)
        return sha
