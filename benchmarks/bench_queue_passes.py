"""What verifying a pass costs over the signature alone, in this process."""

import random
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from functools import partial

from nacl.bindings import crypto_sign_open

from benchmarks.bench_queue_goals import BARE, FIRST, SEEN
from benchmarks.drivers.turn import Reading
from benchmarks.harness import Machine, Subject
from queueing.passes import Pass, PassKey, PassOffice

KEY = PassKey("0000000a", b"b" * 32)
COUNT = 4_000
SEEN_TIMES = 50
"""So that a turn of passes that were seen before takes as long that a clock can tell it."""


def passes(chance: random.Random) -> list[Subject[Reading]]:
    """Each turn verifies some thousand different passes."""
    office = PassOffice([KEY])
    now_s = int(time.time())
    ends_s = now_s + 86_400

    def one() -> Pass:
        holder, pass_id = chance.randbytes(16).hex(), chance.randbytes(16).hex()
        return Pass("results", holder, pass_id, now_s, ends_s, "results")

    texts = [office.sign(one()) for _ in range(COUNT)]
    public = urlsafe_b64decode(office.jwks()["keys"][0]["x"] + "==")

    def first() -> float:
        office.renew([KEY])  # forgets what it has seen
        return _rate(partial(_read, office, texts), COUNT)

    def seen() -> float:
        _read(office, texts)
        return _rate(partial(_read, office, texts * SEEN_TIMES), COUNT * SEEN_TIMES)

    signed = [_signed(text) for text in texts]
    return [
        _subject(BARE, lambda: _rate(lambda: [crypto_sign_open(one, public) for one in signed], COUNT)),
        _subject(FIRST, first),
        _subject(SEEN, seen),
    ]


def _subject(name: str, measure: Callable[[], float]) -> Subject[Reading]:
    async def turn() -> Reading:
        own, machine = time.process_time(), Machine()
        rate = measure()
        return Reading(rate=rate, others=machine.others(time.process_time() - own))

    return Subject(name, turn)


def _rate(work: Callable[[], object], count: int) -> float:
    """By this thread's own time: what others do to the machine is not the signature's."""
    began_s = time.thread_time()
    work()
    return count / (time.thread_time() - began_s)


def _read(office: PassOffice, texts: Sequence[str]) -> None:
    for text in texts:
        office.read(text, "results", "results")


def _signed(text: str) -> bytes:
    head, _, signature = text.rpartition(".")
    return urlsafe_b64decode(signature + "==") + head.encode()
