"""A citizen's morning: read the announcement, sign in (through the room if there is one), see the result.

The same steps whatever stands at the door. A bare service answers sign-in with the page; a protected
one may answer 202 and a place in the line, which the citizen then keeps as told: polls when told,
claims when called, and asks again with the pass.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gevent import GreenletExit, sleep

from loadtests.browser import Answer, Browser
from loadtests.citizen import Citizen, pauses
from loadtests.scenario import CitizenFigures
from loadtests.tally import Outcome, Step

PLACE = 202
REFUSED = 429
POLL_LATEST_SECONDS = 30.0
TURN_OVER = ("expired", "abandoned", "completed")
POLL_FAILURES_MAX = 10
"""In a row, before a citizen in the line gives up."""


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told: ``ended`` once with the outcome, ``line`` with +1 or -1, ``waited`` in seconds."""

    ended: Callable[[Outcome], None]
    line: Callable[[int], None]
    waited: Callable[[float], None]
    now: Callable[[], float]


class Journey:
    """One citizen's way through the morning. ``play`` returns when it is over or killed."""

    def __init__(self, who: Citizen, figures: CitizenFigures, browser: Browser, ears: Ears) -> None:
        self.who = who
        self.figures = figures
        self.browser = browser
        self.ears = ears
        self.in_line = False
        self._outcome: Outcome | None = None
        self._second_tries = figures.second_tries
        self._slowest_ms = 0.0
        self._tried_again = False
        self._pauses = pauses(who)

    def play(self) -> None:
        try:
            self._end(self._morning())
            self._reload()
        except GreenletExit:
            self._end("queued" if self.in_line else "unfinished")
        finally:
            self._leave_line()
            self.browser.close()

    def _morning(self) -> Outcome:
        self._page("announcement", "GET", "/announcement")  # without it one can still sign in
        sleep(next(self._pauses))
        answer = self._page("sign_in", "POST", "/sign-in", {"candidate": self.who.candidate})
        if answer.ok:
            sleep(next(self._pauses))
            answer = self._page("result", "GET", self._result_path)
        if not answer.ok:
            return "refused" if answer.status == REFUSED else "failed"
        well = self._slowest_ms <= self.figures.well_ms and not self._tried_again
        return "served_well" if well else "served_late"

    def _reload(self) -> None:
        for _ in range(self.who.reloads):
            sleep(self.who.reload_pause_seconds)
            self.browser.ask("reload", "GET", self._result_path)

    def _page(self, step: Step, method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        """The page, through the room if told so; a failed one is tried again while the citizen has heart."""
        answer = self._admitted(step, method, path, form)
        if not answer.ok and step != "announcement" and self._second_tries > 0:
            self._second_tries -= 1
            self._tried_again = True
            sleep(max(answer.retry_after_seconds, next(self._pauses)))
            answer = self._admitted(step, method, path, form)
        if answer.ok and step != "announcement":
            self._slowest_ms = max(self._slowest_ms, answer.ms)
        return answer

    def _admitted(self, step: Step, method: str, path: str, form: dict[str, str] | None) -> Answer:
        answer = self.browser.ask(step, method, path, form=form)
        if answer.status != PLACE:
            return answer
        failure = self._wait_for_turn(answer)
        return failure or self.browser.ask(step, method, path, form=form)

    def _wait_for_turn(self, place: Answer) -> Answer | None:
        """Returns None with the pass among the cookies, or the answer that ended the wait."""
        said, since = place.json(), self.ears.now()
        room, ticket = str(said.get("room", "")), {"Sadd-Ticket": str(said.get("ticket", ""))}
        failures = 0
        self.in_line = True
        self.ears.line(+1)
        while "pass" not in said:
            if said.get("state") != "called":
                sleep(min(POLL_LATEST_SECONDS, float(said.get("poll_after_ms", 1000)) / 1000))
                answer = self.browser.ask("poll", "GET", f"{room}/ticket", headers=ticket)
            else:
                answer = self.browser.ask("claim", "POST", f"{room}/claim", headers=ticket)
            said = {**said, **answer.json()} if answer.ok else said
            failures = 0 if answer.ok else failures + 1
            if failures > POLL_FAILURES_MAX or said.get("state") in TURN_OVER:
                self._leave_line()
                return replace(answer, status=0, error="turn lost")
            if answer.step == "claim" and "pass" not in said:
                said["state"] = "waiting"  # the room is full just now; the turn is kept, ask later
        self._leave_line()
        self.ears.waited(self.ears.now() - since)
        self.browser.cookies["sadd_pass"] = str(said["pass"])
        return None

    def _leave_line(self) -> None:
        if self.in_line:
            self.in_line = False
            self.ears.line(-1)

    def _end(self, outcome: Outcome) -> None:
        if self._outcome is None:
            self._outcome = outcome
            self.ears.ended(outcome)

    @property
    def _result_path(self) -> str:
        return f"/results/{self.who.candidate}"


def told_a_place(answer: Answer) -> Answer:
    """The answer under its true step: a sign-in that was answered with a place was a join."""
    return replace(answer, step="join") if answer.status == PLACE else answer
