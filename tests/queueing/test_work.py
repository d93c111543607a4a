"""Proof of work: what is accepted, and everything that is not."""

import hashlib
import itertools
import json
import shutil
import subprocess
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sadd.web
from queueing.ticket import TicketKeys
from queueing.work import (
    BITS_LEAST,
    BITS_MOST,
    LIFE_MS,
    PARTS,
    PHONE_HASHES_PER_S,
    Answered,
    Asked,
    Challenge,
    Effort,
    Refused,
    WorkOffice,
    plain_after_ms,
    solve,
    solved,
)

NOW_MS = 1_800_000_000_000
KEYS = TicketKeys("0000000a", {"0000000a": b"w" * 32})
JOIN = Asked("results", "192.0.2.0/24")


def office(keys: TicketKeys = KEYS) -> WorkOffice:
    nonces = itertools.count(1)
    return WorkOffice(keys, lambda size: next(nonces).to_bytes(size, "big"))


def easy(asked: Asked = JOIN, bits: int = BITS_LEAST) -> Challenge:
    return office().challenge(asked, bits, NOW_MS)


def test_an_answer_is_accepted_and_names_one_holder() -> None:
    """Whoever did the work is let in; shown again it is the same holder, so it takes the same place."""
    shown = solve(easy())
    first, again = (office().judge(shown, JOIN, NOW_MS + later) for later in (1, 60_000))
    assert isinstance(first, Answered)
    assert (first, first.plain, len(first.holder)) == (again, False, 16)


def test_two_challenges_are_two_holders() -> None:
    """Each answered challenge takes a place of its own and no other's."""
    one, other = (office_.judge(solve(made), JOIN, NOW_MS) for office_, made in _two())
    assert isinstance(one, Answered)
    assert isinstance(other, Answered)
    assert one.holder != other.holder


def _two() -> list[tuple[WorkOffice, Challenge]]:
    made = office()
    return [(made, made.challenge(JOIN, BITS_LEAST, NOW_MS)) for _ in range(2)]


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (replace(JOIN, room="passports"), "another room"),
        (replace(JOIN, network="198.51.100.0/24"), "another network"),
        (replace(JOIN, subject=7), "a turn instead of a join"),
    ],
)
def test_an_answer_is_good_for_what_it_was_made_for(asked: Asked, what: str) -> None:
    """Work done for one room, network or turn buys nothing elsewhere."""
    assert office().judge(solve(easy()), asked, NOW_MS) == Refused("foreign"), what


def test_an_answer_has_its_time() -> None:
    """One hoarded before a rush is worth nothing in it, nor is one from a clock that runs ahead."""
    shown = solve(easy())
    assert isinstance(office().judge(shown, JOIN, NOW_MS + LIFE_MS), Answered)
    assert office().judge(shown, JOIN, NOW_MS + LIFE_MS + 1) == Refused("expired")
    assert office().judge(shown, JOIN, NOW_MS - 1) == Refused("expired")


def test_an_easy_answer_does_not_meet_a_hard_challenge() -> None:
    """The difficulty is the challenge's own, and its signature holds it."""
    hard = easy(bits=BITS_MOST)
    text, _, answer = solve(replace(hard, bits=BITS_LEAST)).partition(".")
    assert office().judge(f"{text}.{answer}", JOIN, NOW_MS) == Refused("unsolved")


def test_one_parts_answer_is_not_anothers() -> None:
    """One counter eight times over, or the eight in another order, is no answer."""
    text, _, answer = solve(easy()).partition(".")
    counters = urlsafe_b64decode(answer + "=")
    for forged in (counters[:4] * PARTS, counters[4:] + counters[:4], counters[:-4], counters + counters[:4]):
        shown = f"{text}.{urlsafe_b64encode(forged).rstrip(b'=').decode()}"
        assert office().judge(shown, JOIN, NOW_MS) == Refused("unsolved")


def test_a_challenge_by_another_hand_is_none() -> None:
    """Signed with a key that we never had, or that is retired."""
    foreign = office(TicketKeys("0000000a", {"0000000a": b"x" * 32})).challenge(JOIN, BITS_LEAST, NOW_MS)
    assert office().judge(solve(foreign), JOIN, NOW_MS) == Refused("forged")


def test_rotation_overlaps() -> None:
    """What was handed out under the last key is met under the new one, and is the same holder."""
    both = TicketKeys("0000000b", {"0000000b": b"n" * 32, "0000000a": b"w" * 32})
    shown = solve(easy())
    assert office(both).judge(shown, JOIN, NOW_MS) == office().judge(shown, JOIN, NOW_MS)


