"""Tickets: what is signed is read, and nothing else is."""

import base64
import itertools
import json
import re

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from queueing.ticket import HEAD_BYTES, InvalidTicket, Ticket, TicketKeys, TicketOffice

OLD, NEW = ("0000000a", b"o" * 32), ("0000000b", b"n" * 32)
OFFICE = TicketOffice(TicketKeys(OLD[0], dict([OLD])))
TICKET = OFFICE.make("results", "", 7)
MADE = TicketOffice(TicketKeys(NEW[0], dict([OLD, NEW])))

tickets = st.builds(
    Ticket,
    room=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    number=st.integers(1, 2**48 - 1),
    holder=st.binary(min_size=16, max_size=16),
    lane=st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
)


def unpad(raw: bytes | bytearray) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_of(text: str) -> bytearray:
    return bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@given(tickets)
def test_a_ticket_says_what_was_signed(ticket: Ticket) -> None:
    """Every field comes back, whatever script the room's id is in."""
    assert OFFICE.read(OFFICE.sign(ticket), ticket.room) == ticket


def test_a_ticket_has_no_room_for_a_cookie_to_overflow() -> None:
    """A place with a usual room is under 100 characters."""
    assert len(OFFICE.sign(TICKET)) < 100


@given(st.data())
def test_one_flipped_bit_makes_it_invalid(data: st.DataObject) -> None:
    """There is no byte of a ticket that may change: number, room, holder, key id, version, signature."""
    raw = raw_of(OFFICE.sign(TICKET))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(InvalidTicket):
        OFFICE.read(unpad(raw), "results")


@given(st.text(max_size=500) | st.binary(max_size=300).map(unpad))
def test_rubbish_is_invalid_and_nothing_worse(text: str) -> None:
    """Any text at all is refused in the one way."""
    with pytest.raises(InvalidTicket):
        OFFICE.read(text, "results")


def test_a_ticket_of_another_room_is_invalid() -> None:
    """Also when the other room's id begins or ends like this one's."""
    for room in ("result", "results2", "esults", "RESULTS", "results\0"):
        with pytest.raises(InvalidTicket):
            OFFICE.read(OFFICE.sign(TICKET), room)


def test_no_field_can_be_shifted_into_its_neighbour() -> None:
    """A longer room cannot take bytes of the signature, nor a shorter one leave some over."""
    raw = raw_of(OFFICE.sign(TICKET))
    for at, length in itertools.product((HEAD_BYTES, HEAD_BYTES + 1), (1, 6, 8, 255)):
        shifted = raw.copy()
        shifted[at] = length
        with pytest.raises(InvalidTicket):
            OFFICE.read(unpad(shifted), "results")


def test_the_algorithm_cannot_be_chosen() -> None:
    """JWTs, unsigned ones (alg none) as well, and an all-zero signature are refused."""
    claims = {"room": "results", "number": 1}
    none = ".".join(unpad(json.dumps(part).encode()) for part in ({"alg": "none"}, claims)) + "."
    forged = [none, jwt.encode(claims, OLD[1], "HS256", {"kid": OLD[0]})]
    raw = raw_of(OFFICE.sign(TICKET))
    forged.append(unpad(bytes(raw[:-16]) + bytes(16)))
    for text in forged:
        with pytest.raises(InvalidTicket):
            OFFICE.read(text, "results")


@pytest.mark.parametrize("kid", ["0000000b", "ffffffff", "2e2e2f2e"])
def test_an_unknown_key_id_is_invalid(kid: str) -> None:
    """Even with a signature by a key that is known, whatever the id spells (here once '../.')."""
    stranger = TicketOffice(TicketKeys(kid, {kid: OLD[1]}))
    with pytest.raises(InvalidTicket):
        OFFICE.read(stranger.sign(TICKET), "results")


def test_a_rotated_key_keeps_every_place() -> None:
    """Tickets of the old key are read as long as it is known; new ones are signed with the new."""
    both = TicketOffice(TicketKeys(NEW[0], dict([OLD, NEW])))
    assert both.read(OFFICE.sign(TICKET), "results") == TICKET
    with pytest.raises(InvalidTicket):
        OFFICE.read(both.sign(TICKET), "results")


@given(tickets, st.integers(0, 2**48 - 1))
def test_a_stay_has_one_pass_id(ticket: Ticket, start_ms: int) -> None:
    """The same stay always; another number, holder, lane or stay has another."""
    same = ticket.pass_id(start_ms)
    assert same == replace(ticket).pass_id(start_ms)
    assert len(same) == 32
    others = [replace(ticket, number=ticket.number ^ 1), replace(ticket, lane=ticket.lane + "x")]
    others.append(replace(ticket, holder=bytes(15) + b"\1"))
    assert same not in {other.pass_id(start_ms) for other in others} | {ticket.pass_id(start_ms ^ 1)}


