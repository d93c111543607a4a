"""The questions that the platform answers, and who decides when it does not."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sadd_client.answers import decision_of, decisions_of, integer, members, name
from sadd_client.clock import now
from sadd_client.courier import Courier
from sadd_client.decision import Check, Decision
from sadd_client.errors import IncompatiblePlatform, PlatformAway, UnknownPath
from sadd_client.lease import Lease, time_to_use
from sadd_client.loss import OnLoss, Stand
from sadd_client.ports import Io
from sadd_client.wire import Request

BATCH_MAX = 1_000

CALLS = (
    ("post", "/v1/limits/check"),
    ("post", "/v1/limits/check-batch"),
    ("post", "/v1/limits/leases"),
    ("post", "/v1/cache/{namespace}/{key}/lease"),
    ("get", "/v1/cache/{namespace}/events"),
    ("post", "/v1/sessions/current/touch"),
)
"""What ``verify`` looks for in the interface's own description."""


class Decider:
    """Of one client. ``stand`` is its way while the platform is away."""

    def __init__(self, courier: Courier, stand: Stand, io: Io, prefix: str, deadline_seconds: float) -> None:
        self._courier = courier
        self._stand = stand
        self._io = io
        self._mutex = io.mutex()
        self._prefix = prefix
        self.deadline_seconds = deadline_seconds
        self.decided_here = 0

    async def check(
        self,
        check: Check,
        *,
        deadline: float | None = None,
        on_loss: OnLoss | None = None,
    ) -> Decision:
        """Decide one."""
        body = {**check.members, "cost": check.cost}
        request = self._request("POST", "/v1/limits/check", body, check.policy, repeatable=check.cost == 0)
        try:
            answer = await self._courier.answer(request, deadline or self.deadline())
            return decision_of(answer)
        except PlatformAway as away:
            return self.decide_here(check, away, on_loss)

    async def check_batch(self, checks: Sequence[Check], on_loss: OnLoss | None = None) -> list[Decision]:
        """Decide each by itself, answers in order; a thousand go in a call."""
        decisions: list[Decision] = []
        for first in range(0, len(checks), BATCH_MAX):
            decisions += await self._batch(checks[first : first + BATCH_MAX], on_loss)
        return decisions

    async def lease(self, check: Check, tokens: int, deadline: float) -> Lease | None:
        """Up to ``tokens`` for a while; None when there are none to grant. PlatformAway, Problem."""
        began = now()  # before it is sent: the grantor's count begins later, so it ends later
        body = {**check.members, "tokens": tokens}
        request = self._request("POST", "/v1/limits/leases", body, check.policy)
        answer = await self._courier.answer(request, deadline)
        granted = members(answer)
        amount = min(integer(granted, "granted", answer), tokens)
        if amount == 0:
            return None
        expires_in_ms = integer(granted, "expires_in_ms", answer)
        return Lease(name(granted, "lease_id", answer), amount, began + time_to_use(expires_in_ms))

    async def give_back(self, policy: str, lease: str, unused: int, deadline: float) -> None:
        """Best effort: what does not arrive is lost with its lease. Nothing of it may be spent any more."""
        path = f"/v1/limits/leases/{quote(lease, safe='')}"
        request = self._request("DELETE", path, {"unused": unused}, policy, repeatable=True)
        await self._courier.answer(request, deadline)

    async def verify(self) -> str:
        """The platform's version. IncompatiblePlatform if it lacks calls of ours; PlatformAway."""
        request = self._request("GET", "/openapi.json", None, repeatable=True)
        try:
            described = members(await self._courier.answer(request, self.deadline()))
        except UnknownPath as unknown:
            raise IncompatiblePlatform(f"it describes no interface: {unknown}") from None
        return _version(described)

    def forget(self) -> None:
        """For a forked child."""
        self._mutex = self._io.mutex()
        self._stand.forget()

    def deadline(self) -> float:
        """For a call that begins now."""
        return now() + self.deadline_seconds

    def decide_here(self, check: Check, away: PlatformAway, on_loss: OnLoss | None) -> Decision:
        """By this client's way, since nobody else can say."""
        with self._mutex:
            self.decided_here += 1
            way = on_loss or self._stand.way
            return self._stand.decide(check, way, away.retry_after_seconds, now())

    async def _batch(self, checks: Sequence[Check], on_loss: OnLoss | None) -> list[Decision]:
        body = {"checks": [{**check.members, "cost": check.cost} for check in checks]}
        harmless = all(check.cost == 0 for check in checks)
        request = self._request("POST", "/v1/limits/check-batch", body, repeatable=harmless)
        try:
            answer = await self._courier.answer(request, self.deadline())
            return decisions_of(answer, len(checks))
        except PlatformAway as away:
            return [self.decide_here(check, away, on_loss) for check in checks]

    def _request(
        self, method: str, path: str, body: object, policy: str = "", *, repeatable: bool = False
    ) -> Request:
        encoded = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        return Request(method, self._prefix + path, encoded, policy, repeatable)


def _version(described: Mapping[str, Any]) -> str:
    paths, about = described.get("paths"), described.get("info")
    if not isinstance(paths, dict) or not isinstance(about, dict):
        raise IncompatiblePlatform("what describes itself there is no Sadd")
    missing = [f"{method.upper()} {path}" for method, path in CALLS if method not in paths.get(path, {})]
    if missing:
        raise IncompatiblePlatform(f"version {about.get('version')} has no {', no '.join(missing)}")
    return str(about.get("version"))