@given(place=st.integers(0, 77), bit=st.integers(0, 7))
def test_no_bit_of_a_challenge_can_be_changed(place: int, bit: int) -> None:
    """Room, bits, time, network, nonce, key id, version: each is under the signature."""
    raw = bytearray(urlsafe_b64decode(easy().text + "=" * (-len(easy().text) % 4)))
    raw[place % len(raw)] ^= 1 << bit
    text = urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    assert office().judge(f"{text}.{'A' * 43}", JOIN, NOW_MS) == Refused("forged")


@given(st.text(max_size=600))
def test_anything_else_is_refused_quietly(shown: str) -> None:
    """What somebody made up, in whatever script and length, is no answer and no error."""
    assert isinstance(office().judge(shown, JOIN, NOW_MS), Refused)


@given(st.text(max_size=120))
def test_an_answer_made_up_is_none(answer: str) -> None:
    """Eight hashes with eight zero bits each are not guessed."""
    assert not solved(easy().text, answer, BITS_MOST)


def test_the_plain_way_takes_time_and_no_computing() -> None:
    """The challenge alone is good after its time; who comes early learns how long is left, and keeps it."""
    made = easy(bits=14)
    early = office().judge(made.text, JOIN, NOW_MS + 1_000)
    assert early == Refused("early", made.plain_after_ms - 1_000)
    late = office().judge(made.text, JOIN, NOW_MS + made.plain_after_ms)
    assert isinstance(late, Answered)
    assert late.plain


@pytest.mark.parametrize(("pressure", "bits"), [(0, 14), (1, 14), (1.9, 14), (2, 15), (7, 16), (1e9, 17)])
def test_difficulty_follows_the_rush(pressure: float, bits: int) -> None:
    """One bit for each doubling of joins over what the room lets in, and never above the bound."""
    assert Effort(14, 17).at(pressure) == bits


@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_difficulty_never_falls_in_a_greater_rush(one: float, other: float) -> None:
    """More joins are never cheaper, and the bounds hold for any number."""
    low, high = sorted((one, other))
    assert 14 <= Effort().at(low) <= Effort().at(high) <= 17


@pytest.mark.parametrize("bits", [(7, 10), (14, 19), (15, 14)])
def test_work_out_of_bounds_is_refused(bits: tuple[int, int]) -> None:
    """A setting that a slow phone could not meet is no setting."""
    with pytest.raises(ValueError, match="bits"):
        Effort(*bits)


def test_a_slow_phone_is_done_in_five_seconds() -> None:
    """At the default the mean is 1.3 s and the unluckiest of a hundred under 5 s, at 100,000 hashes a second.

    The 99th percentile of the sum of eight equal exponential times is 2.0 times its mean.
    """
    mean_s = PARTS * 2 ** Effort().bits / PHONE_HASHES_PER_S
    assert mean_s < 1.4
    assert 2.0 * mean_s < 5


def test_the_plain_way_is_as_long_as_a_slow_phone_takes() -> None:
    """5 s at least; in the worst rush twice a slow phone's mean, 21 s, well within a challenge's life."""
    assert [plain_after_ms(bits) for bits in (8, 14, 17)] == [5_000, 5_000, 20_970]
    assert plain_after_ms(BITS_MOST) < LIFE_MS / 4


@pytest.mark.skipif(shutil.which("node") is None, reason="node is missing (tests/system-packages.sh has it)")
def test_the_pages_solver_finds_the_same_answer() -> None:
    """What pages run, in a real engine, finds what the server accepts: the first counters that fit."""
    script = Path(sadd.web.__path__[0]) / "challenge_work.js"
    programme = (
        f"{script.read_text()};console.log(JSON.stringify([10, 11].map((b, i) => solve(TEXTS[i], b, 8))))"
    )
    made = office()
    challenges = [
        made.challenge(JOIN, 10, NOW_MS),
        made.challenge(Asked("غرفة", "2001:db8::/56"), 11, NOW_MS),
    ]
    texts = f"const TEXTS = {json.dumps([one.text for one in challenges])};"
    run = subprocess.run(
        ["node"], input=texts + programme, capture_output=True, text=True, timeout=20, check=True
    )
    assert json.loads(run.stdout) == [solve(one) for one in challenges]


def test_hashing_is_sha256_of_seed_part_and_counter() -> None:
    """An app that is written from the documents alone does the same work."""
    made = easy()
    text, _, answer = solve(made).partition(".")
    counters, seed = urlsafe_b64decode(answer + "="), hashlib.sha256(text.encode()).digest()
    for part in range(made.parts):
        digest = hashlib.sha256(seed + bytes([part]) + counters[4 * part : 4 * part + 4]).digest()
        assert digest[0] == 0


def test_the_documents_lines_meet_a_challenge() -> None:
    """The ten lines of docs/queue-bots.md, as they are written there."""
    document = Path(__file__).parents[2] / "docs/queue-bots.md"
    lines = document.read_text().partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(lines, names)
    made = easy()
    assert names["met"](made.text, made.bits, made.parts) == solve(made)
