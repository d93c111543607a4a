"""What is committed before it is answered: claims, and the one place of a holder. In group commits."""

from collections import OrderedDict
from collections.abc import Sequence

from queueing.group import Group
from queueing.store import Claim, Hold, Ledger, Place, Stale

KNOWN_MAX = 20_000
"""Claims that this process knows to be committed: who only asks again costs no commit."""


class Journal:
    """Gathers what many callers want committed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: OrderedDict[Claim, None] = OrderedDict()
        self.claims: Group[Claim, bool] = Group(
            self._write, lambda claim: (claim.room, claim.lane, claim.number)
        )
        self._held: Group[tuple[str, bytes], Place | None] = Group(ledger.held, lambda asked: asked)
        self._hold: Group[Hold, Place] = Group(ledger.hold, lambda hold: (hold.room, hold.holder))

    async def keep(self, claim: Claim) -> None:
        """Returns once the claim is committed. Raises StoreUnavailable; Stale when a later life has begun."""
        if claim in self._known:
            return
        if not await self.claims.ask(claim):
            raise Stale(claim.room)
        self._known[claim] = None
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)

    async def held(self, room: str, holder: bytes) -> Place | None:
        """The place of a holder. Raises StoreUnavailable."""
        return await self._held.ask((room, holder))

    async def hold(self, hold: Hold) -> Place:
        """The one place that the holder has now. Raises StoreUnavailable."""
        return await self._hold.ask(hold)

    async def _write(self, claims: Sequence[Claim]) -> list[bool]:
        kept = await self._ledger.write(claims)
        return [(claim.room, claim.life) in kept for claim in claims]
