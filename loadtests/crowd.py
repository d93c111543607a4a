"""The crowd inside one Locust process: one greenlet for each arrival, started when it is due.

This is the seam between Locust and the open model. Locust brings processes, messages, its web page
and its own statistics; *when* somebody comes is decided here, from the scenario's arrivals, and never
by how fast the service answered the one before.
"""

import logging
import resource
import time
from collections.abc import Callable

import gevent
from gevent.event import Event
from gevent.pool import Group

from loadtests.arrivals import arrivals, share
from loadtests.browser import Answer, Browser
from loadtests.citizen import citizen
from loadtests.journey import Ears, Journey, told_a_place
from loadtests.scenario import Scenario
from loadtests.tally import Outcome, Tally

log = logging.getLogger("loadtests.crowd")

Fire = Callable[[str, Answer], None]


class Crowd:
    """This process's part of the arrivals, and the tally of what they met."""

    def __init__(self, scenario: Scenario, home: str, fire: Fire) -> None:
        self.scenario = scenario
        self.home = home
        self.tally = Tally()
        self.done = Event()
        """Set when everybody who was to come has come and their mornings have ended."""
        self._fire = fire
        self._group = Group()
        self._due: list[tuple[int, float]] = []
        self._cpu_before = 0.0

    def play(self, index: int, count: int, start_at: float) -> None:
        """Plays the part ``index`` of ``count``; ``start_at`` is the unix time of second 0."""
        whole = arrivals(self.scenario.rate(), self.scenario.seed)
        numbers = range(len(whole))
        self._due = list(zip(share(numbers, index, count), share(whole, index, count), strict=True))
        self.tally.clock = start_at
        self._cpu_before = _cpu_seconds()
        log.info("%d of %d arrivals are ours (%d of %d)", len(self._due), len(whole), index + 1, count)
        self._group.spawn(self._schedule, start_at)

    def stop(self) -> None:
        """Ends every open morning; those in the line are counted as such."""
        self._group.kill(block=True, timeout=5)
        self._measure_self()

    def snapshot(self) -> Tally:
        self._measure_self()
        return self.tally

    def _schedule(self, start_at: float) -> None:
        for number, seconds in self._due:
            due = start_at + seconds
            gevent.sleep(max(0.0, due - time.time()))
            self.tally.lag.add((time.time() - due) * 1000)
            self.tally.arrived[int(seconds)] += 1
            self._group.spawn(self._journey(number).play)
        self._due = []
        self._finish_when_over()

    def _journey(self, number: int) -> Journey:
        figures = self.scenario.citizen
        who = citizen(figures, self.scenario.seed, number)
        browser = Browser(self.home, figures.patience_seconds, self._heard)
        ears = Ears(ended=self._ended, line=self._line, waited=self._waited, now=time.monotonic)
        return Journey(who, figures, browser, ears)

    def _heard(self, method: str, answer: Answer) -> None:
        answer = told_a_place(answer)
        refused = answer.status == 429
        self.tally.request(answer.step, answer.ms, error=answer.error, refused=refused)
        self._fire(method, answer)

    def _ended(self, outcome: Outcome) -> None:
        self.tally.end(outcome, self._second())
        self._finish_when_over()

    def _line(self, change: int) -> None:
        self.tally.line[self._second()] += change

    def _waited(self, seconds: float) -> None:
        self.tally.waits.add(seconds * 1000)

    def _finish_when_over(self) -> None:
        if not self._due and self.tally.open == 0:
            self.done.set()

    def _second(self) -> int:
        return int(time.time() - self.tally.clock)

    def _measure_self(self) -> None:
        elapsed = time.time() - self.tally.clock
        if self.tally.clock and elapsed > 0:
            self.tally.cpu_share = (_cpu_seconds() - self._cpu_before) / elapsed


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
