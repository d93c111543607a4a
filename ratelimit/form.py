"""A policy as the scripts take it, and the names of its keys.

A key is ``rl:{<policy>}:<key>`` and holds some 16 digits until its limit is as if never used. On a cluster
that puts a policy into one slot; ``shards`` above 1 spreads its keys over as many, at a call for each.
Policies with a ``tag`` live under it, ``rl:{<tag>}{<policy>}:<key>``: what the same key took of each of
them lies in one slot.
"""

from collections.abc import Callable
from typing import TypeAlias
from zlib import crc32

from ratelimit.algorithm import Calendar, FixedWindow, Gcra, SlidingWindow
from ratelimit.calendar import bounds
from ratelimit.policy import Policy

POLICIES_KEPT_MAX = 10_000
SUB_WINDOWS = 10
LEASE, SLOTS, LEARNT, RESET = b"l", b"c", b"a", b"r"
"""Marks of what lies beside a counter: a lease (and its number), slots, a limit learnt, a reset of late."""

Word: TypeAlias = bytes | int | str
Words: TypeAlias = tuple[Word, ...]


class Form:
    """Of one policy."""

    __slots__ = (
        "_calendar",
        "_limit",
        "_sharded",
        "_shards",
        "_since",
        "_until",
        "_word",
        "prefix",
        "rate",
        "take",
    )

    def __init__(self, policy: Policy, shards: int = 1) -> None:
        tag, name = policy.tag.encode(), policy.id.encode()
        self.prefix = b"rl:{%b}{%b}:" % (tag, name) if tag else b"rl:{%b}:" % name
        sharded = b"rl:{%b:%%d}{%b}:%%b" if tag else b"rl:{%b:%%d}:%%b"
        escaped = name.replace(b"%", b"%%")
        self._sharded = sharded % ((tag.replace(b"%", b"%%"), escaped) if tag else escaped)
        self._shards = shards
        self.take: Words = ()
        """What ``take.lua`` is told; empty for all but GCRA."""
        self.rate: Words = ()
        """What ``take_together.lua`` is told: µs a unit and burst; empty when that is no whole number."""
        self._calendar: Calendar | None = None
        self._since = self._until = 0.0
        self._limit = policy.limit
        self._word = self._describe(policy)

    def name(self, key: str) -> bytes:
        if self._shards == 1:
            return self.prefix + key.encode()
        name = key.encode()
        return self._sharded % (crc32(name) % self._shards, name)

    def beside(self, mark: bytes, key: str) -> bytes:
        """Another name in the slot of ``key``: ``rl`` and the mark."""
        return b"rl" + mark + self.name(key)[2:]

    def word(self, now_seconds: Callable[[], float]) -> str:
        """As ``algorithms.lua`` has it. A calendar's is of the window of the asker's clock."""
        if self._calendar is not None and not self._since <= (now := now_seconds()) < self._until:
            start, end, after = bounds(self._calendar, now)
            self._word, self._since, self._until = f"c:{self._limit}:{start}:{end}:{after}", start, end
        return self._word

    def _describe(self, policy: Policy) -> str:
        match policy.algorithm:
            case Gcra():
                interval = policy.interval
                numbers = (interval.whole_us, interval.part, interval.parts, policy.burst)
                self.take = ("", *numbers)
                if not interval.part:
                    self.rate = (interval.whole_us, policy.burst)
                return "g:" + ":".join(map(str, numbers))
            case SlidingWindow():
                return f"s:{policy.period_seconds * 1_000_000 // SUB_WINDOWS}:{policy.limit}"
            case FixedWindow():
                return f"f:{policy.limit}:{policy.period_seconds * 1_000_000}"
            case Calendar():
                self._calendar = policy.algorithm
        return ""


class Forms(dict[Policy, Form]):
    """Forms by policy, made when first asked for."""

    def __init__(self, shards: int) -> None:
        self._shards = shards

    def __missing__(self, policy: Policy) -> Form:
        if len(self) >= POLICIES_KEPT_MAX:
            self.clear()  # policies that come and go must not fill the memory
        form = self[policy] = Form(policy, self._shards)
        return form
