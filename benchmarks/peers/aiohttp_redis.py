"""The limiter that one writes in an afternoon: aiohttp, redis-py, one script call a request.

python -m benchmarks.peers.aiohttp_redis PORT STORE_PORT; no keys, no policies, no header fields.
"""

import sys
from pathlib import Path

import orjson
import uvloop
from aiohttp import web
from redis.asyncio import Redis

SCRIPT = Path(__file__).parents[1] / "scripts" / "gcra_one.lua"
ARGS = (1_000, 10_000_000)  # one a millisecond, burst 10,000


def app(store_port: int) -> web.Application:
    store = Redis(port=store_port, max_connections=1_000)
    take = store.register_script(SCRIPT.read_text())

    async def check(request: web.Request) -> web.Response:
        asked = orjson.loads(await request.read())
        allowed, tolerance_us, reset_us = await take(keys=[f"plain:{asked['key']}"], args=ARGS)
        answer = {
            "allowed": bool(allowed),
            "remaining": tolerance_us // ARGS[0],
            "reset_after_ms": reset_us // 1000,
        }
        return web.Response(body=orjson.dumps(answer), content_type="application/json")

    served = web.Application()
    served.router.add_post("/v1/limits/check", check)
    return served


def main() -> None:
    port, store_port = map(int, sys.argv[1:3])
    web.run_app(
        app(store_port),
        host="127.0.0.1",
        port=port,
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()
