"""What an operator may change of a room, tried before it is done. Each lever makes settings of settings."""

from collections.abc import Callable, Mapping

from msgspec import structs

from sadd.catalogue.model import Name
from sadd.rooms.registry import Make
from sadd.rooms.written import RoomSettings

DIGITS_MAX = 9
METHODS = ("fifo", "lottery", "passthrough")
"""With which a room can be opened again."""

Fields = Mapping[str, str]


class Misused(Exception):
    """The form does not say what to do. ``word`` names the sentence that tells it, ``detail`` says more."""

    def __init__(self, word: str, detail: str = "") -> None:
        super().__init__(word)
        self.word = word
        self.detail = detail


def lever(name: str, id_: str, fields: Fields) -> Make:
    """The lever of that name for a room, as the registry of rooms takes it. Raises Misused, now or then."""
    pulled = LEVERS.get(name)
    if pulled is None:
        raise Misused("foreign")

    def make(before: RoomSettings | None) -> RoomSettings:
        return pulled(before or RoomSettings(id_), fields)

    return make


def _pause(settings: RoomSettings, _: Fields) -> RoomSettings:
    return structs.replace(settings, suspended=True)


def _resume(settings: RoomSettings, _: Fields) -> RoomSettings:
    return structs.replace(settings, suspended=False)


def _rate(settings: RoomSettings, fields: Fields) -> RoomSettings:
    return structs.replace(
        settings,
        outflow_per_minute=_whole(fields, "outflow_per_minute"),
        active_cap=_whole(fields, "active_cap"),
    )


def _close(settings: RoomSettings, _: Fields) -> RoomSettings:
    return structs.replace(settings, method="closed")


def _reopen(settings: RoomSettings, fields: Fields) -> RoomSettings:
    method = fields.get("method", "fifo")
    if method not in METHODS:
        raise Misused("wrong", "method")
    return structs.replace(settings, method=method)


def _message(settings: RoomSettings, fields: Fields) -> RoomSettings:
    # A text area sends CR LF; what is kept has LF.
    ar, en = (fields.get(name, "").replace("\r\n", "\n").strip() for name in ("message_ar", "message_en"))
    if bool(ar) != bool(en):
        raise Misused("both_languages")
    return structs.replace(settings, message=Name(ar, en) if ar else None)


LEVERS: Mapping[str, Callable[[RoomSettings, Fields], RoomSettings]] = {
    "pause": _pause,
    "resume": _resume,
    "rate": _rate,
    "close": _close,
    "reopen": _reopen,
    "message": _message,
}


def _whole(fields: Fields, name: str) -> int:
    """Digits of any script."""
    text = fields.get(name, "").strip()
    if not text.isdecimal() or len(text) > DIGITS_MAX:
        raise Misused("not_a_number", name)
    return int(text)
