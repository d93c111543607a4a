"""Which page a visitor sees, by where he stands and what the room's public document says."""

from dataclasses import replace
from typing import get_args

import pytest
from msgspec import structs

from queueing.standing import Estimate, RoomState, RoomStatus, Standing, State
from sadd.web.room_page.showing import state_of
from sadd.web.room_page.view import PAGE_STATES, PageState

STATUS = RoomStatus("results", "queueing", 100, 200, 50, 600)
STANDING = Standing("AT", 150, "waiting", 50, Estimate(1, 2), 3_000)


@pytest.mark.parametrize(
    ("room", "alone", "waiting"),
    [
        ("open", "join", "waiting"),
        ("queueing", "join", "waiting"),
        ("paused", "join", "paused"),
        ("closed", "closed", "closed"),
        ("scheduled", "scheduled", "early"),
        ("gathering", "join", "early"),
        ("ended", "ended", "ended"),
    ],
)
def test_by_the_rooms_state(room: RoomState, alone: PageState, waiting: PageState) -> None:
    """For who has no place, and for who waits. Before an event people stand in line already."""
    status = replace(STATUS, state=room)
    assert state_of(None, status) == alone
    assert state_of(STANDING, status) == waiting


def test_before_a_draw() -> None:
    """Who is not in it may enter it; who is, is told so."""
    status = replace(STATUS, state="gathering")
    assert state_of(None, status, by_draw=True) == "gathering"
    entered = structs.replace(STANDING, state="gathering", number=0)
    assert state_of(entered, status, by_draw=True) == "gathered"


@pytest.mark.parametrize(
    ("state", "page"),
    [
        ("called", "called"),
        ("admitted", "admitted"),
        ("expired", "expired"),
        ("abandoned", "left"),
        ("completed", "left"),
    ],
)
@pytest.mark.parametrize("room", get_args(RoomState))
def test_who_was_called_is_told_whatever_the_room_does(
    room: RoomState, state: State, page: PageState
) -> None:
    """A pause or an end takes no turn and no pass away."""
    status = replace(STATUS, state=room, stock_left=0 if room == "ended" else None)
    assert state_of(structs.replace(STANDING, state=state), status) == page


def test_a_used_up_stock() -> None:
    """Told to who waits and who comes, apart from an event that is over."""
    status = replace(STATUS, state="ended", stock_left=0)
    assert state_of(None, status) == state_of(STANDING, status) == "stock_ended"


def test_every_standing_has_its_page() -> None:
    """Whatever states there are."""
    for state in get_args(State):
        assert state_of(structs.replace(STANDING, state=state), STATUS) in PAGE_STATES
