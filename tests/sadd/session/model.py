"""A plain model of the session store: one row a session, one number a subject."""

from dataclasses import dataclass, replace

from sadd.session.policy import SessionPolicy


@dataclass(frozen=True)
class Row:
    subject: str
    payload: bytes
    version: int
    created_ms: int
    used_ms: int
    generation: int
    policy: SessionPolicy


class Model:
    """Sessions are named by the test; ``truly_used`` is when each was last used, written or not."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.generations: dict[str, int] = {}
        self.truly_used: dict[str, int] = {}

    def alive(self, name: str, now_ms: int) -> Row | None:
        row = self.rows.get(name)
        if row is None or row.generation != self.generations.get(row.subject, 0):
            return None
        policy = row.policy
        idle_end = row.used_ms + policy.idle_ms + policy.touch_ms
        return row if now_ms < min(idle_end, row.created_ms + policy.absolute_ms) else None

    def of(self, subject: str, now_ms: int) -> list[str]:
        """The names of the living, that which was made first comes first."""
        return [
            name
            for name, row in self.rows.items()
            if row.subject == subject and self.alive(name, now_ms) is not None
        ]

    def create(
        self, name: str, subject: str, payload: bytes, policy: SessionPolicy, now_ms: int
    ) -> Row | int:
        """The row, or how many living sessions are too many."""
        over = len(self.of(subject, now_ms)) - policy.parallel_max + 1
        if over > 0:
            return over
        generation = self.generations.get(subject, 0)
        self.rows[name] = Row(subject, payload, 1, now_ms, now_ms, generation, policy)
        self.truly_used[name] = now_ms
        return self.rows[name]

    def touch(self, name: str, now_ms: int) -> Row | None:
        row = self.alive(name, now_ms)
        if row is None:
            return None
        self.truly_used[name] = now_ms
        if now_ms - row.used_ms >= row.policy.touch_ms:
            row = self.rows[name] = replace(row, used_ms=now_ms)
        return row

    def update(self, name: str, version: int, payload: bytes, now_ms: int) -> Row | int | None:
        row = self.alive(name, now_ms)
        if row is None:
            return None
        if row.version != version:
            return row.version
        self.truly_used[name] = now_ms
        self.rows[name] = replace(row, payload=payload, version=version + 1, used_ms=now_ms)
        return self.rows[name]

    def rotate(self, name: str, renewed: str, version: int, now_ms: int) -> Row | int | None:
        changed = self.update(name, version, self.rows[name].payload if name in self.rows else b"", now_ms)
        if isinstance(changed, Row):
            # It keeps its place among those of its subject: the order is that of their making.
            self.rows = {renewed if held == name else held: row for held, row in self.rows.items()}
            self.truly_used[renewed] = now_ms
        return changed

    def revoke_all(self, subject: str) -> None:
        self.generations[subject] = self.generations.get(subject, 0) + 1
