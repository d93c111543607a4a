"""A real cluster: a primary killed, frozen, and slots moved, all under load."""

import asyncio

import pytest
from redis.crc import key_slot

from benchmarks.servers import ClusterNodes, Server, await_true
from sadd.valkey.client import ValkeyClient
from sadd.valkey.errors import BreakerOpen, ConnectionLost, ReplyError, StoreRefused
from sadd.valkey.script import Script
from sadd.valkey.topology import open_client
from tests.sadd.valkey.fleet import INCR, opened, under_load
from tests.waiting import eventually


async def test_a_killed_primary_makes_no_error_and_loses_nothing(nodes: ClusterNodes) -> None:
    """kill -9 of a primary under load at node-timeout 1000: 0 errors, every acknowledged INCR kept."""
    victim = nodes.primaries()[0]
    async with opened(nodes.url) as client:
        async with under_load(client, repeat_safe=True) as load:
            await eventually(lambda: load.acknowledged.total() > 2000)
            before = [client.incarnation(b"count:%d:1" % number) for number in range(32)]
            victim.kill()
            await _failed_over(client)
            acknowledged = load.acknowledged.total()
            await eventually(lambda: load.acknowledged.total() > acknowledged + 2000)
            assert client.stats().reloads > 0  # the new primary never saw the script
            after = [client.incarnation(b"count:%d:1" % number) for number in range(32)]
            assert {len(set(before)), len(set(after))} == {3}  # each node has its own
            assert len(set(before) - set(after)) == 1  # and only the new primary's is new
            await _heal(nodes, victim)
        assert load.errors == []
        assert load.slowest_seconds < 5
        assert await load.lost() == 0


async def test_a_call_that_must_not_repeat_is_told_of_the_kill(nodes: ClusterNodes) -> None:
    """Without repeat_safe only calls that were written to the dead primary fail, and they say so."""
    victim = nodes.primaries()[0]
    async with opened(nodes.url) as client:
        async with under_load(client, repeat_safe=False) as load:
            await eventually(lambda: load.acknowledged.total() > 1000)
            victim.kill()
            await eventually(lambda: client.stats().waiting > 0 or bool(load.errors))
            await eventually(lambda: client.stats().waiting == 0 and client.stats().breaker == "closed")
        await _heal(nodes, victim)
        assert {type(error) for error in load.errors} <= {ConnectionLost}
        assert len(load.errors) <= 32  # one a worker at most: later calls wait for the fail-over
        assert await load.lost() == 0


async def test_a_frozen_primary_is_failed_over_too(nodes: ClusterNodes) -> None:
    """SIGSTOP of a primary: after the first deadline its calls wait for the new primary. 0 errors."""
    victim = nodes.primaries()[0]
    async with opened(nodes.url) as client:
        async with under_load(client, repeat_safe=True) as load:
            await eventually(lambda: load.acknowledged.total() > 1000)
            victim.freeze()
            await _failed_over(client)
        victim.thaw()
        await asyncio.to_thread(nodes.await_whole)
        assert load.errors == []


async def test_slots_moved_at_once_are_followed(nodes: ClusterNodes) -> None:
    """CLUSTER MIGRATESLOTS under load: MOVED is answered by the client itself, 0 errors, nothing lost."""
    slot = key_slot(b"count:1:1")
    source, target = _owner_first(nodes, slot)
    async with opened(nodes.url) as client:
        async with under_load(client, repeat_safe=False) as load:
            await eventually(lambda: load.acknowledged.total() > 1000)
            with source.client() as behind:
                behind.execute_command(
                    "CLUSTER MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", nodes.node_id(target)
                )
            await eventually(lambda: client.stats().repeats > 0)
            acknowledged = load.acknowledged.total()
            await eventually(lambda: load.acknowledged.total() > acknowledged + 500)
        assert load.errors == []
        assert await load.lost() == 0
    await asyncio.to_thread(nodes.await_whole)


