"""What drivers ask: a template of bytes in which each ``KEY`` becomes a random one of 100,000 citizens.

A key has always 11 digits, so that lengths which were counted once hold for every key.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

KEYS = 100_000
FIRST_KEY = 28_000_000_000
SLOT = b"00000KEY000"  # as long as a key
ADDRESS = b"00.ADDRESS.0000"  # as long as an address below
CHOICE = b"00.CHOICE.00"
"""Becomes one of ``Http.choices``, which are all as long as each other."""


@dataclass(frozen=True, slots=True)
class Http:
    """A request of HTTP/1.1 and how many decisions it makes. A good answer has ``good`` in it."""

    text: bytes
    decisions: int = 1
    good: bytes = b""
    choices: tuple[bytes, ...] = ()

    @property
    def plain(self) -> bytes:
        """Always with the first of its choices, for drivers that draw none."""
        return self.text.replace(CHOICE, self.choices[0]) if self.choices else self.text


@dataclass(frozen=True, slots=True)
class Grpc:
    """A unary call: path, and the message without its length. A good answer starts with ``good``."""

    path: str
    message: bytes
    good: bytes = b""


def post(path: str, body: bytes, key: str = "", decisions: int = 1) -> Http:
    """A POST of JSON, with ``key`` as the bearer's if there is one."""
    bearer = f"Authorization: Bearer {key}\r\n" if key else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return Http(head.encode() + body, decisions, b'"allowed":true')


def get(path: str, header: str) -> Http:
    """A GET whose header ``header`` is the citizen."""
    return Http(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}: {SLOT.decode()}\r\n\r\n".encode())


def keys(chance: random.Random) -> Iterator[bytes]:
    while True:
        yield b"%011d" % (FIRST_KEY + chance.randrange(KEYS))


def fill(template: bytes, chance: random.Random) -> bytes:
    """The template with a key in each of its slots, and an address where one belongs."""
    first, *rest = template.split(SLOT)
    drawn = keys(chance)
    text = first + b"".join(next(drawn) + part for part in rest)
    return text.replace(ADDRESS, address(chance)) if ADDRESS in text else text


def address(chance: random.Random) -> bytes:
    """One of 10,000,000 visitors', always 15 characters."""
    octets = (chance.randrange(100, 200) for _ in range(3))
    return b"%d.%d.%d.%d" % (chance.randrange(110, 120), *octets)
