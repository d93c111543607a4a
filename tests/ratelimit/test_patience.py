"""A store that answers late counts as away until it is prompt again."""

import asyncio
from collections.abc import Sequence

import pytest

from ratelimit.check import Check
from ratelimit.decision import Taken
from ratelimit.patience import Patient
from ratelimit.policy import Policy
from ratelimit.store import DoneAll, DoneEach, DoneOne, DoneReserved, StoreUnavailable
from tests.waiting import eventually

POLICY = Policy("results", 60, 60, 20, "closed")
TAKEN: Taken = (1, 19, 1_000_000, 0)


class Held:
    """A store whose answers the test gives by hand, in whatever order."""

    def __init__(self) -> None:
        self.asked: list[tuple[Check, DoneOne]] = []
        self.prompt = False

    def ask(self, check: Check, done: DoneOne) -> None:
        self.asked.append((check, done))
        if self.prompt:
            asyncio.get_running_loop().call_soon(done, TAKEN)

    def ask_each(self, checks: Sequence[Check], done: DoneEach) -> None:
        def answered(taken: Taken | StoreUnavailable) -> None:
            done(range(len(checks)), taken if isinstance(taken, StoreUnavailable) else [taken] * len(checks))

        self.ask(checks[0], answered)

    def ask_all(self, checks: Sequence[Check], done: DoneAll) -> bool:
        if len({check.key for check in checks}) > 1:
            return False  # as if in several slots
        self.ask(checks[0], lambda taken: done(taken if isinstance(taken, StoreUnavailable) else [taken]))
        return True

    def parts(self, checks: Sequence[Check]) -> list[list[int]]:
        return [list(range(len(checks)))]

    def reserve(self, checks: Sequence[Check], done: DoneReserved) -> None:
        self.ask(
            checks[0], lambda taken: done(taken if isinstance(taken, StoreUnavailable) else [(taken, 0)])
        )

    def give_back(
        self, policy: Policy, key: str, units: int, done: DoneOne, mark_us: int | None = None
    ) -> None:
        done(TAKEN)

    async def forget(self, policy: Policy, key: str) -> bool:
        return True


class Asking:
    """Questions to a patient store, and what came of them."""

    def __init__(self, patience_ms: int = 10) -> None:
        self.store = Held()
        self.patient = Patient(self.store, patience_ms=patience_ms)
        self.answers: list[object] = []

    def ask(self, cost: int = 1) -> None:
        self.patient.ask(Check(POLICY, "citizen", cost), self.answers.append)

    async def becomes_slow(self) -> None:
        self.ask()
        await eventually(lambda: self.patient.slow)


async def test_a_late_store_is_not_waited_for() -> None:
    """Once a question has waited too long, the next are refused at once, so that their policy decides."""
    asking = Asking()
    await asking.becomes_slow()
    assert asking.answers == []
    for _ in range(100):
        asking.ask()
    assert len(asking.answers) == 100
    assert all(isinstance(answer, StoreUnavailable) for answer in asking.answers)


async def test_limits_together_are_not_waited_for_either() -> None:
    """The same for requests with several limits."""
    asking = Asking()
    await asking.becomes_slow()
    asking.patient.ask_all([Check(POLICY, "citizen")], asking.answers.append)
    assert [type(answer) for answer in asking.answers] == [StoreUnavailable]


async def test_what_was_not_asked_is_not_waited_for() -> None:
    """Limits in several slots are asked for anew, in parts: until then nobody owes an answer."""
    asking = Asking(patience_ms=1)
    assert not asking.patient.ask_all([Check(POLICY, "a"), Check(POLICY, "b")], asking.answers.append)
    asking.store.prompt = True
    asking.ask()
    await eventually(lambda: asking.answers == [TAKEN])
    assert not asking.patient.slow


async def test_many_of_one_policy_are_refused_together() -> None:
    """A batch to a late store is answered at once, as a whole."""
    asking = Asking()
    await asking.becomes_slow()
    told: list[object] = []
    checks = [Check(POLICY, "a"), Check(POLICY, "b")]
    asking.patient.ask_each(checks, lambda indices, answers: told.append((list(indices), type(answers))))
    assert told == [([0, 1], StoreUnavailable)]


async def test_a_late_answer_still_reaches_its_asker() -> None:
    """What was under way is answered when the answer comes; it does not make the store prompt."""
    asking = Asking()
    await asking.becomes_slow()
    _, done = asking.store.asked[0]
    done(TAKEN)
    assert asking.answers == [TAKEN]
    assert asking.patient.slow


async def test_one_peek_at_a_time_asks_and_takes_nothing() -> None:
    """While it is slow the store is asked little, and no unit is taken of which nobody hears."""
    asking = Asking(patience_ms=10_000)
    asking.patient.slow = True
    for _ in range(100):
        asking.ask(cost=5)
    ((peek, _),) = asking.store.asked
    assert peek.cost == 0


async def test_a_prompt_answer_ends_it() -> None:
    """The store is asked again as soon as a peek was answered in time."""
    asking = Asking()
    await asking.becomes_slow()
    asking.store.prompt = True

    def again() -> bool:
        asking.ask()
        return not asking.patient.slow

    await eventually(again)
    await eventually(lambda: asking.answers[-1] == TAKEN)


async def test_a_late_answer_to_an_earlier_question_proves_nothing() -> None:
    """Only the question on the clock can say that the store is prompt."""
    asking = Asking()
    await asking.becomes_slow()
    asking.ask()  # which sends a peek
    _, first = asking.store.asked[0]
    first(TAKEN)
    assert asking.patient.slow


async def test_a_store_that_is_away_is_not_slow() -> None:
    """A refusal is an answer: what is away is the client's affair, which knows at once when it is back."""
    asking = Asking()
    asking.ask()
    _, done = asking.store.asked[0]
    done(StoreUnavailable("away"))
    assert not asking.patient.slow


async def test_a_process_that_stood_still_does_not_blame_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that was held up finds its timer late and the answer unread; it reads before it judges."""
    asking = Asking(patience_ms=10_000)
    loop = asyncio.get_running_loop()
    asking.ask()
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + 60.0)  # a minute has passed and nothing was read
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not asking.patient.slow
    _, done = asking.store.asked[0]
    done(TAKEN)
    assert asking.answers == [TAKEN]
