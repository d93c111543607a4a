"""Group commits: what many callers ask at once travels together, and one caller harms no other."""

import asyncio
from collections.abc import Sequence

import pytest

from queueing.group import ROWS_MAX, Group
from queueing.store import StoreUnavailable


class Echo:
    """Answers each question with itself, when it is let."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may = asyncio.Event()
        self.away = False

    async def answer(self, questions: Sequence[int]) -> Sequence[int]:
        self.asked.append(list(questions))
        await self.may.wait()
        if self.away:
            raise StoreUnavailable("away")
        return questions


async def test_what_comes_meanwhile_travels_together() -> None:
    """The first goes at once, all others of that time in one; two of one key one after the other."""
    echo = Echo()
    group: Group[int, int] = Group(echo.answer, lambda question: question % 10)
    asking = [asyncio.create_task(group.ask(number)) for number in (1, 2, 3, 11)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking += [asyncio.create_task(group.ask(number)) for number in (4, 5)]
    await asyncio.sleep(0)
    echo.may.set()
    assert await asyncio.gather(*asking) == [1, 2, 3, 11, 4, 5]
    assert echo.asked == [[1, 2, 3], [11, 4, 5]]
    assert (group.flights, group.rows) == (2, 6)


async def test_a_failure_is_each_callers_own_and_the_next_are_asked() -> None:
    """All of the flight that failed are told; the group goes on."""
    echo = Echo()
    echo.may.set()
    echo.away = True
    group: Group[int, int] = Group(echo.answer, lambda question: question)
    failed = await asyncio.gather(*(group.ask(number) for number in range(5)), return_exceptions=True)
    assert all(isinstance(each, StoreUnavailable) for each in failed)
    assert len(set(map(id, failed))) == 5
    echo.away = False
    assert await group.ask(7) == 7


async def test_a_caller_that_gives_up_harms_no_other() -> None:
    """His question is answered all the same."""
    echo = Echo()
    group: Group[int, int] = Group(echo.answer, lambda question: question)
    asking = [asyncio.create_task(group.ask(number)) for number in range(3)]
    await asyncio.sleep(0)
    asking[1].cancel()
    echo.may.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert (answers[0], answers[2]) == (0, 2)


async def test_a_statement_is_bounded_and_so_is_the_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many rows at most; past the bound of those who wait callers are refused at once."""
    echo = Echo()
    echo.may.set()
    group: Group[int, int] = Group(echo.answer, lambda question: question)
    await asyncio.gather(*(group.ask(number) for number in range(ROWS_MAX + 5)))
    assert max(map(len, echo.asked)) == ROWS_MAX
    monkeypatch.setattr("queueing.group.WAITING_MAX", 0)
    with pytest.raises(StoreUnavailable):
        await group.ask(1)
