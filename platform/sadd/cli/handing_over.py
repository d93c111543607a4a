"""Words whose own words are programs of ``benchmarks``: everything after the name is theirs."""

import argparse
from collections.abc import Mapping
from functools import partial
from importlib import import_module

from sadd.cli.parser import Parser
from sadd.settings import Settings


def add_programs(parser: Parser, prefix: str, programs: Mapping[str, str]) -> None:
    """``programs`` is word to line of help; the program is ``main(argv) -> int`` of ``<prefix><word>``."""
    words = parser.add_subparsers(dest="program", metavar="WORD", required=True)
    for word, meaning in programs.items():
        # Without a help of its own, ``sadd bench store --help`` is the benchmark's.
        program = words.add_parser(word, help=meaning, add_help=False)
        program.set_defaults(run=partial(_run, prefix), passes_on=True)


def _run(prefix: str, args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every run has both
    # Late and by name: they are no part of a server, and need what a server does not.
    return int(import_module(prefix + args.program).main(args.extra))
