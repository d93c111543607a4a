"""``sadd sessions``: who is signed in, and the levers to sign people out."""

import argparse

from sadd.cli import sessions_ending, sessions_feed, sessions_list, sessions_rotate_keys
from sadd.cli.parser import Parser

DESCRIPTION = """\
Sessions, as an operator sees them: what a subject has, the levers to end one or all, the feed of who was
signed out, and the next keys. No word prints an id, and none tells of the data. What ends something is a row
of the audit, with a keyed hash where the subject's name would stand.

A SUBJECT may be given as -, to be read from standard input: it then stands in no list of processes and in no
history of a shell.
"""
EPILOG = """\
the stores:
  SADD_VALKEY_URL and SADD_DATABASE_URL, else those of the platform that runs on this data folder.

examples:
  sadd sessions list moehe 28412345678
  sadd sessions revoke moehe peF2Fu4ZXwEmflHZxk3tqHWb1cV0aYd9Q --note "lost telephone"
  echo 28412345678 | sadd sessions revoke-all moehe - --note "the account is closed"
  sadd sessions feed --agency moehe --follow
  sadd sessions rotate-keys
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("sessions", description=DESCRIPTION, epilog=EPILOG)
    words = parser.add_subparsers(dest="sessions_word", metavar="WORD", required=True)
    sessions_list.add(words)
    sessions_ending.add(words)
    sessions_feed.add(words)
    sessions_rotate_keys.add(words)
