"""``sadd queue simulate``: a room's day played in seconds, and which outflow keeps a wait."""

import argparse
from pathlib import Path

from sadd.cli.parser import Parser
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
    from sadd.cli.queue_simulated import simulate  # late: numpy is for this word alone

    return simulate(args)
