"""What a setting accepts: reads text, checks values, and says in words what would have been right.

Flags and the environment bring text, a TOML file brings typed values. Both end in ``check``; a value
that is not accepted raises ``ValueError`` and the caller adds the setting's name and ``says``.
"""

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Protocol, TypeVar

from sadd.settings.masking import masked

Value = str | int | float | bool
N = TypeVar("N", int, float)


class Accepted(Protocol):
    @property
    def says(self) -> str:
        """What is accepted, as the end of a sentence: "a whole number from 1 to 65535"."""

    def read(self, text: str) -> Value:
        """The value that a flag or an environment variable spells. Raises ValueError."""

    def check(self, value: object) -> Value:
        """The same value if it is accepted. Raises ValueError."""

    def shown(self, value: object) -> str:
        """The value for human eyes, without the secrets in it."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, both ends included."""

    at_least: int
    at_most: int

    @property
    def says(self) -> str:
        return f"a whole number from {self.at_least} to {self.at_most}"

    def read(self, text: str) -> int:
        return self.check(int(text))

    def check(self, value: object) -> int:
        # bool is an int to Python; nobody means ``port = true``.
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError
        return _within(value, self.at_least, self.at_most)

    def shown(self, value: object) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Number:
    """A number with or without a fraction, both ends included. nan and inf are outside any range."""

    at_least: float
    at_most: float

    @property
    def says(self) -> str:
        return f"a number from {self.at_least:g} to {self.at_most:g}"

    def read(self, text: str) -> float:
        return self.check(float(text))

    def check(self, value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError
        return float(_within(value, self.at_least, self.at_most))

    def shown(self, value: object) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false."""

    says: str = "true or false"

    def read(self, text: str) -> bool:
        return self.check({"true": True, "false": False}.get(text.lower()))

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value

    def shown(self, value: object) -> str:
        return "true" if value is True else "false" if value is False else str(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def says(self) -> str:
        return f"one of {', '.join(self.words)}"

    def read(self, text: str) -> str:
        return self.check(text)

    def check(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError
        return value

    def shown(self, value: object) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text, such as a path. ``secret`` text is never shown."""

    what: str
    or_empty: bool = False
    secret: bool = False

    @property
    def says(self) -> str:
        return f"{self.what}, or empty" if self.or_empty else self.what

    def read(self, text: str) -> str:
        return self.check(text)

    def check(self, value: object) -> str:
        if not isinstance(value, str) or not value.isprintable() or value != value.strip():
            raise ValueError
        if not value and not self.or_empty:
            raise ValueError
        return value

    def shown(self, value: object) -> str:
        return "***" if self.secret and value else str(value)


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges of addresses in CIDR form, separated by commas."""

    says: str = "ranges of addresses such as 10.1.0.0/16, separated by commas, or empty"

    def read(self, text: str) -> str:
        return self.check(text)

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError
        for one in parts(value):
            ip_network(one)  # a host's bits in a range are a slip of the pen: refused
        return value

    def shown(self, value: object) -> str:
        return str(value)


def parts(text: str) -> tuple[str, ...]:
    """The members of a text that commas separate."""
    return tuple(one for part in text.split(",") if (one := part.strip()))


@dataclass(frozen=True, slots=True)
class Url:
    """A URL of one of a few schemes, or empty. Passwords inside it are never shown."""

    schemes: tuple[str, ...]

    @property
    def says(self) -> str:
        return f"a URL that starts with {', '.join(f'{scheme}://' for scheme in self.schemes)}, or empty"

    def read(self, text: str) -> str:
        return self.check(text)

    def check(self, value: object) -> str:
        if not isinstance(value, str) or not value.isprintable() or " " in value:
            raise ValueError
        scheme, separator, rest = value.partition("://")
        if value and not (separator and rest and scheme in self.schemes):
            raise ValueError
        return value

    def shown(self, value: object) -> str:
        return masked(str(value))


def _within(value: N, at_least: float, at_most: float) -> N:
    if not at_least <= value <= at_most:
        raise ValueError
    return value
