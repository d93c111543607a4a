"""``sadd migrate``: the schema, and the first catalogue, without serving."""

import argparse

from sadd.cli.parser import Parser
from sadd.settings import Settings

DESCRIPTION = """\
Bring the database's schema up to date and load the catalogue into a database that has none, then stop.
`sadd up` does the same before it serves; this is for a deployment that migrates in a job of its own.
Any number of them may run at once: one works, the others wait.
"""
EXAMPLES = """\
examples:
  SADD_DATABASE_URL=postgresql://sadd@db/sadd SADD_VALKEY_URL=redis://cache:6379 sadd migrate

exit codes:
  0  the schema is current and there is a catalogue
  1  a store stayed away, or an applied file was edited
  2  bad usage or configuration
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("migrate", description=DESCRIPTION, epilog=EXAMPLES)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every run has both
    from sadd.app.machine import migrate  # late: it imports the whole platform

    return migrate(settings)
