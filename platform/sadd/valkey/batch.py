"""Gathers questions of one tick into one call of a many-key script.

::

    post(k1, args, done) ask(k2, args) ask(k3, other)      in one event-loop tick
    EVALSHA script 2 k1 k2 args ; EVALSHA script 1 k3 other
    first answers -> asker of k1, second -> asker of k2, ...

The script's side of the bargain: any number of KEYS; ARGV is what they share, then what is each
question's own, in the order of KEYS; it returns ``width`` values a key in one flat list; and a key that
is named twice is decided twice, one after the other (GET and SET a key, or MGET with a ``seen`` table).
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeAlias

from sadd.valkey.script import ScriptLike
from sadd.valkey.wire import Reply, Word

KEYS_MAX = 64
"""Two such calls keep store and client at work together; longer ones gain little and make others wait."""

Values: TypeAlias = tuple[Reply, ...]
Done: TypeAlias = "Callable[[Values | Exception], None]"
"""Called once with the values of a question's keys, or with what its call failed with."""


class Runner(Protocol):
    """What a batch needs of the client."""

    @property
    def slot(self) -> "Callable[[bytes], int]": ...

    def post(
        self,
        script: ScriptLike,
        keys: Sequence[bytes],
        args: Sequence[Word],
        done: "Callable[[Reply | Exception], None]",
        *,
        repeat_safe: bool = False,
        stamped: bool = False,
    ) -> None: ...


class _Call:
    """One call in the making."""

    __slots__ = ("askers", "keys", "own")

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.own: list[Word] = []
        self.askers: list[tuple[Done, int]] = []
        """Whom to answer, and for how many keys, in order."""


class Batch:
    """One script's questions. Those with equal ``shared`` words whose keys share a slot travel together.

    ``failure`` makes what an asker is told of a call that failed: one for each, since tracebacks grow on it.

    An error of the call is told to each asker of it; an asker that gives up, or whose ``done`` raises, harms
    no other.
    """

    def __init__(
        self,
        client: Runner,
        script: ScriptLike,
        *,
        width: int = 1,
        repeat_safe: bool = False,
        keys_max: int = KEYS_MAX,
        failure: Callable[[Exception], Exception] | None = None,
        stamped: bool = False,
    ) -> None:
        self._failure = failure or _copy
        self._stamped = stamped
        self._client = client
        self._script = script
        self._width = width
        self._repeat_safe = repeat_safe
        self._keys_max = keys_max
        self._slot = client.slot
        self._loop = asyncio.get_running_loop()
        self._calls: dict[tuple[int, tuple[Word, ...]], _Call] = {}

    def ask(
        self, key: bytes, shared: tuple[Word, ...] = (), own: tuple[Word, ...] = ()
    ) -> "asyncio.Future[Values]":
        """The future ``width`` values for one key. Raises what ``run`` raises."""
        answer: asyncio.Future[Values] = self._loop.create_future()
        self.post((key,), shared, own, partial(_settle, answer))
        return answer

    def post(self, keys: Sequence[bytes], shared: tuple[Word, ...], own: Sequence[Word], done: Done) -> None:
        """One question of one or more keys, which share a slot; ``done`` gets ``width`` values for each."""
        calls = self._calls
        if not calls:
            self._loop.call_soon(self._send)
        group = (self._slot(keys[0]), shared)
        call = calls.get(group)
        if call is None:
            call = calls[group] = _Call()
        call.keys += keys
        call.own += own
        call.askers.append((done, len(keys)))
        if len(call.keys) >= self._keys_max:
            calls[group] = _Call()
            self._start(shared, call)

    def _send(self) -> None:
        calls, self._calls = self._calls, {}
        for (_, shared), call in calls.items():
            if call.keys:
                self._start(shared, call)

    def _start(self, shared: tuple[Word, ...], call: _Call) -> None:
        args = (*shared, *call.own)
        done = partial(self._answered, call.askers)
        try:
            self._client.post(
                self._script, call.keys, args, done, repeat_safe=self._repeat_safe, stamped=self._stamped
            )
        except Exception as error:  # words that cannot be packed: whoever asked must hear of it
            done(error)

    def _answered(self, askers: Sequence[tuple[Done, int]], reply: "Reply | Exception") -> None:
        width = self._width
        if isinstance(reply, list) and len(reply) != width * sum(count for _, count in askers):
            reply = TypeError(f"script {self._script.name}: accepted is a list of {width} values a key")
        if not isinstance(reply, list):
            self._fail(askers, reply if isinstance(reply, Exception) else TypeError("no list of values"))
            return
        at, values = 0, tuple(reply)
        for done, count in askers:
            end = at + width * count
            try:
                done(values[at:end])
            except Exception as error:
                self._report(error)
            at = end

    def _fail(self, askers: Sequence[tuple[Done, int]], error: Exception) -> None:
        for done, _ in askers:
            try:
                done(self._failure(error))
            except Exception as raised:
                self._report(raised)

    def _report(self, error: Exception) -> None:
        """Its client is gone, say. Unguarded that once hung all the calls behind it for good."""
        context = {"message": f"an asker of {self._script.name} raised", "exception": error}
        self._loop.call_exception_handler(context)


def _settle(answer: "asyncio.Future[Values]", values: Values | Exception) -> None:
    if answer.done():
        return  # its asker gave up
    if isinstance(values, Exception):
        answer.set_exception(values)
    else:
        answer.set_result(values)


def _copy(error: Exception) -> Exception:
    """The same kind and words, but an object of its own: tracebacks grow on the object."""
    copied = error.__class__.__new__(error.__class__, *error.args)
    copied.__dict__.update(error.__dict__)
    return copied
