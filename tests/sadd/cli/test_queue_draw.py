"""``sadd queue verify-draw`` confirms a true draw from a file and says in one line what a doctored one is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from queueing.draw.document import Draw, Proof, Published, encode, write_lines
from tests.queueing.draw.chain import drawn, entries_of, proof_of
from tests.sadd.cli.conftest import Ended, Sadd

ENTRIES = entries_of(100_000)
TRUE = drawn(ENTRIES, base=7)


@pytest.fixture
def verify(sadd: Sadd, tmp_path: Path) -> Callable[..., Ended]:
    """Writes a document to a file and runs the command on it."""

    def run(shown: Published | Proof | Draw | bytes, *words: str) -> Ended:
        (tmp_path / "draw").write_bytes(_written(shown))
        return sadd("queue", "verify-draw", str(tmp_path / "draw"), *words)

    return run


def _written(shown: Published | Proof | Draw | bytes) -> bytes:
    if isinstance(shown, Published):
        return encode(shown.draw) + b"\n" + write_lines(shown.entries)
    return shown if isinstance(shown, bytes) else encode(shown)


def test_a_hundred_thousand_entries_are_confirmed_and_a_place_is_told(verify: Callable[..., Ended]) -> None:
    """A hundred thousand entries are confirmed and a place is told."""
    ended = verify(TRUE, "--entry", ENTRIES[512].hex())

    proof = proof_of(TRUE, 512)
    assert ended.code == 0
    assert "confirmed: results, draw 1: all 100,000 entries" in ended.out
    assert f"entry 512: place {proof.place + 1:,} of the draw, number {proof.number:,}" in ended.out


@pytest.mark.parametrize(
    ("doctored", "told"),
    [
        (Published(TRUE.draw, [*ENTRIES, b"late" * 8]), "late comers were added"),
        (Published(TRUE.draw, ENTRIES[1:]), "some were taken out"),
        (Published(TRUE.draw, [b"mine" * 8, *ENTRIES[1:]]), "the list is doctored"),
        (Published(replace(TRUE.draw, seed="11" * 32), ENTRIES), "the seed is doctored"),
        (
            Published(replace(TRUE.draw, beacon=replace(TRUE.draw.beacon, signature="11" * 48)), ENTRIES),
            "beacon",
        ),
        (Published(replace(TRUE.draw, frozen_at_ms=TRUE.draw.beacon.at_ms + 1), ENTRIES), "frozen after"),
    ],
    ids=["late comer", "taken out", "exchanged", "seed", "beacon", "known beacon"],
)
def test_each_doctoring_of_a_hundred_thousand_is_one_line(
    verify: Callable[..., Ended], doctored: Published, told: str
) -> None:
    """Each doctoring of a hundred thousand is one line."""
    ended = verify(doctored)

    assert ended.code == 1
    assert told in ended.out
    assert ended.out.count("\n") == 1


def test_a_second_draw_is_told_by_a_document_that_was_kept(
    verify: Callable[..., Ended], tmp_path: Path
) -> None:
    """Each is without a flaw by itself."""
    (tmp_path / "kept").write_bytes(encode(TRUE.draw))
    second = drawn(entries_of(99), base=7)

    assert verify(TRUE, "--kept", str(tmp_path / "kept")).code == 0
    ended = verify(second, "--kept", str(tmp_path / "kept"))
    assert (ended.code, ended.out.count("\n")) == (1, 1)
    assert "a second draw" in ended.out


def test_one_place_is_confirmed_by_its_proof_and_in_five_milliseconds(verify: Callable[..., Ended]) -> None:
    """One place is confirmed by its proof and in five milliseconds."""
    verify(proof_of(TRUE, 99_999))  # modules and the curve's tables are there

    told = json.loads(verify(proof_of(TRUE, 77), "--json").out)

    assert told["confirmed"]
    assert (told["checked"], told["index"], told["count"]) == ("proof", 77, 100_000)
    assert told["seconds"] < 0.05  # the bench says 5 ms; this machine may be busy


def test_a_doctored_place_is_told(verify: Callable[..., Ended]) -> None:
    """A doctored place is told."""
    proof = proof_of(TRUE, 5)

    assert "the place is doctored" in verify(replace(proof, place=0, number=8)).out
    assert "is not in the list" in verify(replace(proof, entry=ENTRIES[6].hex())).out
    assert verify(replace(proof, index=6)).code == 1


def test_a_document_by_itself_is_checked_as_far_as_it_goes(verify: Callable[..., Ended]) -> None:
    """A document by itself is checked as far as it goes."""
    assert "gives the seed" in verify(TRUE.draw).out
    assert verify(replace(TRUE.draw, beacon=TRUE.draw.beacon.named)).code == 1


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", ()),
        (b"hello\n", ()),
        (encode(TRUE.draw) + b"\nabc\n", ()),
        (encode(TRUE.draw), ("--entry", "5")),
        (encode(TRUE.draw), ("--kept", "/nowhere")),
        (encode(TRUE.draw), ("--kept", "/")),
        (encode(replace(TRUE.draw, count=3)) + b"\n" + write_lines(ENTRIES[:3]), ("--entry", "zz")),
    ],
)
def test_what_is_no_draw_is_one_line_and_exit_2(
    verify: Callable[..., Ended], raw: bytes, words: tuple[str, ...]
) -> None:
    """What is no draw is one line and exit 2."""
    ended = verify(raw, *words)

    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
