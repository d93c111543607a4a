"""Tickets: what is signed is read, and nothing else is."""

import base64
import json
from dataclasses import replace

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueing.ticket import HEAD_BYTES, InvalidTicket, Ticket, TicketKeys, TicketOffice

OLD, NEW = ("0000000a", b"o" * 32), ("0000000b", b"n" * 32)
OFFICE = TicketOffice(TicketKeys(OLD[0], dict([OLD])))
TICKET = Ticket("results", 7, 1_795_507_745_123, b"h" * 16)

tickets = st.builds(
    Ticket,
    room=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    number=st.integers(1, 2**63),
    issued_ms=st.integers(0, 2**48 - 1),
    holder=st.binary(min_size=16, max_size=16),
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
    for length in (0, 6, 8, 255):
        shifted = raw.copy()
        shifted[HEAD_BYTES - 1] = length
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


@given(tickets)
def test_a_place_has_one_pass_id(ticket: Ticket) -> None:
    """The same place always, also after a rotation of keys; another number or holder has another."""
    assert ticket.pass_id == replace(ticket).pass_id
    assert ticket.pass_id != replace(ticket, number=ticket.number + 1).pass_id
    assert ticket.pass_id != replace(ticket, holder=bytes(15) + b"\1").pass_id


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
