"""How far waits were from what was expected, learned case by case so that 80% of them fall inside.

Online quantile tracking: after each case the edge that was passed moves out by 90% of a step, the one that
held moves in by 10% of it, so in the long run one case in ten passes each, whatever happens to the line.
It is the quantile form (Angelopoulos, Candès, Tibshirani 2023) of adaptive conformal inference (Gibbs, Candès
2021); it needs no record of past cases. What it learns depends on the distance: a pause of a minute
is much for who waits a minute and nothing for who waits an hour.

A room begins with what rooms in general do: the edges that held 80% of cases over 60 recorded runs. It widens
them as far as it must and narrows them to ``LEAST_SHARE`` at most: an hour without a pause does not prove
that none will come, and an interval narrower than a few percent helps nobody.
"""

from collections.abc import Iterable

from queueing.pace import NODES_MS, Spread, spread_at, weights_at

EDGE_SHARE = 0.1  # of cases beyond each edge: an interval of 80%
STEP_SHARE = 0.15  # of the width between the edges, so that a narrow interval is tuned finely
STEP_MIN, STEP_MAX = 0.001, 0.15
EDGE_MAX = 4.0  # e^4: 55 times the expected wait
FIRST: Spread = ((-0.42, 0.63), (-0.2, 0.27), (-0.1, 0.14), (-0.08, 0.13), (-0.3, 0.2))
LEAST_SHARE = 0.15
LEAST: Spread = tuple((low * LEAST_SHARE, high * LEAST_SHARE) for low, high in FIRST)


class Margins:
    """The edges at each distance, as logarithms of the wait over the expected one."""

    __slots__ = ("_cases", "_edges")

    def __init__(self, spread: Spread = FIRST, cases: Iterable[float] = ()) -> None:
        self._edges = [list(node) for node in spread]
        self._cases = [*cases] or [0.0] * len(NODES_MS)

    @property
    def spread(self) -> Spread:
        return tuple((node[0], node[1]) for node in self._edges)

    @property
    def cases(self) -> tuple[float, ...]:
        """How many cases each distance learned from."""
        return tuple(self._cases)

    def learn(self, expected_ms: float, score: float, weight: float = 1.0) -> None:
        """A wait was exp(``score``) times the expected; ``weight`` is how much of a case of its own it is."""
        index, above = weights_at(expected_ms)
        low, high = spread_at(self.spread, expected_ms)
        step = min(max((high - low) * STEP_SHARE, STEP_MIN), STEP_MAX)
        down = step * ((score < low) - EDGE_SHARE)
        up = step * ((score > high) - EDGE_SHARE)
        down, up = down * weight, up * weight
        for node, share in ((index, 1 - above), (index + 1, above)):
            self._move(node, down * share, up * share)
            self._cases[node] += weight * share
        for node in range(index + 2, len(NODES_MS)):
            if self._cases[node] < 1:  # nothing is known of so far a distance: the nearer one must do
                self._move(node, down, up)

    def _move(self, node: int, down: float, up: float) -> None:
        low, high = self._edges[node]
        low, high = max(low - down, -EDGE_MAX), min(high + up, EDGE_MAX)
        self._edges[node] = [min(low, LEAST[node][0]), max(high, LEAST[node][1])]
