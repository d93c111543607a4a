"""Server-Sent Events (WHATWG HTML, 9.2), as they come in pieces."""

from dataclasses import dataclass

EVENT_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    text: str
    id: str = ""


class Parser:
    """``feed`` gives the events that are whole. ValueError when one is longer than EVENT_BYTES_MAX."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, came: bytes) -> list[Event]:
        *whole, self._rest = (self._rest + came).replace(b"\r\n", b"\n").split(b"\n\n")
        if len(self._rest) > EVENT_BYTES_MAX:
            raise ValueError(f"an event is over {EVENT_BYTES_MAX} bytes")
        events = [_event(block.decode("utf-8", "replace")) for block in whole]
        return [event for event in events if event is not None]


def _event(block: str) -> Event | None:
    """None for a comment, and for what has no text."""
    kind, id_, texts = "message", "", list[str]()
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                kind = value
            case "data":
                texts.append(value)
            case "id":
                id_ = value
    return Event(kind, "\n".join(texts), id_) if texts else None
