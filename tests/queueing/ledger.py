"""A plain journal in memory: the one on PostgreSQL is compared with it; enough elsewhere."""

from collections.abc import Sequence
from dataclasses import replace

from queueing.policy import Room
from queueing.store import Claim, Hold, Kept, Latest, Legacy, Move, Place, Stale, StoreUnavailable


class PlainLedger:
    """Everything in dictionaries. ``away`` makes it refuse, as a database does that is down."""

    def __init__(self) -> None:
        self.away = False
        self.life: dict[str, tuple[int, str]] = {}
        self.quiet_s = 0.0
        self.lines: dict[tuple[str, str], Kept] = {}
        self.issued: dict[tuple[str, str], int] = {}
        self.rows: dict[tuple[str, str, int], Claim] = {}
        self.holders: dict[tuple[str, bytes], tuple[str, int]] = {}
        self.memories: dict[str, tuple[bytes, int, int]] = {}
        self.leader: tuple[str, int] | None = None

    def _there(self) -> None:
        if self.away:
            raise StoreUnavailable("journal: away")

    def _line(self, room: str, lane: str) -> Kept:
        return self.lines.setdefault((room, lane), Kept(0, 0, 0, 0))

    async def write(self, claims: Sequence[Claim]) -> set[tuple[str, int]]:
        self._there()
        kept = {(c.room, c.life) for c in claims if self.life.get(c.room, (0, ""))[0] == c.life}
        for claim in claims:
            if (claim.room, claim.life) in kept:
                self._keep(claim)
        return kept

    def _keep(self, claim: Claim) -> None:
        key = claim.room, claim.lane, claim.number
        row = self.rows.get(key)
        if row is None:
            self.rows[key] = claim
        elif row.start_ms == claim.start_ms:
            if not row.left and (claim.left or claim.ends_ms > row.ends_ms):
                self.rows[key] = claim
        elif (claim.life, claim.start_ms) > (row.life, row.start_ms):
            self.rows[key] = claim

    async def reserve(self, room: str, lane: str, life: int, after: int, many: int) -> int:
        self._there()
        if self.life.get(room, (0, ""))[0] != life:
            raise Stale(room)
        line = self._line(room, lane)
        reserved = max(line.reserved, after + many)
        self.lines[room, lane] = replace(line, reserved=reserved)
        return reserved

    async def begin(self, room: Room, server: str) -> Legacy | None:
        self._there()
        life = self.life.get(room.id, (0, ""))[0] + 1
        self.life[room.id] = life, server
        lines = {}
        for lane in room.shares:
            line = self._line(room.id, lane)
            numbers = [key[2] for key in self.rows if key[:2] == (room.id, lane)]
            serving = max([line.serving, *numbers])
            reserved, known = max(line.reserved, serving), max(self.issued.get((room.id, lane), 0), serving)
            doubts = tuple(pair for pair in line.doubts if pair[1] > line.expired)
            if reserved > known:
                doubts += ((known + 1, reserved),)
            lines[lane] = Kept(reserved, serving, line.expired, line.swept, doubts)
            self.lines[room.id, lane] = replace(line, doubts=doubts)
            self.issued[room.id, lane] = line.reserved
        claimed = sum(r == room.id for r, _, _ in self.rows)
        _, missed, left = self.memories.get(room.id, (b"", 0, 0))
        return Legacy(life, server, lines, claimed, missed, left)

    async def claims(self, room: str, life: int, after: tuple[str, int]) -> Sequence[Claim]:
        self._there()
        found = sorted((k[1:], c) for k, c in self.rows.items() if k[0] == room and k[1:] > after)
        return [claim for _, claim in found]

    async def finish(self, room: str, life: int) -> None:
        self._there()

    async def latest(self, room: str) -> Latest | None:
        self._there()
        return Latest(*self.life[room], self.quiet_s) if room in self.life else None

    async def held(self, asked: Sequence[tuple[str, bytes]]) -> list[Place | None]:
        self._there()
        return [self.holders.get(each) for each in asked]

    async def hold(self, holds: Sequence[Hold]) -> list[Place]:
        self._there()
        for each in holds:
            if self.holders.get((each.room, each.holder)) in (None, each.instead_of):
                self.holders[each.room, each.holder] = each.place
        return [self.holders[each.room, each.holder] for each in holds]

    async def lead(self, holder: str, seconds: float) -> int | None:
        self._there()
        if self.leader is None or self.leader[0] == "":
            self.leader = holder, (self.leader[1] if self.leader else 0) + 1
        return self.leader[1] if self.leader[0] == holder else None

    async def lives(self) -> set[str]:
        self._there()
        return set(self.life)

    async def resign(self, holder: str, epoch: int) -> None:
        self._there()
        if self.leader == (holder, epoch):
            self.leader = "", epoch

    async def tick(self, epoch: int, moves: Sequence[tuple[str, Move, dict[str, int]]]) -> set[str]:
        self._there()
        if self.leader is None or self.leader[1] != epoch:
            return set()
        kept = set()
        for room, move, issued in moves:
            if self.life.get(room, (0, ""))[0] != move.life:
                continue
            kept.add(room)
            for lane, serving in move.serving.items():
                line = self._line(room, lane)
                expired = max(line.expired, move.expired[lane])
                self.lines[room, lane] = replace(line, serving=max(line.serving, serving), expired=expired)
                self.issued[room, lane] = issued[lane]
        return kept

    async def recall(self, room: str) -> bytes:
        self._there()
        return self.memories.get(room, (b"", 0, 0))[0]

    async def remember(self, room: str, remembered: bytes, missed: int, left: int) -> None:
        self._there()
        self.memories[room] = remembered, missed, left

    async def sweep(self, room: str, now_ms: int) -> None:
        self._there()
