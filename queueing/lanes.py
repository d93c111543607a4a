"""How a step is shared out among the lanes. Pure arithmetic."""

from collections.abc import Mapping

OWED_MAX = 1.0
"""Numbers that a lane may be owed: what it could not use long ago is not its any more."""


def shared_out(
    call: int, waiting: Mapping[str, int], shares: Mapping[str, float], owed: dict[str, float]
) -> dict[str, int]:
    """How many of ``call`` each lane gets: by its share, as far as somebody waits there.

    What a lane does not use goes to the others, by their shares. ``owed`` carries the fractions from step to
    step: over many steps each crowded lane gets its share exactly.
    """
    given = dict.fromkeys(waiting, 0)
    left = min(call, sum(max(many, 0) for many in waiting.values()))
    while left > 0:
        crowded = [lane for lane, many in waiting.items() if given[lane] < many]
        total = sum(shares[lane] for lane in crowded)
        for lane in crowded:
            owed[lane] = owed.get(lane, 0.0) + left * shares[lane] / total
        # The most owed first; each gets whole numbers only.
        for lane in sorted(crowded, key=lambda lane: -owed[lane]):
            many = max(0, min(left, waiting[lane] - given[lane], _whole(owed[lane])))
            given[lane] += many
            owed[lane] -= many
            left -= many
        for lane in waiting:
            if given[lane] == waiting[lane]:
                owed[lane] = min(owed.get(lane, 0.0), 0.0)
    return given


def _whole(owed: float) -> int:
    """Rounded up: of several lanes that are owed a half, the most owed gets the one."""
    return -int(-owed // 1)
