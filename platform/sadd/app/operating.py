"""The operator's page, the history that it shows, and the lists of lanes: put together for one worker."""

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from queueing.recorder import Recorder, RoomGauges
from ratelimit.limiter import Limiter
from sadd.identity.ring import KeyRing
from sadd.rooms.invited import CHANNEL, Invited
from sadd.session.sessions import Sessions
from sadd.telemetry.metrics import Metrics
from sadd.web.challenge import Address
from sadd.web.endpoint import Endpoint
from sadd.web.operator import endpoints as pages
from sadd.web.operator.desk import Desk
from sadd.web.operator.door import Door


@dataclass(frozen=True, slots=True)
class Operating:
    """``recorder`` is told of the leader's steps, ``invited`` is asked at joins."""

    recorder: Recorder
    invited: Invited
    desk: Desk
    lists: Sequence[Endpoint]
    """Of those invited to lanes."""
    sessions: Sessions
    limiter: Limiter
    address: Address

    def endpoints(self, keys: KeyRing) -> list[Endpoint]:
        """``keys`` say who signs in."""
        door = Door(keys, self.sessions, self.limiter, self._asking)
        return [*pages.endpoints(door, self.desk), *self.lists]

    def show(self, metrics: Metrics) -> None:
        metrics.register("sadd_room_history", self.recorder.stats)
        names = RoomGauges.__slots__
        metrics.register(
            "sadd_room",
            self.recorder.rooms,
            gauges=dict.fromkeys(names, "max"),
            labels=dict.fromkeys(names, "room"),
        )
        metrics.register("sadd_invited", self.invited.stats, gauges={"rooms": "max"})

    def work(self) -> Iterator[Coroutine[Any, Any, None]]:
        yield self.recorder.run()

    def changes(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        yield CHANNEL, self.invited.refresh

    def _asking(self, request: web.Request) -> str:
        """Where a request is from; the proxy's own address where it does not tell for whom it calls."""
        return self.address.of(request) or request.remote or ""
