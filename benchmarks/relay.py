"""A network between workers and the store, that can be cut: ``python -m benchmarks.relay PORT``.

Prints the port on which it listens. Stopped (SIGSTOP) it is a partition: connections stay open, and nothing
comes through.
"""

import asyncio
import sys


async def _pass_on(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65536):
            to.write(piece)
            await to.drain()
    except ConnectionError:
        pass
    finally:
        to.close()


async def _relay(port: int) -> None:
    async def serve(caller: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        store, asked = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pass_on(caller, asked), _pass_on(store, answer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_relay(int(sys.argv[1])))
