"""``sadd bench store|ratelimit|...``: hands everything after its name to the benchmark itself."""

import argparse
from importlib import import_module

from sadd.cli.parser import Parser
from sadd.settings import Settings

# Word to its line of help; the benchmark is ``main(argv) -> int`` of ``benchmarks.bench_<word>``.
BENCHMARKS = {
    "store": "the store client against other clients and against its goals",
    "identity": "what a look at an API key costs",
    "ratelimit": "the limiter's ways in against what people use today",
    "client": "what a decision in process costs",
    "grpc": "what a gRPC call costs, against gRPC's own server",
    "catalogue": "search, look-up and refresh of the catalogue",
    "rules": "what the desk costs, with and without rules of limits",
}


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("bench", description="Measure a part, on this machine.")
    words = parser.add_subparsers(dest="benchmark", metavar="WORD", required=True)
    for word, meaning in BENCHMARKS.items():
        # Without a help of its own, ``sadd bench store --help`` is the benchmark's.
        benchmark = words.add_parser(word, help=meaning, add_help=False)
        benchmark.set_defaults(run=run, passes_on=True)


def run(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every run has both
    # Late and by name: benchmarks are no part of a server, and need what a server does not.
    module = import_module(f"benchmarks.bench_{args.benchmark}")
    return int(module.main(args.extra))
