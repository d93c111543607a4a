"""``sadd faults ratelimit``: breaks things for real and proves what must never happen."""

import argparse
from importlib import import_module

from sadd.cli.parser import Parser
from sadd.settings import Settings

# Word to its line of help; the campaign is ``main(argv) -> int`` of ``benchmarks.faults_<word>``.
CAMPAIGNS = {
    "ratelimit": "no more is admitted than the limit, whatever breaks",
}


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("faults", description="Break things for real, on this machine.")
    words = parser.add_subparsers(dest="campaign", metavar="WORD", required=True)
    for word, meaning in CAMPAIGNS.items():
        # Without a help of its own, ``sadd faults ratelimit --help`` is the campaign's.
        campaign = words.add_parser(word, help=meaning, add_help=False)
        campaign.set_defaults(run=run, passes_on=True)


def run(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every run has both
    # Late and by name: campaigns are no part of a server, and need what a server does not.
    module = import_module(f"benchmarks.faults_{args.campaign}")
    return int(module.main(args.extra))
