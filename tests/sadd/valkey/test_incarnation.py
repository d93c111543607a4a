"""Which run of which server answers: what a script is told, also when its call is sent again."""

from benchmarks.servers import Server
from sadd.valkey.script import Script
from tests.sadd.valkey.fleet import opened
from tests.waiting import eventually

STAMP = Script("stamp", b"return ARGV[1]")


async def test_a_restart_is_another_incarnation(server: Server) -> None:
    """The same folder, file and port: what it holds may be older than what was acknowledged before."""
    async with opened(server.url) as client:
        before = client.incarnation(b"key")
        assert len(before) == 40 + 1 + 40
        assert await client.run(STAMP, [b"key"], [], stamped=True) == before
        server.kill()
        server.start()
        await eventually(lambda: client.stats().reconnects > 0)
        assert client.incarnation(b"key") != before
        assert await client.run(STAMP, [b"key"], [], stamped=True) == client.incarnation(b"key")


async def test_a_repeated_call_carries_the_stamp_of_who_gets_it(server: Server) -> None:
    """A call that was under way when the server was killed tells the new run its own name, not the old."""
    async with opened(server.url) as client:
        before = client.incarnation(b"key")
        server.freeze()
        call = client.run(STAMP, [b"key"], [], repeat_safe=True, stamped=True)
        server.kill()
        server.start()
        assert await call == client.incarnation(b"key")
        assert client.incarnation(b"key") != before


async def test_clients_of_one_server_name_it_alike(server: Server) -> None:
    """Two workers must agree, or each would think that the other's state is a stranger's."""
    async with opened(server.url) as one, opened(server.url) as two:
        assert one.incarnation(b"key") == two.incarnation(b"key")
