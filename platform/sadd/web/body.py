"""The body of a request: read within its bounds, then decoded into the endpoint's struct."""

import asyncio
import json
from typing import Any

import msgspec
from aiohttp import hdrs, web

from sadd.web.fault import located, pointer
from sadd.web.problem import Problem, body_too_large, invalid_request, request_timeout, unsupported_media_type


async def read_body(request: web.Request, max_bytes: int, timeout_seconds: float) -> bytes:
    """The whole body. Problem: larger than ``max_bytes``, or not complete in time."""
    length = request.content_length
    if length is not None and length > max_bytes:
        raise body_too_large(max_bytes)
    try:
        if request.content.is_eof():  # it came with the head, as small bodies do: no timer needed
            raw = await request.read()
        else:
            async with asyncio.timeout(timeout_seconds):
                raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise body_too_large(max_bytes) from None
    except TimeoutError:
        raise request_timeout() from None
    except (ConnectionError, web.RequestPayloadError):
        # Broken chunks, or the client is gone: nobody may be there to read this answer.
        raise invalid_request("The body is not complete.", status=400) from None
    if len(raw) > max_bytes:  # not announced, and within the bound that aiohttp knows
        raise body_too_large(max_bytes)
    return raw


class JsonBody:
    """Decodes one struct type from JSON, strictly. Built once for each endpoint."""

    __slots__ = ("_decode",)

    def __init__(self, model: type[msgspec.Struct]) -> None:
        self._decode = msgspec.json.Decoder(model, strict=True).decode

    def check_media_type(self, request: web.Request) -> None:
        """Problem unless the body says that it is plain JSON."""
        media_type = request.headers.get(hdrs.CONTENT_TYPE, "")
        if media_type != "application/json" and not _is_json(media_type):
            raise unsupported_media_type("Send Content-Type: application/json.")
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
            raise unsupported_media_type("Send the body without a Content-Encoding.")

    def decode(self, raw: bytes) -> Any:
        """The struct. Problem names the field that is wrong."""
        try:
            if not raw.isascii():
                raw.decode()  # what the struct takes as ``Raw`` is else kept unread
            return self._decode(raw)
        except msgspec.ValidationError as error:
            raise _refusal(str(error)) from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise invalid_request(f"The body is not JSON: {_fault(raw, error)}", status=400) from None
        except RecursionError:
            raise invalid_request("The body is nested too deeply.", status=400) from None


def _is_json(media_type: str) -> bool:
    """JSON is UTF-8 (RFC 8259), so saying so is all right and saying anything else is not."""
    name, _, parameters = media_type.lower().replace('"', "").partition(";")
    return name.strip() == "application/json" and parameters.strip() in ("", "charset=utf-8")


def _fault(raw: bytes, error: Exception) -> str:
    """What is wrong with it; msgspec says of half a surrogate pair that the body was cut short."""
    try:
        json.dumps(json.loads(raw), ensure_ascii=False).encode()
    except UnicodeEncodeError as half:
        return f"\\u{ord(half.object[half.start]):04x} is half a surrogate pair and no character"
    except (ValueError, RecursionError):
        pass
    return str(error)


def _refusal(message: str) -> Problem:
    steps, what = located(message)
    place = pointer(steps)
    detail = f"{what} at {place}" if steps else what
    return invalid_request(detail, errors=[{"pointer": place, "detail": what}])
