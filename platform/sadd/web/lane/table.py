"""Which endpoints are on the lane, and the heads that were read lately."""

from collections.abc import Iterable

import msgspec

from sadd.web.endpoint import PATH_PARAMETER
from sadd.web.lane.head import Head, read_head, take_marks
from sadd.web.lane.wording import answer_head
from sadd.web.route import Route

HEADS_MAX = 1024
"""Heads that a worker remembers. A client sends the same one with nearly each of its requests."""

HEAD_BYTES_MAX = 1024
"""Larger heads are read anew each time: so all remembered ones take a megabyte or two."""

# One segment that means to aiohttp's router what it says, and that needs no decoding.
_SEGMENT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class LaneRoute:
    """A mounted endpoint of the lane, with what is used for each request at hand."""

    __slots__ = ("answer_head", "ask", "authorised", "counters", "decode", "reads", "route", "tell")

    def __init__(self, route: Route) -> None:
        lane = route.endpoint.lane
        assert lane is not None, "an endpoint of the lane says how"
        self.route = route
        self.ask = lane.ask
        self.tell = lane.tell
        self.answer_head = answer_head(lane.cache_control)
        self.counters = route.counters
        self.authorised = route.authorised
        self.decode = route.decode
        self.reads = route.reads


class Known(msgspec.Struct, frozen=True):
    """A head with the endpoint that it is for; ``route`` is None if that is none of the lane's."""

    head: Head
    route: LaneRoute | None
    parameter: str
    size: int
    """Bytes of the head and its body."""
    request_id: str | None = None
    traceparent: str | None = None


class LaneTable:
    """Finds the endpoint of a head, by its exact bytes where it was seen before."""

    def __init__(self, routes: Iterable[Route], *, head_bytes_max: int, fields_max: int) -> None:
        self._exact: dict[bytes, LaneRoute] = {}
        self._prefixes: dict[bytes, LaneRoute] = {}
        self._head_bytes_max = head_bytes_max
        self._fields_max = fields_max
        self._remembered: dict[bytes, Known] = {}
        self.remembered = self._remembered.get
        """The head of these bytes if it was seen before; called for each request."""
        for route in routes:
            self._add(LaneRoute(route))

    def __bool__(self) -> bool:
        return bool(self._exact or self._prefixes)

    def _add(self, route: LaneRoute) -> None:
        endpoint = route.route.endpoint
        path, _, last = endpoint.path.rpartition("/")
        if PATH_PARAMETER.fullmatch(last):
            self._prefixes[f"{endpoint.method} {path}".encode()] = route
        else:
            assert "{" not in endpoint.path, "the lane takes a parameter in the last segment only"
            self._exact[f"{endpoint.method} {endpoint.path}".encode()] = route

    def read(self, raw: bytes) -> Known | None:
        """The head, parsed; None if where its request ends is for aiohttp to say."""
        if len(raw) > self._head_bytes_max:
            return None
        marks = take_marks(raw)
        known = self._remembered.get(marks.rest)
        if known is None:
            head = read_head(marks.rest, self._fields_max)
            if head is None:
                return None
            route, parameter = self._find(head)
            known = Known(head, route, parameter, len(marks.rest) + head.length)
        if marks.rest is raw:
            return known
        size = len(raw) + known.head.length
        return Known(known.head, known.route, known.parameter, size, marks.request_id, marks.traceparent)

    def remember(self, raw: bytes, known: Known) -> None:
        """Only for heads whose key was right: what strangers send pushes nobody else's out."""
        if known.request_id is not None or known.traceparent is not None:
            raw = take_marks(raw).rest
            known = Known(known.head, known.route, known.parameter, len(raw) + known.head.length)
        if len(raw) <= HEAD_BYTES_MAX:
            if len(self._remembered) >= HEADS_MAX:
                self._remembered.clear()
            self._remembered[raw] = known

    def _find(self, head: Head) -> tuple[LaneRoute | None, str]:
        found, parameter = self._exact.get(head.line), ""
        if found is None:
            prefix, _, last = head.line.rpartition(b"/")
            named = last.strip(b".") and _SEGMENT.issuperset(last)  # not empty, ".", "..", encoded, a query
            found = self._prefixes.get(prefix) if named else None
            parameter = last.decode()
        if found is None or not head.usual or head.length > found.route.body_bytes_max:
            return None, ""
        # A body where none is read, or none where one is: aiohttp says what comes of it.
        if (head.json and head.length > 0) if found.route.reads else head.length == 0:
            return found, parameter
        return None, ""
