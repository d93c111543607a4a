"""Which endpoints are on the lane, and the heads that were read lately."""

from collections.abc import Iterable

import msgspec

from sadd.telemetry.context import request_id_from
from sadd.web.endpoint import PATH_PARAMETER
from sadd.web.lane.head import Head, read_head, take_marks
from sadd.web.lane.tails import SEGMENT, Fields, Tail, before_tail
from sadd.web.lane.wording import answer_head
from sadd.web.route import Keys, Route

HEADS_MAX = 1024
"""Heads that a worker remembers. A client sends the same one with nearly each of its requests."""

TAIL_HEADS_MAX = 512
"""Of them, those with a parameter of many values: there is one for each key of the cache."""

HEAD_BYTES_MAX = 1024
"""Larger heads are read anew each time: so all remembered ones take a megabyte or two."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Of an endpoint that takes any: those whose answers have a body."""


class LaneRoute:
    """A mounted endpoint of the lane, with what is used for each request at hand."""

    __slots__ = (
        "answer_head",
        "ask",
        "authenticate",
        "count",
        "counters",
        "decode",
        "may_be_bare",
        "reads",
        "route",
        "scope",
        "tell",
    )

    def __init__(self, route: Route, keys: Keys) -> None:
        lane = route.endpoint.lane
        assert lane is not None, "an endpoint of the lane says how"
        self.route = route
        self.ask = lane.ask
        self.tell = lane.tell
        self.answer_head = answer_head(lane.media_type, lane.cache_control)
        self.counters = route.counters
        self.count = route.counters.count
        self.authenticate = keys.authenticate
        self.scope = route.endpoint.scope
        self.decode = route.decode
        self.reads = route.reads
        self.may_be_bare = route.endpoint.body_optional


class Known(msgspec.Struct, frozen=True):
    """A head with the endpoint that it is for; ``route`` is None if that is none of the lane's."""

    head: Head
    route: LaneRoute | None
    parameter: str
    size: int
    """Bytes of the head and its body."""
    news: bytes = b""
    """The head without its marks if it is not remembered, else empty."""
    request_id: str | None = None
    """None: a new one is made."""
    sent_id: str | None = None
    """As it came, well-formed or not."""
    traceparent: str | None = None
    is_marked: bool = False
    """It has an id or a trace of its own."""
    session: str | None = None
    """As ``Sadd-Session`` has it."""


