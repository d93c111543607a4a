"""Gathers single questions of one tick into one call of a many-key script.

::

    ask(k1, args) ask(k2, args) ask(k3, other)      in one event-loop tick
    EVALSHA script 2 k1 k2 args ; EVALSHA script 1 k3 other
    first answers -> asker of k1, second -> asker of k2, ...

The script's side of the bargain: any number of KEYS; ARGV is what they share, then what is each key's
own, in the order of KEYS; it returns ``width`` values a key in one flat list; and a key that is named
twice is decided twice, one after the other (GET and SET a key, or MGET with a ``seen`` table).
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from sadd.valkey.script import ScriptLike
from sadd.valkey.wire import Reply, Word

KEYS_MAX = 64
"""Two such calls keep store and client at work together; longer ones gain little and make others wait."""

Values: TypeAlias = list[Reply]
Group: TypeAlias = tuple[int, tuple[Word, ...]]
Question: TypeAlias = "tuple[bytes, tuple[Word, ...], asyncio.Future[Values]]"


class Runner(Protocol):
    """What a batch needs of the client."""

    def slot(self, key: bytes) -> int: ...

    async def run(
        self, script: ScriptLike, keys: Sequence[bytes], args: Sequence[Word], *, repeat_safe: bool = False
    ) -> Reply: ...


class Batch:
    """One script's questions. Those with equal ``shared`` words whose keys share a slot travel together.

    An error of the call is raised to each asker of it; an asker that gives up harms no other.
    """

    def __init__(
        self,
        client: Runner,
        script: ScriptLike,
        *,
        width: int = 1,
        repeat_safe: bool = False,
        keys_max: int = KEYS_MAX,
    ) -> None:
        self._client = client
        self._script = script
        self._width = width
        self._repeat_safe = repeat_safe
        self._keys_max = keys_max
        self._loop = asyncio.get_running_loop()
        self._groups: dict[Group, list[Question]] = {}
        self._calls: set[asyncio.Task[None]] = set()

    def ask(
        self, key: bytes, shared: tuple[Word, ...] = (), own: tuple[Word, ...] = ()
    ) -> "asyncio.Future[Values]":
        """The future ``width`` values for one key. Raises what ``run`` raises."""
        if not self._groups:
            self._loop.call_soon(self._send)
        group = (self._client.slot(key), shared)
        questions = self._groups.get(group)
        if questions is None:
            questions = self._groups[group] = []
        answer: asyncio.Future[Values] = self._loop.create_future()
        questions.append((key, own, answer))
        if len(questions) >= self._keys_max:
            self._groups[group] = []
            self._start(shared, questions)
        return answer

    def _send(self) -> None:
        groups, self._groups = self._groups, {}
        for (_, shared), questions in groups.items():
            if questions:
                self._start(shared, questions)

    def _start(self, shared: tuple[Word, ...], questions: list[Question]) -> None:
        call = self._loop.create_task(self._call(shared, questions))
        self._calls.add(call)  # the loop itself holds tasks weakly
        call.add_done_callback(self._calls.discard)

    async def _call(self, shared: tuple[Word, ...], questions: Sequence[Question]) -> None:
        keys = [key for key, _, _ in questions]
        args = [*shared, *(word for _, own, _ in questions for word in own)]
        try:
            reply = await self._client.run(self._script, keys, args, repeat_safe=self._repeat_safe)
            self._hand_out(questions, reply)
        except Exception as error:
            for _, _, answer in questions:
                if not answer.done():
                    answer.set_exception(_copy(error))

    def _hand_out(self, questions: Sequence[Question], reply: Reply) -> None:
        width = self._width
        if not isinstance(reply, list) or len(reply) != width * len(questions):
            raise TypeError(f"script {self._script.name}: accepted is a list of {width} values a key")
        at = 0
        for _, _, answer in questions:
            if not answer.done():
                answer.set_result(reply[at : at + width])
            at += width


def _copy(error: Exception) -> Exception:
    """The same kind and words, but an object of its own: tracebacks grow on the object."""
    copied = error.__class__.__new__(error.__class__, *error.args)
    copied.__dict__.update(error.__dict__)
    return copied
