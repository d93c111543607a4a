"""Both clients behind one door, so that a test of behaviour is written once and holds for both."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from sadd_client import AsyncClient, Client

KEY = "sadd_abcdefghijkl_abcdefghijklmnopqrstuvwxyz234567"


class Door(Protocol):
    client: Any

    def do(self, call: Callable[[Any], Any]) -> Any:
        """The result of ``call(client)``, awaited if need be."""

    def close(self) -> None: ...


class BlockingDoor:
    def __init__(self, url: str, **words: Any) -> None:
        self.client = Client(url, **{"key": KEY, "on_loss": "closed", **words})

    def do(self, call: Callable[[Any], Any]) -> Any:
        return call(self.client)

    def close(self) -> None:
        self.client.close()


class AsyncDoor:
    def __init__(self, url: str, **words: Any) -> None:
        self._runner = asyncio.Runner()
        self._closed = False
        self.client = AsyncClient(url, **{"key": KEY, "on_loss": "closed", **words})

    def do(self, call: Callable[[Any], Any]) -> Any:
        async def awaited() -> Any:
            return await call(self.client)

        return self._runner.run(awaited())

    def close(self) -> None:
        if not self._closed:
            self.do(lambda client: client.close())
            self._runner.close()
        self._closed = True
