"""Whether this worker lives, and whether it should be sent work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec
import structlog
from aiohttp import web

from sadd.web.answer import json_answer
from sadd.web.endpoint import Call, Endpoint

PROBE_PERIOD_SECONDS = 0.5
PROBE_TIMEOUT_SECONDS = 1.0

Probe = Callable[[], Awaitable[None]]
"""Asks a store whether it is there. ConnectionError or TimeoutError, or any other: it is away."""

OK = "ok"
_UNKNOWN = "away: not probed yet"

_log = structlog.get_logger("sadd.web")


class Liveness(msgspec.Struct, frozen=True):
    status: Literal["alive"] = "alive"


class Readiness(msgspec.Struct, frozen=True):
    """``stores`` says ``ok`` or ``away: <why>`` for each; ``draining`` is this worker's own end."""

    status: Literal["ready", "not-ready"]
    stores: dict[str, str]
    draining: bool


class Health:
    """The probes' last results. ``run`` refreshes them; whoever asks gets them at once."""

    def __init__(
        self,
        probes: Mapping[str, Probe],
        *,
        period_seconds: float = PROBE_PERIOD_SECONDS,
        timeout_seconds: float = PROBE_TIMEOUT_SECONDS,
    ) -> None:
        self._probes = dict(probes)
        self._period = period_seconds
        self._timeout = timeout_seconds
        self._stores = dict.fromkeys(probes, _UNKNOWN)
        self._draining = False

    @property
    def readiness(self) -> Readiness:
        ready = not self._draining and all(state == OK for state in self._stores.values())
        return Readiness("ready" if ready else "not-ready", dict(self._stores), self._draining)

    def drain(self) -> None:
        """Not ready from now on, whatever the stores say."""
        self._draining = True

    async def run(self) -> None:
        """Probe all stores every period, side by side, until cancelled."""
        while True:
            await self.probe()
            await asyncio.sleep(self._period)

    async def probe(self) -> None:
        """Ask every store once. Never raises for a store."""
        states = await asyncio.gather(*map(self._state, self._probes.values()))
        for name, state in zip(self._probes, states, strict=True):
            if state != self._stores[name]:
                log = _log.info if state == OK else _log.warning
                log("store", store=name, state=state, before=self._stores[name])
            self._stores[name] = state

    async def _state(self, probe: Probe) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                await probe()
        except TimeoutError:
            return "away: no answer in time"
        except Exception as error:
            # Only the kind: a message can hold an address or a password, and this page is public.
            code = getattr(
                error, "code", ""
            )  # of a store that answered that it cannot: MISCONF, OOM, READONLY
            return f"away: {type(error).__name__} {code}".rstrip()
        return OK


def endpoints(health: Health) -> list[Endpoint]:
    async def livez(_: Call) -> web.StreamResponse:
        return json_answer(Liveness())

    async def readyz(_: Call) -> web.StreamResponse:
        readiness = health.readiness
        return json_answer(readiness, 200 if readiness.status == "ready" else 503)

    return [
        Endpoint("GET", "/livez", livez, "Is the process alive?", "health", answers={200: Liveness}),
        Endpoint(
            "GET",
            "/readyz",
            readyz,
            "Should this worker be sent requests?",
            "health",
            answers={200: Readiness, 503: Readiness},
            description="At most half a second old. 503 while a store is away or the worker drains.",
        ),
    ]
