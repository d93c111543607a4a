"""``sadd queue``: rooms listed, checked, compared, applied, paused and watched; draws, keys and simulations.

Each word that is more than a few lines has a module ``queue_<word>`` with ``add(words)``.
"""

import argparse

from sadd.cli import (
    queue_connect,
    queue_draw,
    queue_lists,
    queue_preview,
    queue_publishing,
    queue_rotate_keys,
    queue_simulate,
    queue_status,
)
from sadd.cli.parser import Parser

DESCRIPTION = """\
Waiting rooms: how many they let in, how, and when.

Every service with a class of queues in the catalogue has its room. What agencies want otherwise they write
as files of YAML, or set over HTTP; the platform holds it in its database, in versions, and every worker has
a new version within a second. diff tells what files would change and whom that would touch, apply makes it
so, rollback goes back to an earlier version.
"""
EPILOG = """\
the database:
  SADD_DATABASE_URL, else that of the platform that runs on this data folder, else an embedded one
  that is started for the command. check reads files alone, unless --database is given.

exit codes:
  0  fine; diff: no difference
  1  faults; diff: they differ
  2  bad usage or configuration

examples:
  sadd queue list --set
  sadd queue show moehe-secondary-results
  sadd queue diff rooms/ && echo "nothing to do"
  sadd queue apply rooms/ --note "before results day"
  sadd queue pause moehe-secondary-results --note "their database is down"
  sadd queue status moehe-secondary-results
  sadd queue rollback 7 --room moehe-secondary-results
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("queue", description=DESCRIPTION, epilog=EPILOG)
    words = parser.add_subparsers(dest="queue_word", metavar="WORD", required=True)
    queue_lists.add(words)
    queue_publishing.add(words)
    queue_status.add(words)
    queue_rotate_keys.add(words)
    queue_draw.add(words)
    queue_connect.add(words)
    queue_simulate.add(words)
    queue_preview.add(words)
