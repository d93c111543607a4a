"""``sadd up``: the platform on this machine, until SIGTERM or Ctrl-C."""

import argparse

from sadd.cli.parser import Parser, settings_help
from sadd.settings import Settings

DESCRIPTION = """\
Start the platform and stay with it: the stores (embedded ones where no URL is set), the migrations,
the catalogue, and the HTTP workers. SIGTERM and Ctrl-C drain it: no request in flight is cut off.
"""
EXAMPLES = """\
examples:
  sadd up                                         everything on this machine, under ./.sadd
  SADD_VALKEY_URL=redis://cache:6379 SADD_DATABASE_URL=postgresql://sadd@db/sadd sadd up
  sadd up --server-workers 2 --log-format console

exit codes:
  0  drained and stopped on request
  1  a store stayed away past startup.timeout_seconds, or workers kept dying
  2  bad usage or configuration
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("up", description=DESCRIPTION, epilog=f"{EXAMPLES}\n{settings_help()}")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every run has both
    from sadd.app.machine import up  # late: it imports the whole platform

    return up(settings)