async def test_a_slot_on_its_way_is_asked_for(nodes: ClusterNodes) -> None:
    """Classic migration: keys not moved yet answer at the source, others by ASK at the target."""
    key = b"count:2:2"
    slot = key_slot(key)
    source, target = _owner_first(nodes, slot)
    source_id, target_id = nodes.node_id(source), nodes.node_id(target)
    async with opened(nodes.url) as client:
        before = await client.run(INCR, [key], [])
        with source.client() as at_source, target.client() as at_target:
            at_target.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", source_id)
            at_source.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", target_id)
            at_target.script_flush()  # ASK and NOSCRIPT together
            at_source.execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
            assert await client.run(INCR, [key], []) == before + 1  # type: ignore[operator]  # an int
            assert await client.command("GET", key, key=key) == b"%d" % (before + 1)  # type: ignore[operator]
            for node in (at_target, at_source):
                node.execute_command("CLUSTER SETSLOT", slot, "NODE", target_id)
        assert await client.run(INCR, [key], []) == before + 2  # type: ignore[operator]
        assert not client.stats().errors
    await asyncio.to_thread(nodes.await_whole)


async def test_keys_of_two_slots_in_one_call_are_an_error(nodes: ClusterNodes) -> None:
    """CROSSSLOT is a programmer's fault: told at once, never repeated."""
    async with opened(nodes.url) as client:
        with pytest.raises(ReplyError, match="CROSSSLOT"):
            await client.run(Script("two", b"return 1"), [b"a", b"b"], [])
        assert client.slot(b"{tag}a") == client.slot(b"{tag}b") == key_slot(b"tag")


async def test_past_the_failover_deadline_calls_fail_at_once(nodes: ClusterNodes) -> None:
    """A primary that nobody replaces: calls wait for the fail-over's deadline in sum, then not at all."""
    victim = nodes.primaries()[0]
    async with opened(nodes.url, failover_deadline_ms=300) as client:
        key = next(b"k%d" % n for n in range(1000) if _owner_first(nodes, key_slot(b"k%d" % n))[0] is victim)
        await client.run(INCR, [key], [])
        victim.kill()
        with pytest.raises(ConnectionError):
            await client.run(INCR, [key], [], repeat_safe=True)
        with pytest.raises(BreakerOpen):
            await client.run(INCR, [key], [], repeat_safe=True)
        victim.start(await_answer=False)
        await eventually(lambda: client.stats().breaker == "closed")
        await eventually(lambda: client.run(INCR, [key], []))
    await asyncio.to_thread(nodes.await_whole)


async def test_a_plain_url_to_a_cluster_node_is_refused(nodes: ClusterNodes) -> None:
    """One line names what was found and what is accepted."""
    with pytest.raises(
        StoreRefused, match="cluster mode; accepted: a URL that starts with redis\\+cluster://"
    ):
        await open_client(nodes.servers[0].url, deadline_ms=250, max_in_flight=10)


async def _failed_over(client: ValkeyClient) -> None:
    """Calls began to wait for another primary, and wait no more."""
    await eventually(lambda: client.stats().waiting > 0)
    await eventually(lambda: client.stats().waiting == 0 and client.stats().breaker == "closed")


async def _heal(nodes: ClusterNodes, victim: Server) -> None:
    # Not started in a thread: the server would end with that thread.
    victim.start(await_answer=False)
    await asyncio.to_thread(nodes.await_whole)


def _owner_first(nodes: ClusterNodes, slot: int) -> tuple[Server, Server]:
    """The primary of a slot and another primary."""
    found: list[Server] = []

    def finds() -> bool:
        with nodes.servers[0].client() as client:
            view = client.execute_command("CLUSTER NODES")
        owners = {
            int(address.partition("@")[0].rpartition(":")[2]): node["slots"] for address, node in view.items()
        }
        primaries = [server for server in nodes.servers if owners.get(server.port)]
        owner = [server for server in primaries if _holds(owners[server.port], slot)]
        found[:] = owner + [server for server in primaries if server not in owner]
        return len(owner) == 1

    await_true(finds, 5, f"owner of slot {slot}")
    return found[0], found[1]


def _holds(ranges: "list[list[str]]", slot: int) -> bool:
    return any(int(part[0]) <= slot <= int(part[-1]) for part in ranges)
