"""The counters on Valkey. Questions of one event-loop tick travel in one call of a script."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any, Protocol

from ratelimit.check import Check
from ratelimit.decision import Taken
from ratelimit.form import LEARNT, RESET, SLOTS, Form, Forms, Word, Words
from ratelimit.lease import KEEP_MS
from ratelimit.policy import Policy
from ratelimit.promise import promised
from ratelimit.store import DoneAll, DoneEach, DoneOne, DoneReserved, StoreFaulty, StoreUnavailable

WIDTH = 4
KEYS_PER_CALL = 64
"""Of a long list: two such calls keep store and client at work together, longer ones make others wait."""
RUN_MIN = 8
"""Of one policy: fewer keys travel with those of others, since a call costs the store 5 µs by itself."""
MIXED_MAX = 64
"""Above half of it single checks travel together whatever their policy. It is reached when more than one in
five is of another policy than the one before, and left slowly: a tick should not be half so, half so."""
CLOCK = "t"


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes


class Batch(Protocol):
    """Gathers the questions of a tick; ``done`` gets the values of the question's keys, or the failure."""

    def post(
        self, keys: Sequence[bytes], shared: Words, own: Sequence[Word], done: Callable[[Any], None]
    ) -> None: ...


class Client(Protocol):
    """What this package needs of the store's client."""

    def batch(
        self,
        script: Script,
        *,
        width: int,
        repeat_safe: bool = False,
        failure: Callable[[Exception], Exception],
    ) -> Batch: ...

    @property
    def slot(self) -> Callable[[bytes], int]: ...

    async def run(
        self, script: Script, keys: Sequence[bytes], args: Sequence[Word], *, repeat_safe: bool = False
    ) -> Any: ...

    async def command(self, *words: Word, key: bytes | None = None, repeat_safe: bool = False) -> Any: ...


