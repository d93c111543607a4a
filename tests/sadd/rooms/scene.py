"""Settings of rooms in the small catalogue."""

from typing import Any

from sadd.rooms.written import RoomSettings

RESULTS, REGISTER, CLINIC = "moehe-results", "moehe-register", "moph-appointment"


def room(id_: str = RESULTS, **settings: Any) -> RoomSettings:
    return RoomSettings(id_, **settings)


def shared(**settings: Any) -> RoomSettings:
    """One room for two services of MOEHE."""
    return RoomSettings("moehe-morning", services=(RESULTS, REGISTER), **settings)
