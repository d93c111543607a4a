"""Who was signed out, as it happens: numbers without a gap, resumed where one left, heard by everybody."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from tests.sadd.web.callers import MOEHE, MOPH, READER
from tests.sadd.web.scene import CLINIC
from tests.sadd.web.sessions_scene import CURRENT, SESSIONS, SignedIn
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

FEED = f"{SESSIONS}/revocations"


@dataclass
class Listening:
    """A subscriber and what it heard."""

    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    at: dict[int, float] = field(default_factory=dict)
    """When a revocation was heard, by its number."""
    ids: list[int] = field(default_factory=list)

    def told(self) -> list[dict[str, Any]]:
        return [facts for event, facts in self.heard if event == "revocation"]

    def heads(self) -> list[int]:
        return [facts["seq"] for event, facts in self.heard if event == "head"]

    async def listen(self, answer: aiohttp.ClientResponse) -> None:
        event = ""
        async for raw in answer.content:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            if name == "id":
                self.ids.append(int(value))
            elif name == "event":
                event = value
            elif name == "data":
                facts = json.loads(value)
                self.heard.append((event, facts))
                self.at.setdefault(facts["seq"], time.time())


@asynccontextmanager
async def listening(
    signed: SignedIn, key: dict[str, str] = MOEHE, query: str = "", **more: str
) -> AsyncIterator[Listening]:
    headers = {**key, "Accept": "text/event-stream", **{k.replace("_", "-"): v for k, v in more.items()}}
    subscriber = Listening()
    async with signed.server.client.get(FEED + query, headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        task = asyncio.create_task(subscriber.listen(answer))
        try:
            await eventually(lambda: subscriber.heard)
            yield subscriber
        finally:
            task.cancel()


async def end(signed: SignedIn, subject: str = "citizen") -> dict[str, Any]:
    """One that was signed in and out again; as it was made."""
    made = await signed.sign_in(subject)
    assert (await signed.ask("DELETE", CURRENT, made["session"]))[0] == 204
    return made


async def test_a_revocation_is_told_as_it_happens(signed: SignedIn) -> None:
    """With the session's ref, the subject, why, and a number; to the agency alone."""
    async with listening(signed) as own, listening(signed, MOPH) as other:
        made = await end(signed, "as-it-happens")
        await eventually(lambda: own.told())
        (told,) = own.told()
        assert (told["session"], told["subject"], told["agency"]) == (made["ref"], "as-it-happens", "moehe")
        assert told["reason"] == "signed-out"
        await eventually(lambda: other.heads()[-1] >= told["seq"])
        assert other.told() == []


async def test_all_of_a_subject_is_one_line(signed: SignedIn) -> None:
    """However many they are; ``kept`` names the one that goes on."""
    made = [await signed.sign_in("all-of-me") for _ in range(3)]
    async with listening(signed) as own:
        await signed.ask("POST", f"{SESSIONS}/revoke-all", made[0]["session"], {"keep_current": True})
        await eventually(lambda: own.told())
        assert [(one["subject"], one["session"], one["kept"]) for one in own.told()] == [
            ("all-of-me", None, made[0]["ref"])
        ]


async def test_who_resumes_misses_nothing_and_hears_nothing_twice(signed: SignedIn) -> None:
    """From any number, by Last-Event-ID or ``after``, from memory or from the database."""
    async with listening(signed) as first:
        before = first.heads()[-1]
    ended = [(await end(signed, f"resume-{number}"))["ref"] for number in range(5)]
    async with listening(signed, Last_Event_ID=str(before)) as second:
        await eventually(lambda: len(second.told()) == 5)
        assert [one["session"] for one in second.told()] == ended
        middle = second.told()[1]["seq"]
    async with listening(signed, query=f"?after={middle}") as third:
        await eventually(lambda: len(third.told()) == 3)
        assert [one["session"] for one in third.told()] == ended[2:]
        assert third.ids == sorted(third.ids)
    held = signed.ways.window._from
    signed.ways.window._from = signed.ways.window.last  # as if the worker had begun only now
    try:
        async with listening(signed, Last_Event_ID=str(before)) as fourth:
            await eventually(lambda: len(fourth.told()) == 5)
    finally:
        signed.ways.window._from = held


async def test_the_feed_says_that_it_is_alive(signed: SignedIn) -> None:
    """A head at least each second or so, which never falls behind what was told."""
    async with listening(signed) as own:
        await eventually(lambda: len(own.heads()) >= 3)
        assert own.heads() == sorted(own.heads())


