"""Sessions of the platform over HTTP: reads on the lane, and how soon subscribers hear who was signed out."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bench_cache_platform import asked_hard, get
from benchmarks.bench_ratelimit_goals import LANE, LANE_BARE
from benchmarks.bench_ratelimit_platform import (
    AGENCY,
    SERVICE,
    SHUT,
    Platform,
    check,
    command,
    open_fast,
    open_platform,
)
from benchmarks.bench_session_goals import PATCH, PAYLOAD_BYTES, READ, TOUCH
from benchmarks.drivers.asked import CHOICE, Http
from benchmarks.drivers.hearing import hear
from benchmarks.drivers.probe import probe
from benchmarks.drivers.turn import Reading, read, saturate
from benchmarks.harness import Subject
from benchmarks.peers.contender import Contender
from benchmarks.peers.others import Place
from benchmarks.servers import Server

SESSIONS = 200
"""Sessions that readers draw from, each of a subject of its own."""
CURRENT = "/v1/sessions/current"
REVOCATIONS = "/v1/sessions/revocations"
WORKERS = 4


def open_sessions(
    stack: ExitStack, folder: Path, server: Server, seconds: float
) -> Iterator[Subject[Reading]]:
    """Touches, reads and changes of sessions of 200 bytes, and what they are compared with."""
    place = Place(stack, folder, folder / "peers", server.port)
    fast = open_fast(place, server.url)
    key = session_key(fast)
    ids = [create(fast, key, f"reader-{number}") for number in range(SESSIONS)]
    choices = tuple(one.encode() for one in ids)
    for name, method, path, body in (
        (TOUCH, "POST", f"{CURRENT}/touch", b""),
        (READ, "GET", CURRENT, b""),
        (PATCH, "PATCH", CURRENT, b'{"data":{"step":2}}'),
    ):
        asked = Http(_request(method, path, key, body), good=b'"version":', choices=choices)
        yield _subject(probe(Contender(name, fast.port, asked, fast.roles)), server, seconds)
    decided = Contender(LANE, fast.port, check(fast.key, SERVICE), fast.roles, counts=fast.counts)
    yield _subject(probe(decided), server, seconds)
    shut = check(fast.key, SHUT, allowed=False)
    yield _subject(
        probe(Contender(LANE_BARE, fast.port, shut, fast.roles, needs_store=False)), server, seconds
    )


def revocations(folder: Path, server: Server, count: int) -> list[float]:
    """Milliseconds from the answer to a sign-out everywhere until each subscriber was told, under load."""
    with ExitStack() as stack:
        platform = open_platform(stack, folder, server.url, {"SERVER_WORKERS": str(WORKERS)})
        key = session_key(platform)
        reader = create(platform, key, "reader").encode()
        for number in range(count):
            create(platform, key, f"gone-{number}")
        touch = Http(_request("POST", f"{CURRENT}/touch", key, b""), good=b'"version":', choices=(reader,))

        def end(number: int) -> str:
            post(platform.port, key, "/v1/sessions/revoke-all", {"subject": f"gone-{number}"}, 204)
            return f"gone-{number}"

        head = get(REVOCATIONS, key, "Accept: text/event-stream\r\n")
        with asked_hard(probe(Contender(TOUCH, platform.port, touch, platform.roles))):
            return asyncio.run(hear(platform.port, head, end, _subject_of, count))


def _subject_of(said: dict[str, Any]) -> str:
    return str(said.get("subject") or "")


def session_key(platform: Platform) -> str:
    words = (
        f"keys create --agency {AGENCY} --scope sessions:read sessions:write sessions:admin --json".split()
    )
    return str(json.loads(command(platform, *words))["key"])


def create(platform: Platform, key: str, subject: str) -> str:
    """A session of PAYLOAD_BYTES; its id."""
    data = {"a": "x" * (PAYLOAD_BYTES - len('{"a":""}'))}
    body = {"service": SERVICE, "subject": subject, "data": data}
    return str(post(platform.port, key, "/v1/sessions", body, 201)["session"])


def post(port: int, key: str, path: str, body: object, wanted: int) -> dict[str, Any]:
    """Raises ValueError with the answer when its status is another."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    fields = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        connection.request("POST", path, json.dumps(body), fields)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status != wanted:
        raise ValueError(f"POST {path}: {answer.status} {said[:200]!r}")
    found: dict[str, Any] = json.loads(said) if said else {}
    return found


def _request(method: str, path: str, key: str, body: bytes) -> bytes:
    typed = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    length = typed or ("Content-Length: 0\r\n" if method == "POST" else "")
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    return head.encode() + b"Sadd-Session: " + CHOICE + b"\r\n" + length.encode() + b"\r\n" + body


def _subject(contender: Contender, server: Server, seconds: float) -> Subject[Reading]:
    roles = dict(contender.roles)
    if contender.needs_store:
        roles["store"] = (server.pid,)

    async def turn() -> Reading:
        return read(partial(saturate, contender, seconds), roles, 1, contender.counts)

    return Subject(contender.name, turn)
