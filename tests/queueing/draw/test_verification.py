"""A true draw is confirmed from public data, and each kind of doctoring is shown to be one."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from queueing.draw import merkle
from queueing.draw.document import Beacon, Draw, Proof, Published, encode, read, write_lines
from queueing.draw.seed import seed_of
from queueing.draw.verification import (
    faults_against,
    faults_of_draw,
    faults_of_list,
    faults_of_proof,
    randomness_of,
)
from tests.queueing.draw.chain import OURS, drawn, entries_of, proof_of, signature

ENTRIES = entries_of(1_500)
TRUE = drawn(ENTRIES, base=40)
PROOF = proof_of(TRUE, 1_027)


def _drawn_again(draw: Draw, entries: list[bytes]) -> Draw:
    """The document that a cheat would publish for other entries."""
    root = merkle.root(entries)
    seed = seed_of(draw.room, draw.draw, len(entries), root, randomness_of(draw.beacon))
    return replace(draw, count=len(entries), root=root.hex(), seed=seed.hex())


def test_a_whole_draw_is_confirmed() -> None:
    """A whole draw is confirmed."""
    assert faults_of_list(TRUE) == []


def test_a_place_is_confirmed_with_its_proof_alone() -> None:
    """A place is confirmed with its proof alone."""
    assert faults_of_proof(PROOF) == []
    assert PROOF.number == 41 + PROOF.place


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([*ENTRIES, entries_of(1)[0]], "late comers were added"),
        (ENTRIES[:-1], "some were taken out"),
        ([*ENTRIES[:-1], entries_of(1)[0]], "its root is not the one"),
        ([*ENTRIES[:-1], ENTRIES[0]], "more than once"),
        ([ENTRIES[1], ENTRIES[0], *ENTRIES[2:]], "its root is not the one"),
    ],
    ids=["added", "taken out", "exchanged", "doubled", "reordered"],
)
def test_a_doctored_list_is_shown_to_be_one(entries: list[bytes], told: str) -> None:
    """A doctored list is shown to be one."""
    assert told in " ".join(faults_of_list(Published(TRUE.draw, entries)))


@pytest.mark.parametrize(
    ("doctored", "told"),
    [
        (replace(TRUE.draw, seed="00" * 32), "the seed is doctored"),
        (replace(TRUE.draw, seed=""), "the seed is doctored"),
        (replace(TRUE.draw, room="other"), "the seed is doctored"),
        (replace(TRUE.draw, draw=2), "the seed is doctored"),
        (replace(TRUE.draw, count=1_499), "the seed is doctored"),
        (replace(TRUE.draw, root="zz"), "no such value"),
        (replace(TRUE.draw, count=2**64), "no such value"),
        (replace(TRUE.draw, frozen_at_ms=TRUE.draw.beacon.at_ms), "frozen after the beacon"),
        (replace(TRUE.draw, frozen_at_ms=1), "before the announced moment"),
        (replace(TRUE.draw, root=""), "nothing is frozen"),
        (replace(TRUE.draw, beacon=TRUE.draw.beacon.named), "not drawn yet"),
    ],
)
def test_a_doctored_document_is_shown_to_be_one(doctored: Draw, told: str) -> None:
    """A doctored document is shown to be one."""
    assert told in " ".join(faults_of_draw(doctored))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"signature": signature(TRUE.draw.beacon.round).hex()}, "not the signature of round"),
        ({"signature": "zz"}, "not the signature of round"),
        ({"chain": OURS.id}, "not quicknet"),
        ({"round": TRUE.draw.beacon.round + 1}, "does not come out when"),
        ({"round": 0}, "does not come out when"),
    ],
)
def test_a_doctored_beacon_is_shown_to_be_one(change: dict[str, object], told: str) -> None:
    """Also where the seed was made anew to fit it."""
    beacon = replace(TRUE.draw.beacon, **change)

    assert told in " ".join(faults_of_draw(replace(TRUE.draw, beacon=beacon)))


@pytest.mark.parametrize(
    ("doctor", "told"),
    [
        (lambda proof: replace(proof, index=proof.index + 1), "not in the list"),
        (lambda proof: replace(proof, entry=ENTRIES[3].hex()), "not in the list"),
        (lambda proof: replace(proof, path=proof.path[:-1]), "not in the list"),
        (lambda proof: replace(proof, path=["00" * 32] * 25), "not in the list"),
        (lambda proof: replace(proof, index=-1), "not in the list"),
        (lambda proof: replace(proof, entry="no hex"), "no hex"),
        (lambda proof: replace(proof, place=0), "the place is doctored"),
        (lambda proof: replace(proof, number=1), "the place is doctored"),
    ],
)
def test_a_doctored_place_is_shown_to_be_one(doctor: Callable[[Proof], Proof], told: str) -> None:
    """A doctored place is shown to be one."""
    assert told in " ".join(faults_of_proof(doctor(PROOF)))


def test_a_second_draw_is_shown_by_what_somebody_kept() -> None:
    """Who draws anew with other entries makes a document without a flaw; the kept one convicts him."""
    second = _drawn_again(TRUE.draw, ENTRIES[:-1])
    kept_at_the_freeze = replace(TRUE.draw, stage="frozen", beacon=TRUE.draw.beacon.named, seed="")

    assert faults_of_draw(second) == []
    assert faults_against(TRUE.draw, TRUE.draw) == []
    assert faults_against(kept_at_the_freeze, TRUE.draw) == []
    assert "a second list" in " ".join(faults_against(kept_at_the_freeze, second))
    assert "a second draw" in " ".join(faults_against(TRUE.draw, second))
    later = replace(TRUE.draw, beacon=replace(TRUE.draw.beacon, round=9))
    assert "another beacon" in " ".join(faults_against(kept_at_the_freeze, later))
    moved = replace(TRUE.draw, base=0)
    assert "the numbers were moved" in " ".join(faults_against(kept_at_the_freeze, moved))
    assert "another draw" in " ".join(faults_against(replace(TRUE.draw, draw=2), TRUE.draw))


def test_a_statement_is_confirmed_as_far_as_it_can_be() -> None:
    """A statement is confirmed as far as it can be."""
    beacon = Beacon("statement", TRUE.draw.beacon.at_ms, source="Lottery 88, first prize", text="07 11 23")
    draw = _drawn_again(replace(TRUE.draw, beacon=beacon), ENTRIES)

    assert faults_of_draw(draw) == []
    other = replace(draw, beacon=replace(beacon, text="07 11 24"))
    assert "the seed is doctored" in " ".join(faults_of_draw(other))


def test_what_is_published_reads_back_as_it_was_written() -> None:
    """What is published reads back as it was written."""
    whole = encode(TRUE.draw) + b"\n" + write_lines(ENTRIES)

    assert read(whole) == TRUE
    assert read(encode(TRUE.draw)) == TRUE.draw
    assert read(encode(PROOF) + b"\n") == PROOF


def test_the_guide_quotes_what_is_said() -> None:
    """Each doctoring in docs/queue-draw.md is told in the words that stand there."""
    guide = Path("docs/queue-draw.md").read_text("utf-8")
    source = Path("queueing/draw/verification.py").read_text("utf-8")
    table = guide.partition("| what was done | what it says |")[2].partition("\n\n")[0]

    quoted = [phrase for row in table.splitlines()[2:] for phrase in re.findall(r"`([^`]+)`", row)]

    assert len(quoted) > 6
    assert [phrase for phrase in quoted if phrase.removesuffix(" …") not in source] == []
