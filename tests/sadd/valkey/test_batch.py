"""Single questions of one tick that travel together."""

import asyncio

import pytest

from benchmarks.servers import ClusterNodes, Server
from sadd.valkey.batch import Batch
from sadd.valkey.errors import ReplyError
from sadd.valkey.script import Script
from tests.sadd.valkey.fleet import opened

TAKE = Script(
    "take",
    b"""
    local answers = {}
    for i, key in ipairs(KEYS) do
      local held = redis.call('INCRBY', key, ARGV[1 + i])
      answers[2 * i - 1], answers[2 * i] = held <= tonumber(ARGV[1]) and 1 or 0, held
    end
    return answers
    """,
)


async def test_questions_of_a_tick_are_one_call(valkey_url: str) -> None:
    """Thirty askers, one call; each gets the values of its own key, for its own words."""
    async with opened(valkey_url) as client:
        batch = Batch(client, TAKE, width=2)
        answers = await asyncio.gather(*(batch.ask(b"k%d" % n, (10,), (n,)) for n in range(30)))
        stats = client.stats()
        assert (stats.calls, stats.gathered_calls, stats.gathered_keys) == (1, 1, 30)
        assert 0 < stats.gathered_seconds < 5
    assert answers == [(1 if n <= 10 else 0, n) for n in range(30)]


async def test_a_key_asked_for_twice_is_decided_twice(valkey_url: str) -> None:
    """Ten askers of one key at a limit of three: three are let through, in their order."""
    async with opened(valkey_url) as client:
        batch = Batch(client, TAKE, width=2)
        answers = await asyncio.gather(*(batch.ask(b"same", (3,), (1,)) for _ in range(10)))
    assert [allowed for allowed, _ in answers] == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


async def test_different_shared_words_and_too_many_keys_are_calls_of_their_own(valkey_url: str) -> None:
    """Two policies are two calls; twenty-five keys at ten a call are three."""
    async with opened(valkey_url) as client:
        batch = Batch(client, TAKE, width=2, keys_max=10)
        first = [batch.ask(b"a%d" % n, (5,), (1,)) for n in range(25)]
        second = [batch.ask(b"b%d" % n, (6,), (1,)) for n in range(2)]
        answers = await asyncio.gather(*first, *second)
        assert client.stats().calls == 3 + 1
    assert len(answers) == 27


async def test_an_asker_that_gives_up_harms_no_other(valkey_url: str) -> None:
    """Cancelled before the call and cancelled during it: the others are answered."""
    async with opened(valkey_url) as client:
        batch = Batch(client, TAKE, width=2)
        answers = [batch.ask(b"k%d" % n, (10,), (n,)) for n in range(6)]
        answers[0].cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        answers[1].cancel()
        assert await asyncio.gather(*answers[2:]) == [(1, n) for n in range(2, 6)]


async def test_an_error_is_told_to_each_asker(server: Server) -> None:
    """The script's fault, a wrong width, the store's absence: each asker gets an exception of its own."""
    async with opened(server.url) as client:
        for batch, kind in (
            (Batch(client, Script("bad", b"return redis.call('NONSENSE')")), ReplyError),
            (Batch(client, TAKE, width=3), TypeError),
        ):
            asked = (batch.ask(b"a", (1,), (1,)), batch.ask(b"b", (1,), (1,)))
            errors = await asyncio.gather(*asked, return_exceptions=True)
            assert [type(error) for error in errors] == [kind, kind]
            assert errors[0] is not errors[1]
        server.kill()
        with pytest.raises(ConnectionError):
            await Batch(client, TAKE, width=2).ask(b"a", (1,), (1,))


async def test_in_a_cluster_keys_of_a_slot_travel_together(nodes: ClusterNodes) -> None:
    """A hash tag makes them one call; without one each slot is a call."""
    async with opened(nodes.url) as client:
        batch = Batch(client, TAKE, width=2)
        await asyncio.gather(*(batch.ask(b"{room}%d" % n, (10,), (1,)) for n in range(8)))
        assert client.stats().calls == 1
        await asyncio.gather(*(batch.ask(b"%d" % n, (10,), (1,)) for n in range(8)))
        assert client.stats().calls == 1 + 8


async def test_a_callback_that_raises_harms_no_other(valkey_url: str) -> None:
    """The loop is told, and the askers before and behind it in the same call are answered."""
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    answers: list[object] = []

    def gone(_: object) -> None:
        raise ConnectionResetError("its client is gone")

    async with opened(valkey_url) as client:
        batch = Batch(client, TAKE, width=2)
        for done in (answers.append, gone, answers.append):
            batch.post((b"k",), (10,), (1,), done)
        await batch.ask(b"last", (10,), (1,))
    assert answers == [(1, 1), (1, 3)]
    assert [type(context["exception"]) for context in told] == [ConnectionResetError]


async def test_a_question_of_several_keys_is_answered_with_all_of_them(valkey_url: str) -> None:
    """Three keys are six values, and the one behind it gets its own two."""
    answers: list[object] = []
    async with opened(valkey_url) as client:
        batch = Batch(client, TAKE, width=2)
        batch.post((b"a", b"b", b"c"), (10,), (1, 2, 3), answers.append)
        assert await batch.ask(b"d", (10,), (4,)) == (1, 4)
        assert client.stats().calls == 1
    assert answers == [(1, 1, 1, 2, 1, 3)]


async def test_words_that_cannot_be_sent_are_told_to_who_asked(valkey_url: str) -> None:
    """And to nobody else: the other calls of the tick go out."""
    async with opened(valkey_url) as client:
        batch = Batch(client, TAKE, width=2)
        wrong = batch.ask(b"a", (object(),), (1,))  # type: ignore[arg-type]  # a mistake
        right = batch.ask(b"b", (10,), (1,))
        with pytest.raises(TypeError):
            await wrong
        assert await right == (1, 1)
