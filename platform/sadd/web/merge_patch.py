"""A JSON merge patch (RFC 7396) of a room's settings."""

from typing import Any

import msgspec

from sadd.rooms.written import RoomSettings
from sadd.web.endpoint import Call
from sadd.web.fault import located, pointer
from sadd.web.problem import Problem, invalid_request


def patch_of(call: Call) -> dict[str, Any]:
    """Problem: the body is none."""
    if call.request.content_type not in ("application/json", "application/merge-patch+json"):
        raise Problem(
            415,
            "unsupported-media-type",
            "The body has the wrong media type.",
            "Send Content-Type: application/json.",
        )
    try:
        return msgspec.json.decode(call.body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise invalid_request(f"The body is no JSON object: {error}", status=400) from None


def patched(id_: str, before: RoomSettings | None, patch: dict[str, Any]) -> RoomSettings:
    """Problem: the result is no settings, with the place in the body."""
    merged = merge(msgspec.to_builtins(before or RoomSettings(id_)), patch)
    try:
        settings = msgspec.convert(merged, RoomSettings)
    except msgspec.ValidationError as error:
        steps, what = located(str(error))
        place = pointer(steps)
        raise invalid_request(f"{what} at {place}", errors=[{"pointer": place, "detail": what}]) from None
    if settings.id != id_:
        what = "a room keeps its id"
        raise invalid_request(what, errors=[{"pointer": "#/id", "detail": what}])
    return settings


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396. As deep as the patch, which the body's bound keeps shallow."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged
