"""The store on Valkey. Questions of one event-loop tick travel in one call of a script.

A key is ``rl:{<policy>}:<key>`` and holds some 16 digits until its limit is as if never used. On a cluster
that puts a policy into one slot; ``shards`` above 1 spreads its keys over as many, at a call for each.
Policies with a ``tag`` live under it, ``rl:{<tag>}{<policy>}:<key>``: what the same key took of each of
them lies in one slot.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any, Protocol, TypeAlias
from zlib import crc32

from ratelimit.algorithm import Calendar, FixedWindow, Gcra, SlidingWindow
from ratelimit.calendar import bounds
from ratelimit.check import Check
from ratelimit.decision import Taken
from ratelimit.policy import Policy
from ratelimit.promise import promised
from ratelimit.store import DoneAll, DoneEach, DoneOne, StoreUnavailable

WIDTH = 4
KEYS_PER_CALL = 64
"""Of a long list: two such calls keep store and client at work together, longer ones make others wait."""
POLICIES_KEPT_MAX = 10_000
SUB_WINDOWS = 10

Word: TypeAlias = bytes | int | str
Words: TypeAlias = tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes


class Batch(Protocol):
    """Gathers the questions of a tick; ``done`` gets the values of the question's keys, or an exception."""

    def post(
        self,
        keys: Sequence[bytes],
        shared: Words,
        own: Sequence[Word],
        done: Callable[[Any], None],
    ) -> None: ...


class Client(Protocol):
    """What this module needs of the store's client."""

    def batch(self, script: Script, *, width: int = 1, repeat_safe: bool = False) -> Batch: ...

    def slot(self, key: bytes) -> int: ...

    async def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[Word],
        *,
        repeat_safe: bool = False,
    ) -> Any: ...

    async def command(self, *words: Word, key: bytes | None = None, repeat_safe: bool = False) -> Any: ...