class ValkeyStore:
    """``ratelimit.store.Store`` on one client."""

    def __init__(
        self, client: Client, *, shards: int = 1, now_seconds: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._one_slot = shards == 1
        self._now_seconds = now_seconds
        self._forms = Forms(shards)
        self._before: Form | None = None
        self._mixed = 0
        # Repeated after a broken connection, they take twice: too much is then counted, never admitted.
        batch = partial(client.batch, width=WIDTH, failure=_unavailable)
        self._take = batch(script("take"), repeat_safe=True)
        self._together = batch(script("take_together"), repeat_safe=True)
        self._take_all = batch(script("algorithms", "take_all"), repeat_safe=True)
        # Giving back twice would admit too much, so that is not repeated.
        self._back = batch(script("algorithms", "take_all"))

    def ask(self, check: Check, done: DoneOne, now_us: int | None = None) -> None:
        form = self._forms[check.policy]
        names = (form.name(check.key),)
        if form is not self._before:
            self._before = form
            self._mixed = min(self._mixed + 4, MIXED_MAX)
        elif self._mixed:
            self._mixed -= 1
        if form.take and (self._mixed <= MIXED_MAX // 2 or not form.rate):
            shared = form.take if now_us is None else (now_us, *form.take[1:])
            self._take.post(names, shared, (check.cost,), done)
        elif form.rate:
            self._together.post(names, (_now(now_us),), (1, *form.rate, check.cost), done)
        else:
            own = (1, form.word(self._now_seconds), check.cost)
            self._take_all.post(names, (_now(now_us),), own, done)

    def ask_each(self, checks: Sequence[Check], done: DoneEach) -> None:
        form = self._forms[checks[0].policy]
        for names, indices in self._calls([form.name(check.key) for check in checks]):
            costs = [checks[index].cost for index in indices]
            answered = partial(_each, done, indices)
            if form.take and len(names) >= RUN_MIN:
                self._take.post(names, form.take, costs, answered)
            elif form.rate:
                own = [each for cost in costs for each in (1, *form.rate, cost)]
                self._together.post(names, ("",), own, answered)
            else:
                word = form.word(self._now_seconds)
                own = [each for cost in costs for each in (1, word, cost)]
                self._take_all.post(names, ("",), own, answered)

    def ask_all(self, checks: Sequence[Check], done: DoneAll, now_us: int | None = None) -> bool:
        forms, usual = self._forms, True
        names: list[bytes] = []
        own: list[Word] = [len(checks)]
        for check in checks:
            form = forms[check.policy]
            names.append(form.name(check.key))
            usual = usual and form.rate != ()
            own += form.rate
            own.append(check.cost)
        if len(set(map(self._client.slot, names))) > 1:
            return False
        if usual and len(set(names)) == len(names):
            self._together.post(names, (_now(now_us),), own, partial(_all, done))
        else:
            self._take_all.post(names, (_now(now_us),), self._words(checks), partial(_all, done))
        return True

    def parts(self, checks: Sequence[Check]) -> list[list[int]]:
        by_slot: dict[int, list[int]] = {}
        for index, check in enumerate(checks):
            slot = self._client.slot(self._forms[check.policy].name(check.key))
            by_slot.setdefault(slot, []).append(index)
        return list(by_slot.values())

    def reserve(self, checks: Sequence[Check], done: DoneReserved, now_us: int | None = None) -> None:
        names = [self._forms[check.policy].name(check.key) for check in checks]
        own = self._words(checks)
        own[0] = len(checks) + 1
        self._take_all.post([*names, names[0]], (_now(now_us),), [*own, CLOCK, 0], partial(_reserved, done))

    def give_back(
        self,
        policy: Policy,
        key: str,
        units: int,
        done: DoneOne,
        mark_us: int | None = None,
        now_us: int | None = None,
    ) -> None:
        form = self._forms[policy]
        cost = -units if mark_us is None else f"{units}@{mark_us}"
        own = (1, form.word(self._now_seconds), cost)
        self._back.post((form.name(key),), (_now(now_us),), own, done)

    async def forget(self, policy: Policy, key: str) -> bool:
        form = self._forms[policy]
        names = (form.name(key), form.beside(SLOTS, key), form.beside(LEARNT, key))
        reset = form.beside(RESET, key)
        try:
            # First this, or a lease that is out would give back units that are forgotten already.
            await self._client.command("SET", reset, 1, "PX", KEEP_MS, key=reset, repeat_safe=True)
            return bool(await self._client.command("DEL", *names, key=names[0], repeat_safe=True))
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

    def _words(self, checks: Sequence[Check]) -> list[Word]:
        """A request as ``take_all.lua`` takes it."""
        own: list[Word] = [len(checks)]
        for check in checks:
            own += (self._forms[check.policy].word(self._now_seconds), check.cost)
        return own

    def _calls(self, names: list[bytes]) -> Iterator[tuple[list[bytes], list[int]]]:
        """``names`` in calls of one slot and at most KEYS_PER_CALL keys, in order, and their indices."""
        by_slot: dict[int, list[int]] = {}
        if self._one_slot:
            by_slot[0] = list(range(len(names)))
        else:
            for index, name in enumerate(names):
                by_slot.setdefault(self._client.slot(name), []).append(index)
        for indices in by_slot.values():
            for start in range(0, len(indices), KEYS_PER_CALL):
                part = indices[start : start + KEYS_PER_CALL]
                yield [names[index] for index in part], part


def script(*names: str) -> Script:
    """The texts of ``names`` one after the other."""
    folder = files("ratelimit")
    source = b"\n".join(folder.joinpath(f"{name}.lua").read_bytes() for name in names)
    return Script(f"ratelimit.{names[-1]}", source)


def _now(now_us: int | None) -> int | str:
    return "" if now_us is None else now_us


def _all(done: DoneAll, values: Any) -> None:
    done(_fours(values) if type(values) is tuple else values)


def _each(done: DoneEach, indices: Sequence[int], values: Any) -> None:
    done(indices, _fours(values) if type(values) is tuple else values)


def _reserved(done: DoneReserved, values: Any) -> None:
    if type(values) is not tuple:
        done(values)
        return
    *taken, (_, now_us, _, _) = _fours(values)
    done([(one, now_us + one[2]) for one in taken])


def _fours(values: tuple[int, ...]) -> list[Taken]:
    return list(zip(values[0::4], values[1::4], values[2::4], values[3::4], strict=True))


def _unavailable(error: Exception) -> StoreUnavailable:
    """Whatever it was: a call that failed decided nothing, and every check is answered."""
    away = isinstance(error, ConnectionError | TimeoutError)
    unavailable = StoreUnavailable(str(error)) if away else StoreFaulty(str(error))
    unavailable.__cause__ = error
    return unavailable
