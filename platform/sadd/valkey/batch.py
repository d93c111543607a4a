"""Gathers single questions of one tick into one call of a many-key script.

::

    ask(k1, args) ask(k2, args) ask(k3, other)      in one event-loop tick
    EVALSHA script 2 k1 k2 args ; EVALSHA script 1 k3 other
    answers[0] -> asker of k1, answers[1] -> asker of k2, ...

The script's side of the bargain: any number of KEYS, one shared ARGV, a list with one answer a key in
the order of KEYS, and a key that is named twice is decided twice, one after the other (GET and SET a
key, or MGET with a ``seen`` table).
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from sadd.valkey.script import ScriptLike
from sadd.valkey.wire import Answer, Reply, Word

KEYS_MAX = 128
"""Past this the store gains little (402k decisions/s at 128, 374k at 32) and others wait longer."""

Group: TypeAlias = tuple[int, tuple[Word, ...]]
Question: TypeAlias = tuple[bytes, Answer]


class Runner(Protocol):
    """What a batch needs of the client."""

    def slot(self, key: bytes) -> int: ...

    async def run(
        self, script: ScriptLike, keys: Sequence[bytes], args: Sequence[Word], *, repeat_safe: bool = False
    ) -> Reply: ...


class Batch:
    """One script's questions. Questions with equal ``args`` whose keys share a slot travel together.

    An error of the call is raised to each asker of it; an asker that gives up harms no other.
    """

    def __init__(
        self, client: Runner, script: ScriptLike, *, repeat_safe: bool = False, keys_max: int = KEYS_MAX
    ) -> None:
        self._client = client
        self._script = script
        self._repeat_safe = repeat_safe
        self._keys_max = keys_max
        self._loop = asyncio.get_running_loop()
        self._groups: dict[Group, list[Question]] = {}
        self._calls: set[asyncio.Task[None]] = set()

    def ask(self, key: bytes, args: tuple[Word, ...]) -> Answer:
        """The future answer for one key. Raises what ``run`` raises."""
        if not self._groups:
            self._loop.call_soon(self._send)
        answer: Answer = self._loop.create_future()
        group = (self._client.slot(key), args)
        questions = self._groups.get(group)
        if questions is None:
            self._groups[group] = [(key, answer)]
        else:
            questions.append((key, answer))
        return answer

    def _send(self) -> None:
        groups, self._groups = self._groups, {}
        for (_, args), questions in groups.items():
            for start in range(0, len(questions), self._keys_max):
                call = self._loop.create_task(self._call(args, questions[start : start + self._keys_max]))
                self._calls.add(call)  # the loop itself holds tasks weakly
                call.add_done_callback(self._calls.discard)

    async def _call(self, args: tuple[Word, ...], questions: Sequence[Question]) -> None:
        keys = [key for key, _ in questions]
        try:
            replies = await self._client.run(self._script, keys, args, repeat_safe=self._repeat_safe)
        except Exception as error:
            _fail(questions, error)
            return
        if not isinstance(replies, list) or len(replies) != len(questions):
            _fail(questions, TypeError(f"script {self._script.name}: no list of one answer a key"))
            return
        for (_, answer), reply in zip(questions, replies, strict=True):
            if answer.done():
                continue
            if isinstance(reply, Exception):
                answer.set_exception(reply)
            else:
                answer.set_result(reply)


def _fail(questions: Sequence[Question], error: Exception) -> None:
    for _, answer in questions:
        if not answer.done():
            # The same kind and words, but an object of its own: tracebacks grow on the object.
            answer.set_exception(_copy(error))


def _copy(error: Exception) -> Exception:
    copied = error.__class__.__new__(error.__class__, *error.args)
    copied.args = error.args
    copied.__dict__.update(error.__dict__)
    return copied
