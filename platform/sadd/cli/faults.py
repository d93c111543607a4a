"""``sadd faults queue|ratelimit|cache|session``: breaks things for real and proves what must never happen."""

import argparse

from sadd.cli.handing_over import add_programs
from sadd.cli.parser import Parser

CAMPAIGNS = {
    "queue": "nobody's place is lost, no number is given twice, and the cap holds, whatever breaks",
    "ratelimit": "no more is admitted than the limit, whatever breaks",
    "cache": "nothing purged is served for longer than the bound, whatever breaks",
    "session": "who signed out stays out, and nothing durable is lost, whatever breaks",
}


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("faults", description="Break things for real, on this machine.")
    add_programs(parser, "benchmarks.faults_", CAMPAIGNS)