def test_all_of_a_place_follows_from_its_number() -> None:
    """No byte is stored for it, and no two places share a holder: not those of two rooms or lanes either."""
    places = [("results", ""), ("results", "b"), ("resultsb", ""), ("r", "esults")]
    holders = {OFFICE.make(room, lane, number).holder for room, lane in places for number in range(1, 50)}
    assert len(holders) == 4 * 49
    assert OFFICE.make("results", "b", 7) == OFFICE.make("results", "b", 7)


@given(st.integers(1, 2**48 - 1), st.sampled_from(["", "vip", "مدعوون"]))
def test_a_resume_code_gives_the_same_ticket_back(number: int, lane: str) -> None:
    """On any device, however it is typed; and the ticket is the same text."""
    ticket = OFFICE.make("results", lane, number)
    code = OFFICE.code(ticket)
    for typed in (code, code.lower(), code.replace("-", ""), code.replace("0", "O").replace("1", "l")):
        assert OFFICE.resumed("results", ("", "vip", "مدعوون"), typed) == ticket


def test_a_resume_code_is_short() -> None:
    """20 characters at most for any of the first billion numbers, dashes included."""
    codes = [OFFICE.code(OFFICE.make("results", "", number)) for number in (1, 1_000_000, 1_000_000_000)]
    assert max(map(len, codes)) <= 20
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z-]+", code) for code in codes)


@given(st.text(max_size=60) | st.from_regex("[0-9A-HJKMNP-TV-Z]{14}", fullmatch=True))
def test_no_other_text_is_a_resume_code(text: str) -> None:
    """A guess finds nobody's place, and rubbish is refused in the one way."""
    with pytest.raises(InvalidTicket):
        OFFICE.resumed("results", ("", "vip"), text)


@pytest.mark.parametrize("digits", [13, 24, 25, 40])
def test_a_long_number_is_no_resume_code(digits: int) -> None:
    """Nor a fault of ours: no ticket has place for it."""
    with pytest.raises(InvalidTicket):
        OFFICE.resumed("results", [""], "Z" * digits)


def test_a_code_is_good_in_its_room_and_lane_alone() -> None:
    """And for its number alone."""
    code = OFFICE.code(OFFICE.make("results", "vip", 7))
    for room, lanes in (("result", ("", "vip")), ("results", ("",)), ("results", ("", "vi"))):
        with pytest.raises(InvalidTicket):
            OFFICE.resumed(room, lanes, code)
    with pytest.raises(InvalidTicket):
        OFFICE.resumed("results", ("", "vip"), "8" + code[1:])


def test_a_rotation_keeps_every_code() -> None:
    """Of a place made with the old key, also where its ticket was signed anew with the new one."""
    ticket = MADE.read(MADE.sign(MADE.read(OFFICE.sign(TICKET), "results")), "results")
    assert MADE.code(ticket) == OFFICE.code(TICKET)
    assert MADE.resumed("results", ("",), OFFICE.code(TICKET)) == TICKET
    assert MADE.make("results", "", 8).holder != OFFICE.make("results", "", 8).holder


def test_a_pass_leads_back_to_its_place() -> None:
    """So the end of a session frees the slot; ids that are made up lead nowhere."""
    ticket = MADE.make("results", "vip", 7)
    id_ = ticket.pass_id(1_795_507_745_123)
    assert MADE.of_pass("results", ("", "vip"), id_) == (ticket, 1_795_507_745_123)
    assert MADE.of_pass("results", ("", "vip"), OFFICE.make("results", "", 7).pass_id(5)) is not None
    for wrong in ("", "x", "é", id_[:-1], "B" + id_[1:], id_ + "AAAA", id_.swapcase()):
        assert MADE.of_pass("results", ("", "vip"), wrong) is None
    assert MADE.of_pass("other", ("", "vip"), id_) is None


@pytest.mark.parametrize(
    ("current", "secrets"),
    [("0000000a", {}), ("0a", {"0a": b"x" * 32}), ("0000000a", {"0000000a": b"short"})],
)
def test_keys_that_could_not_work_are_refused(current: str, secrets: dict[str, bytes]) -> None:
    """At construction, not at the first visitor."""
    with pytest.raises(ValueError):
        TicketKeys(current, secrets)


def test_secrets_are_not_in_a_repr() -> None:
    """A key set in a log line shows no secret."""
    assert "ooo" not in repr(TicketKeys(OLD[0], dict([OLD])))