class LaneTable:
    """Finds the endpoint of a head, by its exact bytes where it was seen before."""

    def __init__(self, routes: Iterable[Route], keys: Keys, *, head_bytes_max: int, fields_max: int) -> None:
        self._exact: dict[bytes, LaneRoute] = {}
        self._prefixes: dict[bytes, LaneRoute] = {}
        self._between: dict[tuple[bytes, bytes], LaneRoute] = {}
        """By what stands before the parameter, and the one segment behind it."""
        self._tails: list[tuple[Tail, LaneRoute]] = []
        self._tail_fields = Fields()
        self._tail_heads: list[bytes] = []
        """Those of the remembered heads that end in such parameters: they push out only one another."""
        self._head_bytes_max = head_bytes_max
        self._fields_max = fields_max
        self._is_stranger = keys.is_stranger
        self._remembered: dict[bytes, Known] = {}
        self.remembered = self._remembered.get
        """The head of these bytes if it was seen before; called for each request."""
        self._public: dict[bytes, Known] = {}
        for route in routes:
            self._add(LaneRoute(route, keys))

    def __bool__(self) -> bool:
        return bool(self._exact or self._prefixes or self._between or self._tails)

    def _add(self, route: LaneRoute) -> None:
        endpoint = route.route.endpoint
        methods = METHODS if endpoint.method == "*" else (endpoint.method,)
        if (place := before_tail(endpoint.path)) is not None:
            assert endpoint.lane is not None, "an endpoint of the lane says how"
            self._tails += [(Tail(method, place, endpoint.lane.taken), route) for method in methods]
            return
        place, last, behind = _cut(endpoint.path)
        assert "{" not in place + behind, "the lane takes one parameter, in one of the last two segments"
        for line in (f"{method} {place}".encode() for method in methods):
            if not last:
                self._exact[line] = route
            elif behind:
                self._between[line, behind.encode()] = route
            else:
                self._prefixes[line] = route

    def read(self, raw: bytes) -> Known | None:
        """The head, parsed; None if where its request ends is for aiohttp to say."""
        if len(raw) > self._head_bytes_max:
            return None
        marks = take_marks(raw)
        known = (
            self._remembered.get(marks.rest) or self._public.get(marks.rest) or self._by_fields(marks.rest)
        )
        if known is None:
            head = read_head(marks.rest, self._fields_max)
            if head is None:
                return None
            route, parameter = self._find(head)
            known = Known(head, route, parameter, len(marks.rest) + head.length, marks.rest)
        if marks.rest is raw:
            return known
        return Known(
            known.head,
            known.route,
            known.parameter,
            len(raw) + known.head.length,
            known.news,
            None if marks.request_id is None else request_id_from(marks.request_id),
            marks.request_id,
            marks.traceparent,
            marks.request_id is not None or marks.traceparent is not None,
            marks.session,
        )

    def is_strange(self, head: Head) -> bool:
        """It has a key that is not known here, yet: aiohttp looks it up, the lane waits for nothing."""
        return head.authorization is not None and self._is_stranger(head.authorization)

    def remember(self, known: Known, *, is_public: bool = False) -> None:
        """A head whose key was right, or one of a public endpoint without a key.

        The latter have a memory of their own: what strangers send pushes nobody else's out.
        """
        head, raw = known.head, known.news
        if len(raw) <= HEAD_BYTES_MAX:
            memory = self._public if is_public else self._remembered
            if len(memory) >= HEADS_MAX:
                memory.clear()
            memory[raw] = Known(head, known.route, known.parameter, len(raw) + head.length)
            if not is_public and "/" in known.parameter:
                self._remember_tail(raw, head)

    def _remember_tail(self, raw: bytes, head: Head) -> None:
        self._tail_fields.remember(raw, head)
        if len(self._tail_heads) >= TAIL_HEADS_MAX:
            for other in self._tail_heads:
                self._remembered.pop(other, None)
            self._tail_heads.clear()
        self._tail_heads.append(raw)

    def _by_fields(self, raw: bytes) -> Known | None:
        """A head whose line alone is new, if it is one whose parameters are the rest of the path."""
        head = self._tail_fields.head(raw)
        if head is None:
            return None
        route, parameter = self._tail(head.line)
        return None if route is None else Known(head, route, parameter.decode(), len(raw), raw)

    def _tail(self, line: bytes) -> tuple[LaneRoute | None, bytes]:
        for tail, route in self._tails:
            if rest := tail.rest(line):
                return route, rest
        return None, b""

    def _find(self, head: Head) -> tuple[LaneRoute | None, str]:
        found, parameter = self._exact.get(head.line), b""
        if found is None:
            prefix, _, parameter = head.line.rpartition(b"/")
            found = self._prefixes.get(prefix)
            if found is None:
                behind = parameter
                prefix, _, parameter = prefix.rpartition(b"/")
                found = self._between.get((prefix, behind))
            if found is None:
                found, parameter = self._tail(head.line)
            # Not empty, ".", "..", encoded, a query.
            elif not (parameter.strip(b".") and SEGMENT.issuperset(parameter)):
                return None, ""
        if found is None or not head.usual or head.length > found.route.body_bytes_max:
            return None, ""
        # A body where none is read, or none where one is: aiohttp says what comes of it.
        fits = (found.reads and head.json) if head.length else (found.may_be_bare or not found.reads)
        return (found, parameter.decode()) if fits else (None, "")


def _cut(path: str) -> tuple[str, str, str]:
    """What stands before the parameter, the parameter, and the segment behind it; without one it all."""
    before, _, last = path.rpartition("/")
    if PATH_PARAMETER.fullmatch(last):
        return before, last, ""
    start, _, middle = before.rpartition("/")
    return (start, middle, last) if PATH_PARAMETER.fullmatch(middle) else (path, "", "")
