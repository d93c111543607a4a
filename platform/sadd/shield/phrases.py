"""Status lines."""

from http import HTTPStatus

_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}


def status_line(status: int) -> bytes:
    """The origin's own phrase is dropped: nobody reads it, and it is text of somebody else's."""
    return _LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
