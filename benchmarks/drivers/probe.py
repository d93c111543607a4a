"""Before anything is measured: does the contender decide at all?"""

import random
import socket

from benchmarks.drivers.asked import Http, fill
from benchmarks.drivers.turn import pace
from benchmarks.peers.contender import Contender
from benchmarks.peers.folder import PeerAbsent

ANSWER_SECONDS = 5.0
ANSWER_BYTES_MAX = 1_000_000
PUMP_SECONDS = 0.2


def probe(contender: Contender) -> Contender:
    """The contender, if its answers are the ones wanted. Raises PeerAbsent with what it said instead."""
    if isinstance(contender.asked, Http):
        said = _answer(contender.asked, contender.port)
        if b" 200 " not in said[:16] or contender.asked.good not in said:
            raise PeerAbsent(f"{contender.name}: it answers {said[:120]!r}")
    else:
        outcome = pace(contender, PUMP_SECONDS, 0)
        if outcome.failed or not outcome.answers:
            what = f"{outcome.answers} answers, of which {outcome.failed} are no decisions"
            raise PeerAbsent(f"{contender.name}: {what}")
    return contender


def _answer(asked: Http, port: int) -> bytes:
    """All that comes until the connection closes or a moment is over."""
    closing = asked.plain.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    said = b""
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as line:
        line.sendall(fill(closing, random.Random(1)))
        while len(said) < ANSWER_BYTES_MAX and (part := line.recv(65_536)):
            said += part
    return said
