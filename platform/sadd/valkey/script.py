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
