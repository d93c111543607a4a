"""Who asks most, over the workers of a machine."""

import asyncio
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from ratelimit.heavy import Heavy
from ratelimit.limiter import Limiter
from sadd.cli.limits_top import picture
from sadd.limits.desk import Desk
from sadd.limits.top import STALE_SECONDS, Busy, BusyKey, BusyPolicy, Top, read
from tests.sadd.limits.scene import RESULTS, View, asked
from tests.waiting import eventually


class Known:
    """An engine that counted this."""

    def __init__(self, heavy: list[Heavy], **by_policy: tuple[int, int]) -> None:
        self._heavy = heavy
        self._allowed = {name: counts[0] for name, counts in by_policy.items()}
        self._refused = {name: counts[1] for name, counts in by_policy.items()}

    def heaviest(self, policy: str | None = None) -> list[Heavy]:
        return [one for one in self._heavy if policy in (None, one.policy)]

    def stats(self) -> Any:
        return SimpleNamespace(policy_allowed=self._allowed, policy_refused=self._refused, policy_near={})


async def written(top: Top) -> None:
    writing = asyncio.get_running_loop().create_task(top.run())
    own: Path = top._own
    await eventually(own.exists)
    writing.cancel()


async def test_any_worker_answers_for_all(tmp_path: Path) -> None:
    """Counts of one policy and of one key add up; the busiest come first."""
    first = Top(Known([Heavy("a", "k", 30, 5, 1)], a=(80, 20), b=(1, 0)), tmp_path, 0)
    heavy = [Heavy("a", "k", 20, 1, 2), Heavy("b", "x", 70, 0, 0)]
    second = Top(Known(heavy, a=(40, 10), b=(80, 0)), tmp_path, 1)
    await written(second)
    busy = await first.all()
    assert busy.policies == (BusyPolicy("a", 120, 30, 0), BusyPolicy("b", 81, 0, 0))
    assert busy.keys == (BusyKey("b", "x", 70, 0, 0), BusyKey("a", "k", 50, 6, 3))


async def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Keys are people."""
    await written(Top(Known([]), tmp_path / "top", 0))
    assert stat.S_IMODE((tmp_path / "top" / "0.json").stat().st_mode) == 0o600


async def test_what_the_dead_have_written_is_not_told(tmp_path: Path) -> None:
    """Nor what nobody can read."""
    await written(Top(Known([], a=(1, 0)), tmp_path, 0, clock=lambda: 1_000.0))
    (tmp_path / "7.json").write_text("not JSON")
    assert read(tmp_path, 1_000.0 + STALE_SECONDS).policies == (BusyPolicy("a", 1, 0, 0),)
    assert read(tmp_path, 1_001.0 + STALE_SECONDS).policies == ()
    assert read(tmp_path / "absent", 0.0) == Busy()


async def test_the_engine_names_the_heaviest(limiter: Limiter, tmp_path: Path) -> None:
    """Of real decisions: exact by policy, and the key that asks all the time is there."""
    desk = Desk(limiter, View())
    for _ in range(200):
        await desk.decide(None, asked(key="heavy"))
    busy = await Top(limiter, tmp_path, 0).all()
    (policy,) = busy.policies
    assert (policy.policy, policy.allowed, policy.refused) == (RESULTS, 20, 180)
    assert busy.keys[0].key == "heavy"


def test_the_picture_shows_rates_of_the_last_second() -> None:
    """The first one has none."""
    first = Busy(10.0, (BusyPolicy("a", 100, 50, 10),), (BusyKey("a", "k", 90, 45, 0),))
    second = Busy(12.0, (BusyPolicy("a", 300, 50, 10),), ())
    shown = [shown_as_text(Busy(), first), shown_as_text(first, second)]
    assert " 33% " in shown[0]
    assert " 50% " in shown[0]
    assert " 100 " not in shown[0]
    assert " 100 " in shown[1]


def test_the_picture_tells_what_is_not_certain() -> None:
    """What was seen of a key, and how much more it may have asked."""
    keys = (BusyKey("a", "sure", 1_090, 0, 0), BusyKey("a", "late", 7, 0, 13))
    shown = shown_as_text(Busy(), Busy(10.0, (), keys))
    assert " 1,090 " in shown
    assert " 7 to 20 " in shown


async def test_a_thousand_keys_that_ask_once_are_not_heavy(limiter: Limiter, tmp_path: Path) -> None:
    """In a batch, as somebody's catalogue of citizens is checked."""
    desk = Desk(limiter, View())
    for batch in range(3):
        await desk.decide_many(None, [asked(key=f"citizen-{batch}-{n}") for n in range(1_000)])
    busy = await Top(limiter, tmp_path, 0).all()
    assert {key.asked for key in busy.keys} == {1}


def shown_as_text(before: Busy, busy: Busy) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(picture(before, busy))
    return captured.get()