async def test_a_number_that_never_was_is_a_gap(signed: SignedIn) -> None:
    """As after a database was put back: who resumes from beyond it begins anew."""
    async with listening(signed, Last_Event_ID="999999") as own:
        await eventually(lambda: own.heads())
        assert own.heard[0][0] == "gap"
    status, body = await signed.ask("GET", f"{FEED}?after=999999")
    assert (status, body["gap"], body["revocations"]) == (200, True, [])


async def test_the_same_by_asking(signed: SignedIn) -> None:
    """In pages, each with the number to go on from; another agency's are not in it."""
    _, body = await signed.ask("GET", FEED)
    start = body["last"]
    ended = [(await end(signed, f"ask-{number}"))["ref"] for number in range(5)]
    clinic = {"service": CLINIC, "subject": "patient"}
    status, other = await signed.ask("POST", SESSIONS, body=clinic, key=MOPH)
    await signed.ask("DELETE", CURRENT, other["session"], key=MOPH)
    found: list[str] = []
    more = True
    while more:
        status, body = await signed.ask("GET", f"{FEED}?after={start}&limit=2")
        assert status == 200
        found += [one["session"] for one in body["revocations"]]
        start, more = body["last"], body["more"] or len(found) < 5
    assert found == ended
    _, body = await signed.ask("GET", f"{FEED}?after={start}")
    assert (body["revocations"], body["gap"]) == ([], False)


async def test_reading_sessions_is_not_enough(signed: SignedIn) -> None:
    """It names the agency's persons: a key with sessions:read only gets 403, by asking and as a stream."""
    for accept in ("application/json", "text/event-stream"):
        status, _ = await signed.ask("GET", FEED, key={**READER, "Accept": accept})
        assert status == 403


@pytest.mark.parametrize("query", ["?after=-1", "?after=x", "?limit=0", "?limit=5000", "?since=1"])
async def test_a_bad_question_is_a_problem(signed: SignedIn, query: str) -> None:
    """422."""
    assert (await signed.ask("GET", FEED + query))[0] == 422


async def test_a_bad_place_to_resume_from_is_a_problem(signed: SignedIn) -> None:
    """400 for what the feed never gave."""
    for wrong in ("x", "-1", "9" * 17):
        status, _ = await signed.ask("GET", FEED, key={**MOEHE, "Last-Event-ID": wrong})
        assert status == 400


async def test_streams_are_bounded(signed: SignedIn) -> None:
    """The one too many gets 503 with Retry-After, and may ask instead."""
    feed = signed.ways.feed
    most, feed._most = feed._most, feed._open
    try:
        headers = {**MOEHE, "Accept": "text/event-stream"}
        async with signed.server.client.get(FEED, headers=headers) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
        assert (await signed.ask("GET", FEED))[0] == 200
    finally:
        feed._most = most


async def test_everybody_hears_of_it_soon(signed: SignedIn) -> None:
    """Twenty subscribers hear of each of thirty, in order and once; how soon is a benchmark's."""
    async with asyncio.TaskGroup() as group:
        stop = asyncio.Event()
        all_of_them: list[Listening] = []

        async def subscribe() -> None:
            async with listening(signed) as one:
                all_of_them.append(one)
                await stop.wait()

        for _ in range(20):
            group.create_task(subscribe())
        await eventually(lambda: len(all_of_them) == 20)
        ended = [(await end(signed, f"soon-{number}"))["ref"] for number in range(30)]
        await eventually(lambda: all(len(one.told()) >= 30 for one in all_of_them))
        stop.set()
    for one in all_of_them:
        assert [told["session"] for told in one.told()] == ended


async def test_nothing_is_said_while_the_database_is_away(signed: SignedIn) -> None:
    """No head comes, since nobody knows; when it is back all that happened meanwhile is told."""
    window = signed.ways.window
    read = window._read

    async def away(after: int, limit: int) -> Any:
        raise window._away[0]

    async with listening(signed) as own:
        async with window._reading:  # none is under way that may find what comes now
            window._read = away
            window.read_at = float("-inf")
        made = await end(signed, "meanwhile")
        assert not own.told()
        assert not window.is_proven(2.0, await window.part("moehe", window.last))
        window._read = read
        await eventually(lambda: own.told())
        assert own.told()[-1]["session"] == made["ref"]
