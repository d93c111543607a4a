"""Paths whose rest is two parameters, ``/v1/cache/{namespace}/{key:.+}``: each key is another head.

A client sends the same fields with every key. So the fields are remembered apart from the line: a head whose
fields were seen, and whose line is spelled in the one plain way, need not be parsed.
"""

from sadd.web.endpoint import PATH_PARAMETER
from sadd.web.lane.head import Head

FIELDS_MAX = 256
"""Fields of heads that a worker remembers, of at most HEAD_BYTES_MAX each."""

VERSION = b" HTTP/1.1"

# One segment that means to aiohttp's router what it says, and that needs no decoding.
SEGMENT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

# What a segment of the rest may have besides (RFC 3986, section 3.3) and is not decoded either.
_REST = SEGMENT | frozenset(b":@,=+!$*()';/")


class Tail:
    """One such route: what its lines begin with, and what another endpoint answers."""

    __slots__ = ("begins", "taken")

    def __init__(self, method: str, place: str, taken: frozenset[str]) -> None:
        self.begins = f"{method} {place}/".encode()
        self.taken = frozenset(name.encode() for name in taken)

    def rest(self, line: bytes) -> bytes:
        """Both parameters of ``GET /place/{first}/{second}``, plain, without "." and ".."; else nothing."""
        if not line.startswith(self.begins):
            return b""
        rest = line[len(self.begins) :]
        first, _, second = rest.partition(b"/")
        plain = second and second not in self.taken and SEGMENT.issuperset(first) and _REST.issuperset(second)
        return rest if plain and all(one.strip(b".") for one in rest.split(b"/")) else b""


class Fields:
    """Of heads without a body whose key was right."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[bytes, Head] = {}

    def remember(self, raw: bytes, head: Head) -> None:
        if not head.length and head.usual:
            if len(self._seen) >= FIELDS_MAX:
                self._seen.clear()
            self._seen[raw.partition(b"\r\n")[2]] = head

    def head(self, raw: bytes) -> Head | None:
        """The head that these bytes are, if its fields were seen; its line is not judged yet."""
        line, _, fields = raw.partition(b"\r\n")
        seen = self._seen.get(fields)
        if seen is None or not line.endswith(VERSION):
            return None
        line = line[: -len(VERSION)]
        return Head(line, 0, True, seen.json, seen.authorization, seen.fields)


def before_tail(path: str) -> str | None:
    """What stands before two parameters that end the path, of which the last takes all; else None."""
    parameters = list(PATH_PARAMETER.finditer(path))
    if len(parameters) != 2 or parameters[1]["pattern"] != ".+":
        return None
    first, second = parameters
    ends = second.end() == len(path) and path[first.end() : second.start()] == "/"
    return path[: first.start() - 1] if ends else None
