"""What is wrong with a catalogue: a finding in an entry, and a fault at a line of a file."""

from dataclasses import dataclass

Path = tuple[str | int, ...]
"""The way to a field inside one entry: ``("name", "ar")``, ``("services", 3)``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that an entry breaks, and the field that breaks it. Knows nothing of files."""

    path: Path
    message: str

    @property
    def field(self) -> str:
        """The path in words: ``capacity.concurrent_users``; empty is the entry itself."""
        return ".".join(map(str, self.path))

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A finding at its place. Prints as ``file:line: message``, which editors make clickable."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"
