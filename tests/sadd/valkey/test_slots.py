"""What we need of redis-py for a cluster's table, pinned."""

import pytest
from redis.crc import key_slot

from benchmarks.servers import ClusterNodes, free_ports
from sadd.valkey.address import Login, Node
from sadd.valkey.errors import StoreAway
from sadd.valkey.slots import SlotReader


async def test_the_table_names_each_slot_once(nodes: ClusterNodes) -> None:
    """All 16,384 slots, each with one of the three primaries; a dead seed is passed over."""
    seeds = [Node("127.0.0.1", free_ports(1)[0]), Node("127.0.0.1", nodes.servers[0].port)]
    table = await SlotReader(Login(), None).read(seeds)
    slots = [slot for part in table for slot in range(part.first, part.last + 1)]
    assert sorted(slots) == list(range(16_384))
    assert {part.primary.port for part in table} == {server.port for server in nodes.primaries()}


async def test_no_node_that_answers_is_a_connection_error() -> None:
    """All that were asked are named."""
    port = free_ports(1)[0]
    with pytest.raises(StoreAway, match=str(port)):
        await SlotReader(Login(), None).read([Node("127.0.0.1", port)])


def test_slots_are_those_of_the_cluster_specification() -> None:
    """The value that the specification gives for "123456789", and the rule of the hash tag."""
    assert key_slot(b"123456789") == 0x31C3
    assert key_slot(b"{user1000}.following") == key_slot(b"user1000")
    assert key_slot(b"foo{}{bar}") == key_slot(b"foo{}{bar}", 16_384)
