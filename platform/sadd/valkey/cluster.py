"""Routes by slot. The table is corrected by MOVED at once and read anew whenever something is wrong.

::

    key -> CRC16 -> slot -> table[slot] -> lane of its primary
                              ^   ^
                    MOVED ----+   +---- watch: reads the table while a lane in use is away, or when told
"""

import asyncio
from collections.abc import Iterable, Sequence

import structlog
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from sadd.valkey.address import Node
from sadd.valkey.dial import Dialling, dial
from sadd.valkey.errors import StoreAway, StoreRefused
from sadd.valkey.lane import Lane
from sadd.valkey.pulse import Pulse
from sadd.valkey.slots import SlotRange, SlotReader

REFRESH_SECONDS_MIN = 0.05
REFRESH_SECONDS_MAX = 0.5
KEYS_TRIED_MAX = 65_536
"""For one key on each primary; a primary of a single slot is found 49 times in 50."""

log = structlog.get_logger("sadd.valkey")


class Cluster:
    """The router of a cluster: one lane to each primary, replicas are not used."""

    def __init__(self, seeds: Sequence[Node], reader: SlotReader, dialling: Dialling) -> None:
        self.pulse = Pulse()
        self._seeds = seeds
        self._reader = reader
        self._dialling = dialling
        self._lanes: dict[Node, Lane] = {}
        self._nodes: dict[Lane, Node] = {}
        self._table: list[Lane] = []
        self._keys_of: dict[bytes, str] | None = None
        self._wanted = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Reads the table and connects. Raises StoreAway when no primary can be reached, StoreRefused."""
        self._adopt(await self._reader.read(self._seeds))
        results = await asyncio.gather(*(lane.connect() for lane in self.lanes()), return_exceptions=True)
        faults = [result for result in results if isinstance(result, BaseException)]
        refused = [fault for fault in faults if isinstance(fault, StoreRefused)]
        if refused or len(faults) == len(results):
            raise (refused or faults)[0]
        for lane in self.lanes():
            if not lane.connected:
                lane.start()
        self._watching = asyncio.create_task(self._watch(), name="sadd.valkey cluster watch")

    # -- the port ------------------------------------------------------------

    def lane(self, key: bytes | None) -> Lane:
        if key is None:
            return next((lane for lane in self._lanes.values() if lane.connected), self._table[0])
        return self._table[key_slot(key)]

    def slot(self, key: bytes) -> int:
        return int(key_slot(key))

    def moved(self, origin: Lane, slot: int, node: Node) -> Lane:
        lane = self._table[slot] = self._lane_of(self._whole(origin, node))
        self._keys_of = None
        self._wanted.set()
        return lane

    def asked(self, origin: Lane, node: Node) -> Lane:
        return self._lane_of(self._whole(origin, node))

    def troubled(self, lane: Lane, error: Exception) -> None:  # noqa: ARG002 (the port's signature)
        self._wanted.set()

    def lanes(self) -> Sequence[Lane]:
        return tuple(self._lanes.values())

    def key_of_each(self, stem: bytes) -> dict[bytes, str]:
        if self._keys_of is None:
            self._keys_of = self._found_keys(stem)
        return self._keys_of

    def _found_keys(self, stem: bytes) -> dict[bytes, str]:
        wanted, keys = set(self._table), dict[bytes, str]()
        for number in range(KEYS_TRIED_MAX):
            key = b"%s{%d}" % (stem, number)
            lane = self._table[key_slot(key)]
            if lane in wanted:
                wanted.discard(lane)
                keys[key] = lane.name
            if not wanted:
                return keys
        raise StoreAway(f"no key found for {len(wanted)} of the primaries: they serve too few slots")

    async def aclose(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await asyncio.gather(*(lane.aclose() for lane in self.lanes()))
        self.pulse.beat()  # calls that wait for a change learn that none will come
        await self._reader.aclose()

    # -- lanes and the table -------------------------------------------------

    def _whole(self, origin: Lane, node: Node) -> Node:
        # A node that does not know its own address leaves the host out: it means "where you found me".
        return node if node.host else Node(self._nodes[origin].host, node.port)

    def _lane_of(self, node: Node) -> Lane:
        lane = self._lanes.get(node)
        if lane is None:
            lane = self._lanes[node] = self._new_lane(node)
            self._nodes[lane] = node
            if self._watching is not None:
                lane.start()
        return lane

    def _new_lane(self, node: Node) -> Lane:
        dialling = self._dialling
        return Lane(
            str(node), lambda on_lost: dial(node, dialling, on_lost), dialling.counters, self._changed
        )

    def _adopt(self, ranges: Iterable[SlotRange]) -> None:
        """Takes a table over. Slots that nobody serves keep their lane, which will say CLUSTERDOWN."""
        table = list(self._table)
        for part in ranges:
            lane = self._lane_of(part.primary)
            table = table or [lane] * REDIS_CLUSTER_HASH_SLOTS
            table[part.first : part.last + 1] = [lane] * (part.last - part.first + 1)
        if table != self._table:
            self._table = table
            self._keys_of = None
            self.pulse.beat()

    # -- following changes ---------------------------------------------------

    def _changed(self) -> None:
        """A lane connected or went away. With no calls under way nobody else would look who took over."""
        if not all(lane.connected for lane in self.lanes()):
            self._wanted.set()
        self.pulse.beat()

    async def _watch(self) -> None:
        pause = REFRESH_SECONDS_MIN
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._refresh()
            if all(lane.connected for lane in self.lanes()):
                pause = REFRESH_SECONDS_MIN
            else:
                self._wanted.set()
                pause = min(pause * 1.2, REFRESH_SECONDS_MAX)
            await asyncio.sleep(pause)

    async def _refresh(self) -> None:
        try:
            ranges = await self._reader.read({*self._lanes, *self._seeds})
        except StoreAway as error:
            log.debug("slot table not read", reason=str(error))
            return
        self._dialling.counters.refreshes += 1
        self._adopt(ranges)
        await self._retire()

    async def _retire(self) -> None:
        """Closes lanes that own no slot any more, once their last call is answered."""
        in_use = set(self._table)
        idle = [lane for lane in self.lanes() if lane not in in_use and not lane.in_flight]
        for lane in idle:
            del self._lanes[self._nodes.pop(lane)]
            await lane.aclose()
