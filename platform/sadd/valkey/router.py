"""Which lane a call takes. This is the port, and its form for one node; ``cluster`` has the other."""

from collections.abc import Sequence
from typing import Protocol

from sadd.valkey.address import Node
from sadd.valkey.errors import NotReady, StoreAway
from sadd.valkey.lane import Lane
from sadd.valkey.pulse import Pulse


class Router(Protocol):
    """Lane of a key, and what to do when a lane answers that it is the wrong one."""

    pulse: Pulse
    """Beats when a lane connected or was lost, a breaker opened or the slot table changed."""

    def lane(self, key: bytes | None) -> Lane:
        """Where to send. None is any node. Raises StoreAway when nobody is known to hold the key."""
        ...

    def slot(self, key: bytes) -> int:
        """Keys of one slot may go into one call. One node is one slot."""
        ...

    def moved(self, origin: Lane, slot: int, node: Node) -> Lane:
        """``origin`` answered MOVED: the lane of the new owner, for this call and those after it."""
        ...

    def asked(self, origin: Lane, node: Node) -> Lane:
        """``origin`` answered ASK: the lane for this call only."""
        ...

    def troubled(self, lane: Lane, error: Exception) -> None:
        """A call failed there: find out in the background whether another node took over."""
        ...

    def lanes(self) -> Sequence[Lane]: ...

    def key_of_each(self, stem: bytes) -> dict[bytes, str]:
        """Keys that begin with ``stem``, one on each primary that serves any slot, with the primary's name.

        Raises StoreAway when there is none for one of them. Equal as long as nothing moved.
        """
        ...

    async def aclose(self) -> None: ...


class OneNode:
    """One lane for all keys: a single node, or the primary that Sentinel names."""

    def __init__(self, lane: Lane, pulse: Pulse) -> None:
        self.pulse = pulse
        self._lane = lane

    def lane(self, key: bytes | None) -> Lane:  # noqa: ARG002 (the port's signature)
        return self._lane

    def slot(self, key: bytes) -> int:  # noqa: ARG002
        return 0

    def moved(self, origin: Lane, slot: int, node: Node) -> Lane:
        raise StoreAway(f"{origin.name}: says that slot {slot} moved to {node}, but is no cluster")

    def asked(self, origin: Lane, node: Node) -> Lane:
        raise StoreAway(f"{origin.name}: says to ask {node}, but is no cluster")

    def troubled(self, lane: Lane, error: Exception) -> None:
        # A demoted primary: whoever dials anew asks Sentinel, or finds that the role is wrong. Not so when it
        # answers NOREPLICAS: it is fenced, yet it may stay the primary and can be read.
        if isinstance(error, NotReady) and error.code == "READONLY":
            lane.drop("is no primary any more")

    def lanes(self) -> Sequence[Lane]:
        return (self._lane,)

    def key_of_each(self, stem: bytes) -> dict[bytes, str]:
        return {stem: self._lane.name}

    async def aclose(self) -> None:
        await self._lane.aclose()
        self.pulse.beat()  # calls that wait for a change learn that none will come
