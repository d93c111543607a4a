"""``sadd bench store``: hands everything after its name to the benchmark itself."""

import argparse

from sadd.cli.parser import Parser
from sadd.settings import Settings


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("bench", description="Measure a part against its goals, on this machine.")
    words = parser.add_subparsers(dest="bench_word", metavar="WORD", required=True)
    # Without a help of its own, ``sadd bench store --help`` is the benchmark's.
    store = words.add_parser("store", help="the store client against other clients", add_help=False)
    store.set_defaults(run=run_store, passes_on=True)


def run_store(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every run has both
    from benchmarks.bench_store import main  # late: it is no part of a server

    return main(args.extra)
