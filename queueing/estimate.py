"""How long a visitor will wait, and when he should ask again. Pure arithmetic."""

from queueing.policy import Room
from queueing.standing import Estimate

POLL_NEAR_MS = 3_000
POLL_FAR_MS = 30_000
POLL_SHARE = 4  # ask again after a quarter of the least wait
JITTER = 0.1  # each way, so that a crowd that joined at once does not poll at once


def estimate(room: Room, position: int) -> Estimate:
    """From the settings alone: ``low`` at full outflow, ``high`` if every active user stays for a whole pass.

    The measured outflow, and with it an interval of known coverage, comes with the outflow controller.
    """
    per_pass = room.active_cap * 60_000 / room.pass_ms
    slowest = min(float(room.outflow_per_minute), per_pass)
    return Estimate(_ms(position / room.outflow_per_minute), _ms(position / slowest))


def poll_after_ms(least_wait_ms: int, chance: float) -> int:
    """30 s far from the front, 3 s near it; ``chance`` is from 0 to 1."""
    directed = min(max(least_wait_ms // POLL_SHARE, POLL_NEAR_MS), POLL_FAR_MS)
    return round(directed * (1 - JITTER + 2 * JITTER * chance))


def _ms(minutes: float) -> int:
    return round(minutes * 60_000)
