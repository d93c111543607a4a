"""One request on the lane: asked, answered, counted."""

from collections import deque
from contextvars import copy_context
from time import perf_counter
from typing import Any, Protocol

from sadd.identity.caller import Caller
from sadd.telemetry.context import RequestContext, enter_request, request_id_from
from sadd.web.lane.table import Known, LaneRoute
from sadd.web.lane.wording import CLOSE, Dates, problem_bytes, worded
from sadd.web.problem import Problem, internal_error
from sadd.web.route import SLOW_SECONDS, Site


class Sender(Protocol):
    """The connection, as a call sees it."""

    site: Site
    dates: Dates

    def answered(self) -> None:
        """One more call has its answer."""


class LaneCall:
    """A question to its endpoint, and the place of its answer among those of its connection."""

    __slots__ = ("_began", "_known", "_route", "_sender", "answer", "body", "caller")

    def __init__(self, sender: Sender, route: LaneRoute, known: Known) -> None:
        self._sender = sender
        self._route = route
        self._known = known
        self.caller: Caller | None = None
        self.body: Any = None
        self.answer = b""
        """Empty until it is known."""
        route.counters.in_flight += 1
        self._began = perf_counter()

    @property
    def agency(self) -> str:
        assert self.caller is not None, "an endpoint without a scope has no agency"
        return self.caller.agency

    @property
    def parameter(self) -> str:
        return self._known.parameter

    def done(self, result: Any) -> None:
        """The result is there. Raises nothing, whatever became of the client: other calls come after."""
        self._settle(result, None)

    def fail(self, error: Exception) -> None:
        """There will be no result: the Problem is the answer, anything else is a fault of ours."""
        self._settle(None, error)

    def _settle(self, result: Any, error: Exception | None) -> None:
        """Word it, count it, send it."""
        if self.answer:
            return  # whoever answers twice is wrong, but the first answer is on its way
        now = perf_counter()
        head, sender = self._known.head, self._sender
        request_id = request_id_from(head.request_id)
        more = sender.dates.line(now)
        if sender.site.draining:
            more += CLOSE
        context: RequestContext | None = None
        if head.traceparent is not None:
            context = RequestContext(request_id, head.traceparent)
            more += b"traceresponse: %b\r\n" % context.trace.traceparent.encode()
        status = 200
        try:
            if error is not None:
                raise error
            body, fields = self._route.tell(result)
            lines = worded(fields)
            self.answer = self._route.answer_head % (lines, request_id.encode(), len(body), more, body)
        except Exception as raised:
            error = raised
            problem = raised if isinstance(raised, Problem) else internal_error()
            status = problem.status
            self.answer = problem_bytes(problem, request_id, more)
        seconds = now - self._began
        counters = self._route.counters
        counters.in_flight -= 1
        counters.count(status, seconds)
        if status >= 500 or seconds > SLOW_SECONDS:
            failure = None if isinstance(error, Problem) else error
            self._note(context or RequestContext(request_id, None), status, now, seconds, failure)
        sender.answered()

    def _note(
        self, context: RequestContext, status: int, now: float, seconds: float, failure: Exception | None
    ) -> None:
        """Log the request as aiohttp's path does, in a context of its own: we are inside somebody else's."""
        context.agency = self.caller.agency if self.caller is not None else None
        route = self._route.route

        def note() -> None:
            enter_request(context)
            route.note(route.endpoint.method, status, now, seconds, failure)

        copy_context().run(note)


def taken_off(calls: "deque[LaneCall]") -> bytes:
    """Take off the calls that are answered, up to the first that is not; their answers in order."""
    ready = []
    while calls and calls[0].answer:
        ready.append(calls.popleft().answer)
    return b"".join(ready)
