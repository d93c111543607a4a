"""``sadd bench store|ratelimit|...``: hands everything after its name to the benchmark itself."""

import argparse

from sadd.cli.handing_over import add_programs
from sadd.cli.parser import Parser

BENCHMARKS = {
    "store": "the store client against other clients and against its goals",
    "identity": "what a look at an API key costs",
    "ratelimit": "the limiter's ways in against what people use today",
    "cache": "the cache against libraries, proxies and what bounds it",
    "session": "sessions against what bounds them",
    "queue": "the waiting room against what bounds it",
    "client": "what a decision in process costs",
    "grpc": "what a gRPC call costs, against gRPC's own server",
    "catalogue": "search, look-up and refresh of the catalogue",
    "draw": "what a draw costs: entries taken in, frozen, checked by anybody",
    "rules": "what the desk costs, with and without rules of limits",
}


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("bench", description="Measure a part, on this machine.")
    add_programs(parser, "benchmarks.bench_", BENCHMARKS)
