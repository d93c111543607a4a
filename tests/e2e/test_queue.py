"""Waiting rooms on a running platform of two workers: what an operator does is live everywhere at once."""

import http.server
import json
import os
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.platform import SADD, SERVICE, Platform
from tests.e2e.test_documents import script
from tests.waiting import eventually_sync

CONNECTIONS = 24
"""As many new connections meet both workers: all on one would be a chance of one in eight million."""


@pytest.fixture(scope="module")
def key(running: Platform) -> str:
    return running.key("queues:admin", "queues:join", "queues:feedback", "sessions:write")


@pytest.fixture(scope="module")
def rooms(running: Platform, key: str) -> Iterator[str]:
    """The agency's rooms, one for each test: who is left in line by one is in nobody's way."""
    _, listed = Caller(running.url, key, SERVICE)("GET", "/v1/queues?limit=100")
    return iter([line["room"] for line in listed["rooms"] if line["room"] != SERVICE])


@pytest.fixture
def caller(running: Platform, key: str, rooms: Iterator[str]) -> "Caller":
    return Caller(running.url, key, next(rooms))


class Caller:
    """An agency's operator, and the visitors of its room; each call is a connection of its own."""

    def __init__(self, url: str, key: str, room: str) -> None:
        self._url = url
        self.key = key
        self.room = room
        self.path = f"/v1/queues/{room}"

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        public: bool = False,
        ticket: str = "",
        session: str = "",
    ) -> tuple[int, Any]:
        fields = {} if public else {"Authorization": f"Bearer {self.key}"}
        if body is not None:
            fields["Content-Type"] = "application/json"
        if ticket:
            fields["Sadd-Ticket"] = ticket
        if session:
            fields["Sadd-Session"] = session
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self._url + path, data, fields, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                raw = answer.read()
                return answer.status, json.loads(raw) if raw else None
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read())

    def everywhere(self) -> list[Any]:
        """The public document, by so many connections that both workers answer."""
        return [self("GET", self.path, public=True)[1] for _ in range(CONNECTIONS)]

    def set(self, **settings: Any) -> None:
        assert self("PATCH", f"{self.path}/settings", settings)[0] == 200

    def join(self, **more: Any) -> Any:
        status, standing = self("POST", f"{self.path}/tickets", public=True, **more)
        assert status == 200, standing
        return standing


