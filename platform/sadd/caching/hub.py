"""What the feed tells, handed on to those who watch a namespace; who may have missed something is told so."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from cache.notice import EVERYTHING, RELEASED, TAG, Notice

Kind: TypeAlias = Literal["key", "tag", "namespace", "gap"]
_KINDS: dict[str, Kind] = {TAG: "tag", EVERYTHING: "namespace"}


@dataclass(frozen=True, slots=True)
class Event:
    """A key, a tag or the namespace ended (a put ends what was there); or nobody knows what did."""

    kind: Kind
    name: str = ""


GAP = Event("gap")
Listener: TypeAlias = Callable[[Event], None]


class Proof(Protocol):
    """Until when (monotonic seconds) it is proven that nothing of the feed was missed."""

    proven_until: float


@dataclass(slots=True)
class _Watched:
    """Those who watch one namespace, and the number of its last notice; 0 before the first."""

    listeners: list[Listener]
    number: int = 0


class Hub:
    """Of one worker. ``bound_seconds`` is how long a proof lasts from when it was sent."""

    def __init__(self, proof: Proof, bound_seconds: float) -> None:
        self._proof = proof
        self._bound_seconds = bound_seconds
        self._watched: dict[str, _Watched] = {}

    @property
    def proven_at(self) -> float:
        """When (monotonic seconds) the newest proof that came back was sent. What came before it was told."""
        return self._proof.proven_until - self._bound_seconds

    def watch(self, space: str, listener: Listener) -> Callable[[], None]:
        """Call the listener at each event of ``tenant:namespace``, in order; returns what ends that."""
        watched = self._watched.setdefault(space, _Watched([]))
        watched.listeners.append(listener)

        def leave() -> None:
            watched.listeners.remove(listener)
            if not watched.listeners:
                self._watched.pop(space, None)

        return leave

    def heard(self, said: bytes) -> None:
        """A notice came."""
        if not self._watched:
            return
        try:
            notice = Notice.parsed(said)
        except ValueError:
            return
        watched = self._watched.get(notice.space)
        if watched is None or 0 < notice.number <= watched.number:
            return  # a cluster tells it on each connection
        if watched.number and notice.number > watched.number + 1:
            _tell(watched, GAP)
        watched.number = notice.number
        if notice.kind != RELEASED:
            _tell(watched, Event(_KINDS.get(notice.kind, "key"), notice.name))

    def lost(self) -> None:
        """Notices may have been missed, of all namespaces."""
        for watched in self._watched.values():
            watched.number = 0
            _tell(watched, GAP)


def _tell(watched: _Watched, event: Event) -> None:
    for listener in tuple(watched.listeners):
        listener(event)
