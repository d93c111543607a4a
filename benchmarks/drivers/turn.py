"""One turn: a driver asks a contender for a while, and every process's time is read before and after."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from benchmarks.drivers import pump, wrk
from benchmarks.drivers.asked import Http
from benchmarks.drivers.outcome import Outcome, children_cpu_seconds
from benchmarks.harness import Machine, Sample
from benchmarks.peers.contender import Contender, Counts
from benchmarks.peers.process import cpu_seconds

Drive = Callable[[], Outcome]
SEED = 7


@dataclass(frozen=True, slots=True)
class Reading(Sample):
    """What a turn showed. ``cpu_us`` is processor time a decision, by process; the generator's is in it.

    ``failed`` counts calls without an answer, ``undecided`` answers without a decision of the store; neither
    is in the rate.
    """

    cpu_us: Mapping[str, float] = field(default_factory=dict)
    p50_ms: float | None = None
    p99_ms: float | None = None
    lag_ms: float | None = None
    failed: int = 0
    undecided: int = 0
    cores: Mapping[str, float] = field(default_factory=dict)
    """Share of one core by process."""


def saturate(contender: Contender, seconds: float) -> Outcome:
    """A closed loop: wrk for HTTP where it is, else our pump."""
    if isinstance(contender.asked, Http) and wrk.present():
        return wrk.run(contender.asked, contender.port, seconds, contender.lines, SEED)
    return pace(contender, seconds, 0)


def pace(contender: Contender, seconds: float, rate: float) -> Outcome:
    """Calls at a steady rate, by a pump in a process of its own."""
    lines, streams = contender.lines, contender.streams
    order = pump.order(contender.asked, contender.port, seconds, lines=lines, streams=streams, rate=rate)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.drivers.pump"],
        input=msgspec.json.encode(order),
        check=True,
        stdout=subprocess.PIPE,
    )
    return msgspec.json.decode(done.stdout, type=Outcome)


def read(
    drive: Drive,
    roles: Mapping[str, tuple[int, ...]],
    decisions: int,
    counts: Callable[[], Counts] | None = None,
) -> Reading:
    """Drive, and say what it took. ``decisions`` is how many an answer holds."""
    own, children, machine = time.process_time(), children_cpu_seconds(), Machine()
    before = {role: cpu_seconds(pids) for role, pids in roles.items()}
    counted = counts() if counts else None
    outcome = drive()
    used = {role: cpu_seconds(pids) - before[role] for role, pids in roles.items()}
    spent = time.process_time() - own + children_cpu_seconds() - children + sum(used.values())
    others = machine.others(spent)
    decided, undecided = (outcome.answers - outcome.failed) * decisions, 0
    if counts and counted:
        after = counts()
        undecided = after.undecided - counted.undecided
        decided -= undecided
        if after.decided is not None and counted.decided is not None:
            decided = after.decided - counted.decided
    return _reading(outcome, used, decided, decisions, undecided, others)


def _reading(
    outcome: Outcome, used: Mapping[str, float], decided: int, decisions: int, undecided: int, others: float
) -> Reading:
    everything = max(outcome.all_answers, 1) * decisions
    cpu_us = {"generator": outcome.cpu_seconds * 1e6 / max(outcome.answers * decisions, 1)}
    cpu_us |= {role: seconds * 1e6 / everything for role, seconds in used.items()}
    rate = decided / outcome.seconds
    return Reading(
        rate=rate,
        client_us=cpu_us["generator"],
        server_us=cpu_us.get("server", float("nan")),
        others=others,
        cpu_us=cpu_us,
        p50_ms=outcome.p50_ms,
        p99_ms=outcome.p99_ms,
        lag_ms=outcome.lag_ms,
        failed=outcome.failed,
        undecided=undecided,
        cores={role: us * rate / 1e6 for role, us in cpu_us.items()},
    )
