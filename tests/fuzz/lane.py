"""Fuzzes the fast lane's reading of requests against aiohttp's: ``python -m tests.fuzz.lane [SECONDS]``.

For any bytes: where the lane says that a request begins and ends, aiohttp's parser must find the very same
request, and the next one behind it. Else one of them could be made to see a request that the other does
not. Finds are written to tests/fuzz/corpus/lane, which is replayed as a test.

Uses atheris where it is installed (coverage leads it), else mutates the corpus at random.
"""

import asyncio
import hashlib
import importlib
import importlib.util
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError

from sadd.web.lane.head import END, read_head, take_marks
from sadd.web.lane.table import Known, LaneTable
from sadd.web.server import SITE, build
from tests.sadd.web.lane.scene import Engine, endpoints
from tests.sadd.web.scene import Keys

CORPUS = Path(__file__).parent / "corpus" / "lane"
FIELDS_MAX = 64
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
INPUT_BYTES_MAX = 4096

TOKENS = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\x00",
    b":",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: h2c\r\n",
    b"Host: x\r\n",
    b"X-Request-Id: a\r\n",
    b"traceparent: b\r\n",
    b"Sadd-Session: s\r\n",
    b"HTTP/1.0",
    b"\r\n\r\n",
    b"\x80\xff",
    b"0\r\n\r\n",
    b"GET / HTTP/1.1\r\n",
)


@cache
def _table() -> LaneTable:
    """The lane's endpoints, as a worker mounts them."""
    site = build(endpoints(Engine()), keys=Keys())[SITE]
    return LaneTable(site.lane, site.keys, head_bytes_max=INPUT_BYTES_MAX, fields_max=FIELDS_MAX)


def disagreement(data: bytes) -> str | None:
    """What the two say differently of the first request in these bytes; None if nothing. Needs a loop."""
    end = data.find(END) + len(END)
    if end < len(END):
        return None
    known = _table().read(data[:end])
    if known is None or known.head.length > INPUT_BYTES_MAX:
        return None  # aiohttp's alone
    length = known.head.length
    body = data[end : end + length].ljust(length, b"x")
    return _compared(data[:end] + body, known, body)


def _compared(request: bytes, known: Known, body: bytes) -> str | None:
    """Whether aiohttp sees this request and then NEXT."""
    try:
        messages = _parsed(request + NEXT)
    except HttpProcessingError as refused:
        return f"aiohttp refuses: {refused}" if known.route is not None else _compared_alone(request)
    if len(messages) != 2:
        return f"aiohttp sees {len(messages)} requests"
    (first, read), (second, _) = messages
    if f"{first.method} {first.path}".encode() != known.head.line:
        return f"aiohttp reads {first.method} {first.path}, the lane {known.head.line!r}"
    if read != body:
        return f"aiohttp reads the body {read!r}, the lane {body!r}"
    if known.route is not None and {name.lower(): value for name, value in first.headers.items()} != _fields(
        known
    ):
        return f"aiohttp reads {first.headers}, the lane {_fields(known)}"
    return None if second.path == "/next" else f"aiohttp reads {second.path} behind it"


def _fields(known: Known) -> dict[str, str]:
    found = {name.decode(): value.decode() for name, value in known.head.fields.items()}
    marks = {
        "x-request-id": known.sent_id,
        "traceparent": known.traceparent,
        "sadd-session": known.session,
    }
    return found | {name: value for name, value in marks.items() if value is not None}


def _compared_alone(request: bytes) -> str | None:
    """Lent, it is aiohttp's to refuse, or to end the connection with; but not to end elsewhere."""
    try:
        messages = _parsed(request)
    except HttpProcessingError:
        return None
    return None if len(messages) == 1 else f"aiohttp sees {len(messages)} requests"


def _parsed(data: bytes) -> list[tuple[RawRequestMessage, bytes]]:
    """All requests that aiohttp finds, with their bodies."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    parser = cast("Any", HttpRequestParser)(
        protocol,
        loop,
        2**16,
        max_line_size=INPUT_BYTES_MAX,
        max_field_size=INPUT_BYTES_MAX,
        max_headers=FIELDS_MAX,
        auto_decompress=False,
    )
    messages, _, _ = parser.feed_data(data)
    return [(message, bytes(payload.read_nowait())) for message, payload in messages]


def once(data: bytes) -> None:
    """One input, as a fuzzer gives it. Raises AssertionError, after the input was kept."""
    found = disagreement(data)
    if found is not None:
        CORPUS.mkdir(parents=True, exist_ok=True)
        (CORPUS / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        raise AssertionError(f"{found}: {data!r}")


def mutated(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        token = chance.choice(TOKENS) if chance.random() < 0.8 else chance.randbytes(chance.randint(1, 3))
        data = data[:at] + token + data[at + chance.choice((0, 0, 1, len(token))) :]
    return data[:INPUT_BYTES_MAX]


def seeds() -> list[bytes]:
    return [path.read_bytes() for path in sorted(CORPUS.iterdir())]


async def _at_random(seconds: float, chance: random.Random) -> int:
    known, tried, until = seeds(), 0, time.monotonic() + seconds
    while time.monotonic() < until:
        once(mutated(chance.choice(known), chance))
        tried += 1
    return tried


def _led_by_coverage(seconds: float, run: Callable[[bytes], None]) -> None:
    atheris = importlib.import_module("atheris")
    atheris.instrument_func(read_head)
    atheris.instrument_func(take_marks)
    bounds = [f"-max_total_time={seconds:.0f}", f"-max_len={INPUT_BYTES_MAX}"]
    with tempfile.TemporaryDirectory() as found:  # what is new to coverage goes there, not into our corpus
        atheris.Setup([sys.argv[0], *bounds, found, str(CORPUS)], run)
        atheris.Fuzz()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    if importlib.util.find_spec("atheris") is None:
        tried = asyncio.run(_at_random(seconds, random.Random()))
        sys.stdout.write(f"{tried} inputs, all read alike\n")
        return
    with asyncio.Runner() as runner:

        async def one(data: bytes) -> None:
            once(data)

        _led_by_coverage(seconds, lambda data: runner.run(one(data)))


if __name__ == "__main__":
    main()
