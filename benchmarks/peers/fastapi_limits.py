"""FastAPI and ``limits``, as their own pages show it; run by a Python of its own, not by ours.

fastapi_limits.py PORT STORE_PORT
"""

# Its packages are not among ours, so there are no types to check.
# mypy: ignore-errors

import sys

import uvicorn
from fastapi import FastAPI
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from pydantic import BaseModel

QUOTA = RateLimitItemPerMinute(600_000)


class Check(BaseModel):
    policy: str
    key: str
    cost: int = 1


def app(store_port: int) -> FastAPI:
    # redis-py, since coredis, the default, made half the decisions on the machine this was written on.
    storage = RedisStorage(f"async+redis://127.0.0.1:{store_port}", implementation="redispy")
    limiter = FixedWindowRateLimiter(storage)
    served = FastAPI()

    @served.post("/v1/limits/check")
    async def check(asked: Check) -> dict[str, bool]:
        return {"allowed": await limiter.hit(QUOTA, asked.policy, asked.key, cost=asked.cost)}

    return served


if __name__ == "__main__":
    uvicorn.run(app(int(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), access_log=False)