def test_the_page_s_first_tour(running: Platform, caller: Caller) -> None:
    """Each line of docs/queue.md succeeds, as it is written."""
    lines = script("docs/queue.md", "## A first tour")
    assert lines.count("curl") >= 8
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'curl() {{ command curl -sS --fail-with-body "$@"; }}\n{lines}'],
        cwd=running.folder,
        env={**running.environment, "SADD": running.url, "KEY": caller.key, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert SADD.exists()


def test_a_pause_is_live_on_every_worker(running: Platform, caller: Caller) -> None:
    """From the command line, and back over HTTP."""
    assert running.sadd("queue", "pause", caller.room, "--note", "fire alarm").returncode == 0

    def all_are(state: str) -> bool:
        return all(one["state"] == state for one in caller.everywhere())

    eventually_sync(lambda: all_are("paused"))
    assert caller("POST", f"{caller.path}/resume-calls")[0] == 200
    eventually_sync(lambda: all_are("open"))


def test_a_place_goes_to_another_device_and_back(caller: Caller) -> None:
    """Paused, so that all wait: the code brings the same number, on whichever worker."""
    caller.set(suspended=True)
    eventually_sync(lambda: all(one["state"] == "paused" for one in caller.everywhere()))
    mine = caller.join()
    assert mine["state"] == "waiting"
    status, told = caller("GET", f"{caller.path}/resume-code", public=True, ticket=mine["ticket"])
    assert status == 200
    status, there = caller("POST", f"{caller.path}/resume", {"code": told["code"].lower()}, public=True)
    assert (status, there["number"], there["ticket"]) == (200, mine["number"], mine["ticket"])
    assert caller("POST", f"{caller.path}/resume", {"code": "AAAAAA-AAAAAA-A"}, public=True)[0] == 403
    assert caller.join(ticket=mine["ticket"])["number"] == mine["number"]


def test_one_person_has_one_place(caller: Caller) -> None:
    """However many devices: by the word of an app of the agency; without it nobody joins."""
    caller.set(one_per_identity=True, suspended=True)
    eventually_sync(lambda: caller("POST", f"{caller.path}/tickets", public=True)[0] == 401)
    numbers = {
        caller("POST", f"{caller.path}/tickets", {"subject": "28512345678"})[1]["number"] for _ in range(6)
    }
    assert len(numbers) == 1
    assert caller("POST", f"{caller.path}/tickets", {"subject": "28500000000"})[1]["number"] not in numbers
    assert caller("POST", f"{caller.path}/tickets", {"subject": "x"}, public=True)[0] == 401


def test_a_session_that_ends_makes_room_for_the_next(caller: Caller) -> None:
    """One may be inside: his backend says that he has gone, and the next is called at once."""
    caller.set(active_cap=1, outflow_per_minute=6_000, pass_ms=600_000)
    eventually_sync(lambda: all(one["outflow_per_minute"] == 6_000 for one in caller.everywhere()))
    first = eventually_sync(lambda: _admitted(caller))
    second = caller.join()
    assert second["state"] == "waiting"
    _, told = caller("POST", f"{caller.path}/verify", {"pass": first["pass"], "spend": True})
    assert told["valid"] is True
    assert caller("POST", f"{caller.path}/end", {"pass_id": told["id"]})[0] == 204

    def called() -> bool:
        return bool(
            caller("GET", f"{caller.path}/ticket", public=True, ticket=second["ticket"])[1]["state"]
            == "called"
        )

    eventually_sync(called)
    _, admitted = caller("POST", f"{caller.path}/claim", public=True, ticket=second["ticket"])
    assert admitted["state"] == "admitted"
    caller("POST", f"{caller.path}/leave", public=True, ticket=second["ticket"])


def _admitted(caller: Caller) -> Any:
    """A visitor who is inside, after those who were there before have gone."""
    standing = caller.join()
    if standing["state"] == "admitted":
        return standing
    _, claimed = caller("POST", f"{caller.path}/claim", public=True, ticket=standing["ticket"])
    if claimed["state"] == "admitted":
        return claimed
    caller("POST", f"{caller.path}/leave", public=True, ticket=standing["ticket"])
    return None


def test_a_dry_run_counts_the_people(running: Platform, caller: Caller) -> None:
    """Over HTTP and on the command line, and nothing is done."""
    caller.set(suspended=True)
    eventually_sync(lambda: all(one["state"] == "paused" for one in caller.everywhere()))
    for _ in range(3):
        caller.join()
    eventually_sync(lambda: all(one["waiting"] >= 3 for one in caller.everywhere()))
    status, told = caller("DELETE", f"{caller.path}/settings?dry_run=true")
    waiting = told["effects"][0]["waiting"]
    assert (status, waiting >= 3) == (200, True)
    (running.folder / "rooms.yaml").write_text(f"- {{id: {caller.room}, stock: 1}}\n")
    ended = running.sadd("queue", "diff", "rooms.yaml")
    assert ended.returncode == 1
    assert f"! {waiting} wait for at most 1" in ended.stdout
    assert all(one["state"] == "paused" for one in caller.everywhere())


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_session_that_is_ended_frees_its_slot(caller: Caller, *, everywhere: bool) -> None:
    """Signed out here or everywhere: the session was begun with the pass of a visitor, and so is his stay."""
    inside = caller.join()
    assert inside["state"] == "admitted"
    begin = {"service": caller.room, "subject": "28412345678", "entry": inside["pass"]}
    assert caller("POST", "/v1/sessions", {**begin, "entry": "eyJ.x.y"})[0] == 403
    status, begun = caller("POST", "/v1/sessions", begin)
    assert status == 201, begun
    eventually_sync(lambda: caller("GET", caller.path, public=True)[1]["active"] == 1)
    if everywhere:
        ended = caller("POST", "/v1/sessions/revoke-all", {"subject": "28412345678"})
    else:
        ended = caller("DELETE", "/v1/sessions/current", session=begun["session"])
    assert ended[0] == 204, ended
    eventually_sync(lambda: caller("GET", caller.path, public=True)[1]["active"] == 0)
    _, standing = caller("GET", f"{caller.path}/ticket", public=True, ticket=inside["ticket"])
    assert standing["state"] != "admitted"


def test_a_closed_room_takes_nobody(caller: Caller) -> None:
    """409 for who joins; a schedule says when it opens."""
    caller.set(activation={"kind": "scheduled", "opens_at": "2099-01-01T10:00:00+03:00", "outside": "closed"})
    eventually_sync(lambda: all(one["state"] == "scheduled" for one in caller.everywhere()))
    _, status = caller("GET", caller.path, public=True)
    assert status["opens_at_ms"] == 4_070_934_000_000
    assert caller("POST", f"{caller.path}/tickets", public=True)[0] == 409


def test_a_webhook_tells_of_a_pause(caller: Caller) -> None:
    """Within a few seconds, from whichever worker."""
    got: list[Any] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        _, made = caller("POST", "/v1/webhooks", {"url": url, "events": ["paused"], "room": caller.room})
        caller("POST", f"/v1/webhooks/{made['id']}/test")
        eventually_sync(lambda: got)
        caller.set(suspended=True)
        eventually_sync(lambda: len(got) > 1)
        server.shutdown()
    assert [one["type"] for one in got] == ["queue.test", "queue.paused"]
    assert caller("DELETE", f"/v1/webhooks/{made['id']}")[0] == 204
