"""What is published of a draw, as it is written and read back.

The document is one JSON object on a line. The list of entries is a file whose first line is the document and
every further line one entry in hex, in order: all that anybody needs to check the whole draw. A proof is the
document with one entry, its index and the neighbours on its way to the root: all that one place needs.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from queueing.draw.entry import ENTRIES_MAX, ENTRY_BYTES

FORMAT = "sadd draw 1"
LINE_BYTES = 2 * ENTRY_BYTES + 1
DOCUMENT_BYTES_MAX = 65_536
FILE_BYTES_MAX = DOCUMENT_BYTES_MAX + ENTRIES_MAX * LINE_BYTES
PATH_LENGTH_MAX = 24  # neighbours that 10,000,000 entries need

Stage = Literal["gathering", "closed", "frozen", "drawn"]
"""Entries are taken; no more are; the list is published; the beacon came and gave every entry its place."""


class NotADraw(ValueError):
    """The file is none of ours, or is damaged. One line."""


class Beacon(Struct, frozen=True, omit_defaults=True):
    """The source of chance: ``drand`` with chain, round, signature (hex), or ``statement`` with source, text.

    Signature and text are empty until the moment ``at_ms``, ms since the epoch, from which on they are known.
    """

    kind: Literal["drand", "statement"]
    at_ms: int
    chain: str = ""
    round: int = 0
    signature: str = ""
    source: str = ""
    text: str = ""

    @property
    def known(self) -> bool:
        return bool(self.signature or self.text)

    @property
    def named(self) -> "Beacon":
        """The same without its value: what is announced before the freeze."""
        return Beacon(self.kind, self.at_ms, self.chain, self.round, source=self.source)


class Draw(Struct, frozen=True):
    """The public document. Hashes are hex, times ms since the epoch.

    An entry at place p, from 0, has the number ``base`` + 1 + p in the room's line.
    """

    room: str
    draw: int
    stage: Stage
    closes_at_ms: int
    beacon: Beacon
    count: int = 0
    frozen_at_ms: int = 0
    root: str = ""
    base: int = 0
    seed: str = ""
    format: str = FORMAT

    def number(self, place: int) -> int:
        return self.base + 1 + place


class Proof(Struct, frozen=True):
    """One place. ``path`` are the neighbours (hex) from the entry up."""

    draw: Draw
    entry: str
    index: int
    path: list[str]
    place: int
    number: int


class Published(Struct, frozen=True):
    """A whole draw: the document and its entries in order."""

    draw: Draw
    entries: list[bytes]


encode = msgspec.json.Encoder().encode
_DRAW = msgspec.json.Decoder(Draw)
_PROOF = msgspec.json.Decoder(Proof)
_UNREADABLE = (msgspec.DecodeError, RecursionError)  # the latter of a document that is nested deep


def write_lines(entries: list[bytes]) -> bytes:
    """Entries as they stand in the file."""
    return b"".join(entry.hex().encode() + b"\n" for entry in entries)


def read(raw: bytes) -> Draw | Proof | Published:
    """What the bytes are. Raises NotADraw."""
    head, newline, rest = raw.partition(b"\n")
    if len(head) > DOCUMENT_BYTES_MAX or len(raw) > FILE_BYTES_MAX:
        raise NotADraw("the file is longer than any draw's")
    if not rest.strip():
        return _document(head)
    if not rest.lstrip().startswith(b"{") and newline and not _spread(head):
        return Published(_draw(head), _entries(rest))
    return _document(raw)  # an object that somebody laid out in lines


def _spread(head: bytes) -> bool:
    """Whether an object begins in this line and does not end in it."""
    return not head.rstrip().endswith(b"}")


def _document(raw: bytes) -> Draw | Proof:
    try:
        return _of_our_format(_PROOF.decode(raw))
    except _UNREADABLE:
        return _draw(raw)


def _draw(raw: bytes) -> Draw:
    try:
        draw = _DRAW.decode(raw)
    except _UNREADABLE as wrong:
        raise NotADraw(f"no document of a draw: {wrong}") from None
    if draw.format != FORMAT:
        raise NotADraw(f"its format is {draw.format!r}, not {FORMAT!r}")
    return draw


def _of_our_format(proof: Proof) -> Proof:
    if proof.draw.format != FORMAT:
        raise NotADraw(f"its format is {proof.draw.format!r}, not {FORMAT!r}")
    return proof


def _entries(lines: bytes) -> list[bytes]:
    if not lines.endswith(b"\n") or len(lines) % LINE_BYTES:
        raise NotADraw(f"an entry is a line of {2 * ENTRY_BYTES} hex digits; the list has other lines")
    try:
        joined = bytes.fromhex(lines.decode("ascii"))
    except ValueError:
        raise NotADraw("the list of entries has something else than hex digits in it") from None
    if len(joined) * LINE_BYTES != len(lines) * ENTRY_BYTES:
        raise NotADraw(f"an entry is a line of {2 * ENTRY_BYTES} hex digits; the list has other lines")
    return [joined[at : at + ENTRY_BYTES] for at in range(0, len(joined), ENTRY_BYTES)]
