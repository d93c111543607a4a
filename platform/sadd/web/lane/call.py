"""One request on the lane: asked, answered, counted."""

from collections import deque
from contextvars import copy_context
from time import perf_counter
from typing import Any, Protocol

import msgspec
from multidict import CIMultiDict

from sadd.identity.caller import Caller
from sadd.telemetry.context import RequestContext, enter_request, new_request_id
from sadd.web.lane.table import Known, LaneRoute
from sadd.web.lane.wording import CLOSE, Dates, problem_bytes
from sadd.web.problem import Problem, internal_error
from sadd.web.route import SLOW_SECONDS, Site


class Sender(Protocol):
    """The connection, as a call sees it."""

    site: Site
    dates: Dates

    @property
    def peer(self) -> str: ...

    def answered(self, now: float) -> None:
        """One more call has its answer."""

    def end(self) -> None:
        """Close the connection after that."""


class LaneCall(msgspec.Struct):
    """A question to its endpoint, and the place of its answer among those of its connection.

    A struct since one is made for each request.
    """

    sender: Sender
    route: LaneRoute
    known: Known
    began: float
    caller: Caller | None = None
    body: Any = None
    answer: bytes = b""
    """Empty until it is known."""

    @property
    def agency(self) -> str:
        assert self.caller is not None, "an endpoint without a scope has no agency"
        return self.caller.agency

    @property
    def parameter(self) -> str:
        return self.known.parameter

    @property
    def method(self) -> str:
        return self.known.head.line.partition(b" ")[0].decode()

    @property
    def headers(self) -> CIMultiDict[str]:
        known = self.known
        fields = {name.decode(): value.decode() for name, value in known.head.fields.items()}
        if known.sent_id is not None:
            fields["x-request-id"] = known.sent_id
        if known.traceparent is not None:
            fields["traceparent"] = known.traceparent
        if known.session is not None:
            fields["sadd-session"] = known.session
        return CIMultiDict(fields)

    def field(self, name: bytes) -> str | None:
        if name == b"sadd-session":
            return self.known.session  # taken out of the head
        value = self.known.head.fields.get(name)
        return None if value is None else value.decode()

    @property
    def peer(self) -> str:
        return self.sender.peer

    def done(self, result: Any) -> None:
        """The result is there. Raises nothing, whatever became of the client: other calls come after."""
        try:
            body, lines = self.route.tell(result)
        except Exception as error:
            self.fail(error)
            return
        if self.answer:
            return  # whoever answers twice is wrong, but the first answer is on its way
        now, route, known, dates = perf_counter(), self.route, self.known, self.sender.dates
        request_id = known.request_id or new_request_id()
        more = dates.line if now < dates.until else dates.renewed(now)
        if known.is_marked or self.sender.site.draining:
            more += self._more(RequestContext(request_id, known.traceparent))
        self.answer = route.answer_head % (lines.encode(), request_id.encode(), len(body), more, body)
        seconds = now - self.began
        route.counters.in_flight -= 1
        route.count(200, seconds)
        if seconds > SLOW_SECONDS:
            self._note(RequestContext(request_id, known.traceparent), 200, now, seconds, None)
        self.sender.answered(now)

    def fail(self, error: Exception) -> None:
        """There is no result: a Problem is the answer, anything else is a fault of ours."""
        if self.answer:
            return
        now, dates = perf_counter(), self.sender.dates
        problem = error if isinstance(error, Problem) else internal_error()
        context = RequestContext(self.known.request_id or new_request_id(), self.known.traceparent)
        more = (dates.line if now < dates.until else dates.renewed(now)) + self._more(context)
        try:
            self.answer = problem_bytes(problem, context.request_id, more)
        except ValueError as unfit:  # one of its fields would be two
            problem, error = internal_error(), unfit
            self.answer = problem_bytes(problem, context.request_id, more)
        seconds = now - self.began
        self.route.counters.in_flight -= 1
        self.route.count(problem.status, seconds)
        if problem.status >= 500 or seconds > SLOW_SECONDS:
            self._note(context, problem.status, now, seconds, None if problem is error else error)
        self.sender.answered(now)

    def _more(self, context: RequestContext) -> bytes:
        """Lines that few answers have."""
        more = b""
        if self.sender.site.draining:
            more = CLOSE
            self.sender.end()
        if context.traceparent is not None:
            more += b"traceresponse: %b\r\n" % context.trace.traceparent.encode()
        return more

    def _note(
        self, context: RequestContext, status: int, now: float, seconds: float, failure: Exception | None
    ) -> None:
        """Log the request as aiohttp's path does, in a context of its own: we are inside somebody else's."""
        context.agency = self.caller.agency if self.caller is not None else None
        route = self.route.route

        def note() -> None:
            enter_request(context)
            route.note(self.method, status, now, seconds, failure)

        copy_context().run(note)


def taken_off(calls: "deque[LaneCall]") -> bytes:
    """Take off the calls that are answered, up to the first that is not; their answers in order."""
    ready = []
    while calls and calls[0].answer:
        ready.append(calls.popleft().answer)
    return b"".join(ready)
