"""What both clients are made of: the parts, put together for one platform."""

import json
import ssl
from urllib.parse import quote, urlsplit

from sadd_client import fork
from sadd_client.caching.store import Store
from sadd_client.courier import Courier
from sadd_client.decider import Decider
from sadd_client.decision import Check
from sadd_client.holder import Holder
from sadd_client.key import Key
from sadd_client.loss import LocalLimit, OnLoss, Stand
from sadd_client.pool import Pool
from sadd_client.ports import Io, Place
from sadd_client.queue import Queue
from sadd_client.sessions.calls import Calls
from sadd_client.stats import ClientStats
from sadd_client.version import __version__
from sadd_client.wire import check_head

CACHES_MAX = 100
"""Each may have a stream of its own."""
LIMITERS_MAX = 1_000
"""A policy id that came from a request would else fill the memory."""


class Core:
    """Raises ValueError for an address or a way that cannot be. Connects to nothing yet."""

    def __init__(
        self,
        io: Io,
        url: str,
        key: Key | str,
        on_loss: OnLoss,
        local: LocalLimit | None,
        deadline_seconds: float,
        connections_max: int,
        tls: ssl.SSLContext | None,
    ) -> None:
        if deadline_seconds <= 0 or connections_max < 1:
            raise ValueError("deadline_seconds is above 0, connections_max at least 1")
        place, host, prefix = _address(url, tls)
        self.url = url
        self.key = key if isinstance(key, Key) else Key(key)
        self.io = io
        self.mutex = io.mutex()
        headers = _headers(host, self.key)
        check_head(f"{prefix}/", headers)
        self.pool = Pool(place, headers, io, connections_max)
        self.courier = Courier(self.pool, io)
        self.stand = Stand(on_loss, local)
        self.prefix, self.deadline_seconds = prefix, deadline_seconds
        self.decider = Decider(self.courier, self.stand, io, prefix, deadline_seconds)
        self.holders: dict[tuple[object, ...], Holder] = {}
        self.stores: dict[tuple[object, ...], Store] = {}
        fork.register(self)

    def holder(
        self,
        about: Check,
        on_loss: OnLoss | None,
        keys_max: int,
        tokens_max: int,
    ) -> Holder:
        """The same for the same words: leases of one key are held once."""
        if on_loss is not None:
            self.stand.check_way(on_loss)
        if keys_max < 1 or tokens_max < 0:
            raise ValueError("a limiter has keys_max from 1 and lease_tokens_max from 0")
        words = (json.dumps(about.members, sort_keys=True), on_loss, keys_max, tokens_max)
        with self.mutex:
            found = self.holders.get(words)
            if found is None or found.closed:
                if len(self.holders) >= LIMITERS_MAX:
                    raise ValueError(f"there are {LIMITERS_MAX} limiters already")
                found = Holder(about, self.decider, self.io, on_loss, keys_max, tokens_max)
                self.holders[words] = found
            return found

    def store(
        self, namespace: str, memory_bytes_max: int, stale_bound_seconds: float, loads_max: int
    ) -> Store:
        """The same for the same words: what is loaded is loaded once, and kept once."""
        words = (namespace, memory_bytes_max, stale_bound_seconds, loads_max)
        with self.mutex:
            found = self.stores.get(words)
            if found is None:
                if len(self.stores) >= CACHES_MAX:
                    raise ValueError(f"there are {CACHES_MAX} caches already")
                parts = (self.courier, self.pool, self.io, self.prefix, self.deadline_seconds)
                found = Store(namespace, *parts, memory_bytes_max, stale_bound_seconds, loads_max)
                self.stores[words] = found
            return found

    def queue(self, room: str) -> Queue:
        return Queue(room, self.courier, self.io, self.prefix, self.deadline_seconds)

    def sessions(self, service: str) -> Calls:
        return Calls(service, self.courier, self.prefix, self.deadline_seconds)

    def stats(self) -> ClientStats:
        return ClientStats(
            repeats=self.courier.repeats,
            breaker_opened=self.courier.breaker.opened,
            breaker_open=self.courier.breaker.open,
            decided_here=self.decider.decided_here,
        )

    async def close(self) -> None:
        """Takes two deadlines at most: what is under way ends, unused leases go back."""
        for store in self.stores.values():
            store.end()
        await self.io.together(holder.close() for holder in self.holders.values())
        await self.io.finish(self.decider.deadline())
        self.pool.close()

    def forget(self) -> None:
        """In a forked child."""
        self.mutex = self.io.mutex()
        self.io.forget()
        self.pool.forget()
        self.decider.forget()
        for holder in self.holders.values():
            holder.forget()
        for store in self.stores.values():
            store.forget()


def _address(url: str, tls: ssl.SSLContext | None) -> tuple[Place, bytes, str]:
    """Where to connect to, the Host header, and the path before ``/v1``."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ValueError("url is http://host[:port][/path] or https://…, with nothing else in it")
    secure = parts.scheme == "https"
    place = Place(
        parts.hostname,
        parts.port or (443 if secure else 80),
        (tls or ssl.create_default_context()) if secure else None,
    )
    return (
        place,
        parts.netloc.encode("idna" if not parts.netloc.isascii() else "ascii"),
        quote(parts.path.rstrip("/"), safe="/%"),
    )


def _headers(host: bytes, key: Key) -> list[tuple[bytes, bytes]]:
    return [
        (b"Host", host),
        (b"User-Agent", f"sadd-client/{__version__}".encode()),
        (b"Accept", b"application/json"),
        (b"Authorization", key.authorization),
    ]
