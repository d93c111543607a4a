"""A process spends nothing that it does not hold: the slice against a plain model."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from sadd_client.decision import Decision
from sadd_client.lease import Lease
from sadd_client.slice import Slice

Step = tuple[str, int, float]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("lease"), st.integers(1, 50), st.floats(0.01, 2)),
        st.tuples(st.just("spend"), st.integers(-2, 30), st.just(0.0)),
        st.tuples(st.just("take"), st.integers(1, 30), st.just(0.0)),
        st.tuples(st.just("pass"), st.just(0), st.floats(0, 1)),
        st.tuples(st.just("surrender"), st.just(0), st.just(0.0)),
        st.tuples(st.just("settle"), st.just(0), st.just(0.0)),
    ),
    max_size=60,
)


@dataclass
class Model:
    """Two leases at most, each a number of units and a time; a third pushes the second out."""

    held: list[list[float]] = field(default_factory=list)

    def add(self, tokens: int, ends: float, now: float) -> None:
        alive = [one for one in self.held if one[0] > 0 and now < one[1]]
        self.held = [*alive[:1], [tokens, ends]]

    def alive(self, now: float) -> float:
        return sum(tokens for tokens, ends in self.held if now < ends)

    def take(self, cost: int, now: float) -> None:
        for one in self.held:
            taken = min(cost, one[0]) if now < one[1] else 0
            one[0] -= taken
            cost -= int(taken)


@given(STEPS)
def test_nothing_is_spent_that_is_not_held(steps: list[Step]) -> None:
    """Each unit is granted once, and spent, returned, expired or still held; the model says what passes."""
    held, model, now = Slice(0.0), Model(), 0.0
    granted = spent = returned = 0
    for number, (word, amount, seconds) in enumerate(steps):
        if word == "pass":
            now += seconds
        elif word == "lease":
            held.add(Lease(f"l{number}", amount, now + seconds), now)
            model.add(amount, now + seconds, now)
            granted += amount
        elif word == "surrender":
            unused = held.surrender(now)
            assert sum(tokens for _, tokens in unused) == model.alive(now)
            returned += sum(tokens for _, tokens in unused)
            model.held = []
        elif word == "settle":
            held.settle(now)
            model.held = [one for one in model.held if now < one[1]]
            assert held.outstanding == model.alive(now)
        elif word == "take":
            possible = amount <= model.alive(now)
            assert held.take(amount, now) == possible
            if possible:
                model.take(amount, now)
                spent += amount
        elif held.spend(amount, now):
            assert 0 < amount <= model.alive(now), "the short way knows less, never more"
            model.take(amount, now)
            spent += amount
        assert granted == spent + returned + held.expired + held.outstanding


def test_sizes_follow_the_rate() -> None:
    """A key used 1,000 times a second leases half a second's worth; a quiet one is checked."""
    held = Slice(0.0)
    for tick in range(1, 4001):
        held.used(1)
        busy = held.wanted(1, tick / 1000, 10**6)
    assert 450 <= busy <= 550
    assert held.wanted(1, 10.0, 10**6) == 0


def test_a_lease_covers_the_cost_that_asked_for_it() -> None:
    """And never more than the bound."""
    held = Slice(0.0)
    held.used(100)
    assert held.wanted(80, 1.0, 10**6) == 80
    assert held.wanted(80, 1.0, 30) == 30


def test_a_key_rests_after_nothing_came() -> None:
    """No lease is asked for until then."""
    held = Slice(0.0)
    held.used(100)
    held.rest(5.0)
    assert held.wanted(1, 1.0, 100) == 0


def test_the_next_lease_is_fetched_before_the_end() -> None:
    """Below a quarter, once, and not while one waits."""
    held = Slice(0.0)
    held.add(Lease("a", 100, 10.0), 0.0)
    assert held.take(75, 1.0)
    assert not held.runs_low(1.0)
    assert held.take(1, 1.0)
    assert held.runs_low(1.0)
    held.add(Lease("b", 100, 10.0), 1.0)
    assert not held.runs_low(1.0)


def test_a_refusal_is_remembered_for_what_it_was() -> None:
    """For its cost and more, with the wait that is left; smaller costs may still pass; a second at most."""
    held = Slice(0.0)
    held.refuse(Decision(False, "p", 10, 2, 5000, 3000), cost=5, asked_at=100.0)

    again = held.refusal(5, 100.4)
    assert again is not None
    assert (again.retry_after_ms, again.decided_by) == (2600, "memory")
    assert held.refusal(4, 100.4) is None
    assert held.refusal(5, 101.0) is None


def test_a_short_refusal_ends_with_its_wait() -> None:
    """Whoever was told to wait 50 ms is asked for after 50 ms."""
    held = Slice(0.0)
    held.refuse(Decision(False, "p", 10, 2, 5000, 50), cost=1, asked_at=100.0)
    assert held.refusal(1, 100.049) is not None
    assert held.refusal(1, 100.05) is None
