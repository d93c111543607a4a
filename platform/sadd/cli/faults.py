"""``sadd faults queue|ratelimit``: breaks things for real and proves what must never happen."""

import argparse

from sadd.cli.handing_over import add_programs
from sadd.cli.parser import Parser

CAMPAIGNS = {
    "queue": "nobody's place is lost, no number is given twice, and the cap holds, whatever breaks",
    "ratelimit": "no more is admitted than the limit, whatever breaks",
}


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("faults", description="Break things for real, on this machine.")
    add_programs(parser, "benchmarks.faults_", CAMPAIGNS)
