"""``sadd queue simulate``: a room's day played in seconds, and which outflow keeps a wait."""

import argparse
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from queueing.policy import Room
from queueing.simulation.crowd import Crowd
from queueing.simulation.record import Summary
from queueing.simulation.run import Plan, Played, play
from queueing.simulation.search import Found, outflow_for, slots_for
from queueing.simulation.shape import MINUTES_MAX, points_of
from queueing.simulation.trouble import trouble_of
from sadd.cli.outcome import FAILED, UsageError
from sadd.cli.parser import Parser
from sadd.cli.table import print_json, print_table
from sadd.settings import Settings

DESCRIPTION = """\
Plays a day of a waiting room: outflow, pace and estimate are the platform's own code, the crowd is drawn at
random (the same for the same --seed), and time goes by in ticks of 200 ms. No store is asked.
"""
EPILOG = """\
shapes of the crowd:
  level, ramp, opening (most stand at the door), results (a morning's jump), waves; or your own, as
  SHARE:RATE,… with SHARE of the time from 0 to 1: 0:1,0.5:4,1:0.2

troubles (--trouble, as often as wanted; times in minutes from the start):
  pause:30:5         at minute 30 nobody is called for 5 minutes
  leader:30:0.05     no leader for 3 s
  store:30:2         the store is away for 2 minutes
  origin:60:10:0.2   for 10 minutes a fifth of the origin's answers are errors
  outflow:90:1200    from minute 90 on 1,200 a minute
  shows:40:0.5       from minute 40 on half of the called come

examples:
  sadd queue simulate --people 100000 --minutes 120 --outflow 1500
  sadd queue simulate --people 100000 --minutes 120 --wait-minutes 30 --show-rate 0.7
  sadd queue simulate --people 10000000 --minutes 600 --shape results --outflow 20000 --plot day.svg
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    word = words.add_parser(
        "simulate", help="play a room's day in seconds", description=DESCRIPTION, epilog=EPILOG
    )
    crowd = word.add_argument_group("the crowd")
    crowd.add_argument("--people", type=int, default=100_000, help="how many come [100000]")
    crowd.add_argument("--minutes", type=float, default=120.0, help="within how many minutes [120]")
    crowd.add_argument("--shape", default="opening", help="when they come [opening]")
    crowd.add_argument("--show-rate", type=float, default=0.9, help="share of the called that come [0.9]")
    crowd.add_argument("--react-s", type=float, default=8.0, help="mean time from call to claim [8]")
    crowd.add_argument("--stay-s", type=float, default=240.0, help="mean time inside [240]")
    room = word.add_argument_group("the room")
    room.add_argument("--outflow", type=int, default=1_000, help="visitors called a minute [1000]")
    room.add_argument("--active-cap", type=int, help="most people inside [as many as the outflow needs]")
    room.add_argument("--claim-window-s", type=float, default=120.0, help="time to claim [120]")
    room.add_argument("--pass-s", type=float, default=600.0, help="length of a pass [600]")
    room.add_argument("--stock", type=int, help="how many can be served at all [no bound]")
    word.add_argument("--trouble", action="append", default=[], metavar="KIND:…", help="see below")
    word.add_argument("--wait-minutes", type=float, help="tell the outflow that keeps this wait")
    word.add_argument("--wait-share", type=float, default=0.95, help="for this share of the crowd [0.95]")
    word.add_argument("--seed", type=int, default=1, help="of all chance [1]")
    word.add_argument("--plot", type=Path, metavar="FILE", help="the run as a picture, .svg or .png")
    word.add_argument("--json", action="store_true", help="one object: the summary and the rows over time")
    word.set_defaults(run=_simulate)


def _simulate(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every run has both
    plan = _plan(args)
    save = _picture(args.plot)
    found = None
    if args.wait_minutes is None:
        played = play(plan)
    else:
        keep_cap = args.active_cap is not None
        found = outflow_for(plan, args.wait_minutes * 60, args.wait_share, keep_cap=keep_cap)
        played = found.played
    if save is not None:
        save(played, args.plot)
    if args.json:
        print_json(_told(args, played, found))
    else:
        print_table(("what", "value"), _rows(played.summary))
        if found is not None:
            print(_answer(args, found))
    return FAILED if found is not None and found.per_minute is None else 0


def _plan(args: argparse.Namespace) -> Plan:
    """What was asked for; a mistake in it is a line and exit code 2."""
    if args.wait_minutes is not None and not 0 <= args.wait_minutes <= MINUTES_MAX:
        raise UsageError(f"sadd queue simulate: --wait-minutes is not 0..{MINUTES_MAX}")
    if not 0 < args.wait_share <= 1:
        raise UsageError("sadd queue simulate: --wait-share is above 0 and at most 1")
    try:
        crowd = Crowd(
            args.people, args.minutes, points_of(args.shape), args.show_rate, args.react_s, args.stay_s
        )
        troubles = tuple(trouble_of(text) for text in args.trouble)
        window_ms, pass_ms = round(args.claim_window_s * 1000), round(args.pass_s * 1000)
        cap = args.active_cap if args.active_cap is not None else 1
        room = Room("simulated", args.outflow, cap, window_ms, pass_ms, stock=args.stock)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"sadd queue simulate: {error}") from None
    plan = Plan(room, crowd, troubles, args.seed)
    if args.active_cap is not None:
        return plan
    outflows = [args.outflow, *(trouble.value for trouble in troubles if trouble.kind == "outflow")]
    return replace(plan, room=replace(room, active_cap=slots_for(plan, round(max(outflows)))))


def _picture(file: Path | None) -> Callable[[Played, Path], None] | None:
    """Before the run, so that a missing package or folder is known before minutes have passed."""
    if file is None:
        return None
    if file.suffix not in (".svg", ".png") or not file.parent.is_dir():
        raise UsageError(f"sadd queue simulate: --plot {file}: a .svg or .png in a folder that exists")
    from queueing.simulation.plots import save  # late: only a picture needs matplotlib

    return save


def _told(args: argparse.Namespace, played: Played, found: Found | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "room": asdict(played.plan.room),
        "summary": asdict(played.summary),
        "rows": [asdict(row) for row in played.rows],
    }
    if found is not None:
        told["answer"] = {
            "wait_minutes": args.wait_minutes,
            "wait_share": args.wait_share,
            "outflow_per_minute": found.per_minute,
            "active_cap": found.active_cap,
            "trials": found.trials,
        }
    return told


def _rows(summary: Summary) -> list[tuple[str, str]]:
    waits = (summary.wait_p50_s, summary.wait_p90_s, summary.wait_p99_s, summary.wait_max_s)
    return [
        ("came", f"{summary.arrived:,}"),
        ("let in", f"{summary.let_in:,}"),
        ("called, never came", f"{summary.never_came:,}"),
        ("still in line", f"{summary.still_waiting:,}"),
        ("until nobody was left", f"{summary.minutes:,.1f} min"),
        ("wait: 50%, 90%, 99%, longest", ", ".join(f"{wait / 60:.1f}" for wait in waits) + " min"),
        ("longest line", f"{summary.line_max:,}"),
        ("most inside, of the cap", f"{summary.active_max:,} of {summary.active_cap:,}"),
        ("busy while people waited", _percent(summary.busy_share)),
        ("outflow of any minute, of target", _span(summary.outflow_least, summary.outflow_most)),
        ("estimate held, at the join", _percent(summary.estimate_held_joining)),
        ("estimate held, in line", _percent(summary.estimate_held_waiting)),
        ("estimate held, as measured live", _percent(summary.estimate_held_live)),
        ("computed in", f"{summary.seconds:.1f} s"),
    ]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _span(least: float | None, most: float | None) -> str:
    return "–" if least is None else f"{_percent(least)} to {_percent(most)}"


def _answer(args: argparse.Namespace, found: Found) -> str:
    share, minutes = f"{args.wait_share:.0%}", f"{args.wait_minutes:g} minutes"
    if found.per_minute is None:
        return f"No outflow keeps {share} within {minutes}: the cap of {found.active_cap:,} is too low."
    return (
        f"{share} wait at most {minutes} with {found.per_minute:,} a minute "
        f"and {found.active_cap:,} inside at once ({found.trials} runs)."
    )
