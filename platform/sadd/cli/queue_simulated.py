"""What ``sadd queue simulate`` does once it is asked. Apart from its words, for numpy takes 0.1 s to load."""

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
from sadd.cli.table import print_json, print_table


def simulate(args: argparse.Namespace) -> int:
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
    if args.seed < 0:
        raise UsageError("sadd queue simulate: --seed is not negative")
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
