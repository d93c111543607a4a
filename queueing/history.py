"""What a room did in the last hour: one sample each five seconds, kept with the room's hot state.

The leader writes it after a step, so there is one history whoever leads, and every worker reads the same.
A picture for people, no truth: samples that a store lost, or that came while it was away, are missing, and
nothing is decided by them. A room that was in use costs 720 × 125 bytes, 88 KiB, until it has been
quiet for ``KEPT_SECONDS``.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

SAMPLE_MS = 5_000
SAMPLES_MAX = 720
"""An hour."""
KEPT_SECONDS = 7_200

_FORM = struct.Struct(">QB" + "QQQQQQ" + "III" + "ddddddd")
_VERSION = 1
_LIVE = b"queue:live"


@dataclass(frozen=True, slots=True)
class Sample:
    """A moment of a room. Counts are totals since the room began, unless said otherwise.

    ``covered_share`` of the latest estimates held the truth, ``cases`` were judged so far. A share or a
    latency below 0 is one that nobody knows.
    """

    at_ms: int
    epoch: int
    """Whose lease it was that led."""
    issued: int
    serving: int
    expired: int
    claimed: int
    missed: int
    """Turns that nobody took."""
    active: int
    """Now."""
    target_per_minute: int
    cases: int
    low_per_minute: float
    high_per_minute: float
    show_rate: float
    """Of those called, the share that comes; 1 until it is known."""
    factor: float
    """Of the outflow, the share that the origin's health leaves."""
    covered_share: float = -1.0
    failed_share: float = -1.0
    """Of the origin's answers."""
    latency_ms: float = -1.0
    paused: bool = False

    @property
    def waiting(self) -> int:
        return max(self.issued - self.serving, 0)


def packed(sample: Sample) -> bytes:
    """The stored form; it begins with the time, so that bytes sort as times do."""
    return _FORM.pack(
        sample.at_ms,
        _VERSION << 1 | sample.paused,
        sample.epoch,
        sample.issued,
        sample.serving,
        sample.expired,
        sample.claimed,
        sample.missed,
        sample.active,
        sample.target_per_minute,
        sample.cases,
        sample.low_per_minute,
        sample.high_per_minute,
        sample.show_rate,
        sample.factor,
        sample.covered_share,
        sample.failed_share,
        sample.latency_ms,
    )


def unpacked(raw: bytes) -> Sample | None:
    """None for a form of another release: a picture may have a gap."""
    if len(raw) != _FORM.size or raw[8] >> 1 != _VERSION:
        return None
    at_ms, flags, *rest = _FORM.unpack(raw)
    return Sample(*(at_ms, *rest, bool(flags & 1)))


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes


class Client(Protocol):
    """What this module needs of the store's client."""

    async def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[bytes | int | str],
        *,
        repeat_safe: bool = False,
    ) -> Any: ...

    async def command(
        self, *words: bytes | int | str, key: bytes | None = None, repeat_safe: bool = False
    ) -> Any: ...


class History:
    """The samples of all rooms. A store that is away raises ConnectionError or TimeoutError."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._append = Script("queueing.history", files("queueing").joinpath("history.lua").read_bytes())

    async def append(self, room_id: str, sample: Sample) -> bool:
        """Keep the sample, unless the last one is of the same five seconds or later: True if it was kept.

        So two who both take themselves for the leader write one history.
        """
        args = (packed(sample), SAMPLE_MS, SAMPLES_MAX, KEPT_SECONDS)
        return bool(await self._client.run(self._append, [_key(room_id)], args, repeat_safe=True))

    async def read(self, room_id: str, samples_max: int = SAMPLES_MAX) -> list[Sample]:
        """The last samples, the oldest first."""
        key = _key(room_id)
        found = await self._client.command("LRANGE", key, 0, samples_max - 1, key=key, repeat_safe=True)
        samples = [sample for raw in found if (sample := unpacked(raw)) is not None]
        return samples[::-1]

    async def note_live(self, room_ids: Sequence[str], at_ms: int) -> None:
        """These rooms were in use at that time; what was not for ``KEPT_SECONDS`` is forgotten."""
        if room_ids:
            pairs = [word for room_id in room_ids for word in (at_ms, room_id)]
            await self._client.command("ZADD", _LIVE, *pairs, key=_LIVE, repeat_safe=True)
        oldest_ms = at_ms - KEPT_SECONDS * 1000
        await self._client.command("ZREMRANGEBYSCORE", _LIVE, 0, oldest_ms, key=_LIVE, repeat_safe=True)

    async def live(self, rooms_max: int) -> list[str]:
        """The rooms that were in use last, the latest first."""
        found = await self._client.command("ZREVRANGE", _LIVE, 0, rooms_max - 1, key=_LIVE, repeat_safe=True)
        return [raw.decode() for raw in found]


def _key(room_id: str) -> bytes:
    return f"queue:{{{room_id}}}:history".encode()