class ValkeyStore:
    """``ratelimit.store.Store`` on one client."""

    def __init__(
        self, client: Client, *, shards: int = 1, now_seconds: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._shards = shards
        self._now_seconds = now_seconds
        # Repeated after a broken connection, they take twice: too much is then counted, never admitted.
        self._take = client.batch(script("take"), width=WIDTH, repeat_safe=True)
        self._take_all = client.batch(script("algorithms", "take_all"), width=WIDTH, repeat_safe=True)
        # Giving back twice would admit too much, so that is not repeated.
        self._back = client.batch(script("algorithms", "take_all"), width=WIDTH)
        self._forms: dict[Policy, _Form] = {}

    def ask(self, check: Check, done: DoneOne, now_us: int | None = None) -> None:
        policy = check.policy
        form = self._forms.get(policy) or self._form(policy)
        name = self._name(form, check.key)
        if form.take:
            shared = form.take if now_us is None else (now_us, *form.take[1:])
            self._take.post((name,), shared, (check.cost,), partial(_one, done))
        else:
            own = (1, form.word(self._now_seconds), check.cost)
            self._take_all.post((name,), (_now(now_us),), own, partial(_one, done))

    def ask_each(self, checks: Sequence[Check], done: DoneEach) -> None:
        policy = checks[0].policy
        form = self._forms.get(policy) or self._form(policy)
        if not form.take:
            word = form.word(self._now_seconds)
        for part in self._parts([self._name(form, check.key) for check in checks]):
            names, indices = part
            costs = [checks[index].cost for index in indices]
            if form.take:
                self._take.post(names, form.take, costs, partial(_each, done, indices))
            else:
                own = [word_of for cost in costs for word_of in (1, word, cost)]
                self._take_all.post(names, ("",), own, partial(_each, done, indices))

    def ask_all(self, checks: Sequence[Check], done: DoneAll, now_us: int | None = None) -> bool:
        names: list[bytes] = []
        own: list[Word] = [len(checks)]
        slot_of, slot = self._client.slot, -1
        for check in checks:
            form = self._forms.get(check.policy) or self._form(check.policy)
            name = self._name(form, check.key)
            if slot != (slot := slot_of(name)) and names:
                return False
            names.append(name)
            own += (form.word(self._now_seconds), check.cost)
        self._take_all.post(names, (_now(now_us),), own, partial(_all, done))
        return True

    def parts(self, checks: Sequence[Check]) -> list[list[int]]:
        by_slot: dict[int, list[int]] = {}
        for index, check in enumerate(checks):
            form = self._forms.get(check.policy) or self._form(check.policy)
            by_slot.setdefault(self._client.slot(self._name(form, check.key)), []).append(index)
        return list(by_slot.values())

    def give_back(
        self, policy: Policy, key: str, units: int, done: DoneOne, now_us: int | None = None
    ) -> None:
        form = self._forms.get(policy) or self._form(policy)
        own = (1, form.word(self._now_seconds), -units)
        self._back.post((self._name(form, key),), (_now(now_us),), own, partial(_one, done))

    async def forget(self, policy: Policy, key: str) -> bool:
        name = self._name(self._form(policy), key)
        try:
            return bool(await self._client.command("DEL", name, key=name, repeat_safe=True))
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone

    async def take(
        self, policy: Policy, keys: Sequence[str], costs: Sequence[int], now_us: int | None = None
    ) -> list[Taken]:
        """Takes from each key by itself, in order, at a given time. Raises StoreUnavailable."""
        checks = [Check(policy, key, cost) for key, cost in zip(keys, costs, strict=True)]
        asked = (promised(partial(self.ask, check, now_us=now_us)) for check in checks)
        taken: list[Taken] = await asyncio.gather(*asked)
        return taken

    def _form(self, policy: Policy) -> "_Form":
        if len(self._forms) >= POLICIES_KEPT_MAX:
            self._forms.clear()  # policies that come and go must not fill the memory
        form = self._forms[policy] = _Form(policy)
        return form

    def _name(self, form: "_Form", key: str) -> bytes:
        name = key.encode()
        if self._shards == 1:
            return form.name + name
        return form.sharded % (crc32(name) % self._shards, name)

    def _parts(self, names: list[bytes]) -> Iterator[tuple[list[bytes], list[int]]]:
        """``names`` in calls of one slot and at most KEYS_PER_CALL keys, in order, and their indices."""
        by_slot: dict[int, list[int]] = {}
        slot_of = self._client.slot if self._shards > 1 else _one_slot
        for index, name in enumerate(names):
            by_slot.setdefault(slot_of(name), []).append(index)
        for indices in by_slot.values():
            for start in range(0, len(indices), KEYS_PER_CALL):
                part = indices[start : start + KEYS_PER_CALL]
                yield [names[index] for index in part], part


class _Form:
    """A policy as the scripts take it."""

    __slots__ = ("_calendar", "_limit", "_until", "_word", "name", "sharded", "take")

    def __init__(self, policy: Policy) -> None:
        tag, name = policy.tag.encode(), policy.id.encode()
        self.name = b"rl:{%b}{%b}:" % (tag, name) if tag else b"rl:{%b}:" % name
        sharded = b"rl:{%b:%%d}{%b}:%%b" if tag else b"rl:{%b:%%d}:%%b"
        escaped = name.replace(b"%", b"%%")
        self.sharded = sharded % ((tag.replace(b"%", b"%%"), escaped) if tag else escaped)
        self.take: Words = ()
        """What ``take.lua`` is told; empty for all but GCRA."""
        self._calendar: Calendar | None = None
        self._until = 0.0
        self._limit = policy.limit
        self._word = self._describe(policy)

    def word(self, now_seconds: Callable[[], float]) -> str:
        """As ``algorithms.lua`` has it. A calendar's is of the window of the asker's clock."""
        if self._calendar is not None and (now := now_seconds()) >= self._until:
            start, end, after = bounds(self._calendar, now)
            self._word, self._until = f"c:{self._limit}:{start}:{end}:{after}", end
        return self._word

    def _describe(self, policy: Policy) -> str:
        match policy.algorithm:
            case Gcra():
                interval = policy.interval
                numbers = (interval.whole_us, interval.part, interval.parts, policy.burst)
                self.take = ("", *numbers)
                return "g:" + ":".join(map(str, numbers))
            case SlidingWindow():
                return f"s:{policy.period_seconds * 1_000_000 // SUB_WINDOWS}:{policy.limit}"
            case FixedWindow():
                return f"f:{policy.limit}:{policy.period_seconds * 1_000_000}"
            case Calendar():
                self._calendar = policy.algorithm
                return ""
        raise ValueError(f"{policy.id} counts what is under way: acquire and release it")


def script(*names: str) -> Script:
    """The texts of ``names`` one after the other."""
    folder = files("ratelimit")
    source = b"\n".join(folder.joinpath(f"{name}.lua").read_bytes() for name in names)
    return Script(f"ratelimit.{names[-1]}", source)


def _one_slot(name: bytes) -> int:  # noqa: ARG001 (stands in for the client's)
    return 0


def _now(now_us: int | None) -> int | str:
    return "" if now_us is None else now_us


def _one(done: DoneOne, values: Any) -> None:
    done(tuple(values) if type(values) is list else _unavailable(values))


def _all(done: DoneAll, values: Any) -> None:
    done(_fours(values) if type(values) is list else _unavailable(values))


def _each(done: DoneEach, indices: Sequence[int], values: Any) -> None:
    done(indices, _fours(values) if type(values) is list else _unavailable(values))


def _fours(values: list[int]) -> list[Taken]:
    return list(zip(values[0::4], values[1::4], values[2::4], values[3::4], strict=True))


def _unavailable(error: Exception) -> StoreUnavailable:
    """Whatever it was: a call that failed decided nothing, and every check is answered."""
    unavailable = StoreUnavailable(str(error))
    unavailable.__cause__ = error
    return unavailable
