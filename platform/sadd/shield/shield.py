"""The shield: answers requests for the services of the catalogue from the cache, or from their origins.

Limits, waiting room and session stand in front by the gate's own functions, and fail as they do there. An
answer that is the same for everybody and lies in memory costs nobody anything, so it is given without asking
them. The store of the cache away: every request goes to the origin, which never gets more at once than the
catalogue says it bears. The origin away: stale where that is allowed, else 502, 503 or 504.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import partial

from cache.rfc9111.status import cache_status
from sadd.gate.gate import Gate
from sadd.gate.knock import Caller, Knock
from sadd.gate.original import Original
from sadd.gate.reply import SUBJECT, Reply
from sadd.settings import Shield as Settings
from sadd.shield.asking import Unanswered
from sadd.shield.caching import Caching
from sadd.shield.call import Call
from sadd.shield.fields import Multi
from sadd.shield.finding import NAME
from sadd.shield.forwarding import ask_of, forward
from sadd.shield.head import Fields, Head
from sadd.shield.hops import is_loop
from sadd.shield.quick import Quick
from sadd.shield.sites import Site, Sites
from sadd.shield.visitor import address_of, scheme_of, told_of
from sadd.shield.wording import last_words, told
from sadd.web.problem import Problem, internal_error

ANSWERS = ("hit", "stale", "collapsed", "miss", "passed", "refused")
_SHOWN_TO_CLIENT = ("RateLimit", "RateLimit-Policy", "Set-Cookie")


@dataclass(frozen=True, slots=True)
class ShieldStats:
    answers: dict[str, int]
    """By how they came about."""
    origins_failed: dict[str, int]
    origin_held: int
    origin_opened: int
    breakers_opened: int
    purges_failed: int
    """Changes whose pages could not be ended, for the store was away."""


class Shield:
    """Of one worker."""

    def __init__(self, sites: Sites, gate: Gate, caching: Caching, quick: Quick, settings: Settings) -> None:
        self._sites = sites
        self._gate = gate
        self._caching = caching
        self._quick = quick
        self._settings = settings
        self._answers: Counter[str] = Counter(dict.fromkeys(ANSWERS, 0))
        self._failed: Counter[str] = Counter()
        self.at_once = quick.at_once
        self.at_hand = quick.at_hand
        self.trusts = gate.trusts

    async def serve(self, call: Call) -> None:
        """Answer. An origin that fails half-way raises, which ends the connection."""
        site = self._sites.of(call.head.host)
        if site is None:
            self._say(call, _misdirected(call.head))
        elif is_loop(call.head.fields):
            self._say(call, Problem(508, "loop-detected", "This request has come here before."))
        else:
            try:
                await self._serve(call, site)
            except Unanswered as failed:
                self._failed[failed.kind] += 1
                self._say(call, failed.problem, failed.kind)

    def refusal(self, problem: Problem, head: Head | None) -> bytes:
        self._answers["refused"] += 1
        return last_words(problem, head, (_status("refused"),))

    def stats(self) -> ShieldStats:
        pools = self._sites.pools.values()
        answers = dict(self._answers)
        answers["hit"] += self._quick.hits
        return ShieldStats(
            answers,
            dict(self._failed),
            sum(pool.held for pool in pools),
            sum(pool.opened for pool in pools),
            sum(pool.breaker.opened for pool in pools),
            self._caching.purges_failed,
        )

    async def _serve(self, call: Call, site: Site) -> None:
        head = call.head
        scheme = scheme_of(head, trusted=self._gate.trusts(call.peer))
        page = self._caching.page(head, site, scheme)
        if not isinstance(page, str) and page.is_public and await self._caching.answer_kept(call, page):
            self._answers["hit"] += 1
            return
        address = address_of(self._gate, call.peer, head)
        reply = await self._leave(call, site, address)
        more = told_to_client(reply)
        if reply.problem is not None:
            self._say(call, reply.problem, "refused", more)
            return
        if not isinstance(page, str):
            how = await self._caching.answer(call, page, more)
            if how:
                self._answers[how] += 1
                return
        subject = reply.fields.get(SUBJECT, "")
        ask = ask_of(call, told_of(head, scheme, address, subject))
        status = _status(page if isinstance(page, str) else "own-answer")
        ends = partial(self._caching.ends, head, site)
        await forward(call, site, ask, (*more, status), self._settings, ends)
        self._answers["passed"] += 1

    async def _leave(self, call: Call, site: Site, address: str) -> Reply:
        """Room, session, limits: the gate's own answer for the request that we hold."""
        head = call.head
        headers = Multi(head.fields)
        uri = head.target.decode("latin-1")
        method = head.method.decode("latin-1")
        knock = Knock(site.service.id, call.peer, headers, method, uri)
        caller = Caller(address, Original(method, uri))
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._gate.ask_for(knock, caller, partial(_settle, waiting))
        return await waiting

    def _say(self, call: Call, problem: Problem, detail: str = "refused", more: Fields = ()) -> None:
        """A problem, if no answer has begun; else the connection ends without one."""
        if call.status:
            raise internal_error()
        self._answers["refused"] += 1
        call.answer(*told(problem, call.head, (_status(detail), *more)))


def _status(detail: str) -> tuple[bytes, bytes]:
    return cache_status(NAME, fwd="method" if detail == "method" else "bypass", detail=detail)


def told_to_client(reply: Reply) -> Fields:
    """The fields of a reply of the gate that are for the visitor."""
    return tuple(
        (name.lower().encode(), reply.fields[name].encode("latin-1", "replace"))
        for name in _SHOWN_TO_CLIENT
        if name in reply.fields and (reply.problem is None or name not in reply.problem.headers)
    )


def _settle(waiting: "asyncio.Future[Reply]", said: Reply) -> None:
    if not waiting.done():
        waiting.set_result(said)


def _misdirected(head: Head) -> Problem:
    name = head.host.decode("latin-1")
    return Problem(
        421, "misdirected-request", "No service by this name is served here.", f"There is no {name!r}."
    )
