"""``sadd cache``: what is kept, why a page was a miss, and levers to purge and to warm."""

import argparse

from sadd.cli import cache_explain, cache_purge, cache_stats, cache_warm
from sadd.cli.parser import Parser

DESCRIPTION = """\
The cache, as an operator sees it: what every agency keeps and what its workers answered, why a page or a
key is a hit or a miss, and the levers to end entries and to fetch pages before the crowd does.

A page is named by its URL, as visitors ask the caching proxy for it. An entry that an agency put itself is
named AGENCY/NAMESPACE/KEY.
"""
EPILOG = """\
the stores:
  SADD_VALKEY_URL and SADD_DATABASE_URL, else those of the platform that runs on this data folder.

exit codes:
  0  fine; explain: it would be a hit
  1  it failed; explain: it would be a miss; warm: a page was not answered with success
  2  bad usage or configuration

examples:
  sadd cache stats
  sadd cache stats moehe --hot 20
  sadd cache explain https://results.moehe.gov.example/results/ar
  sadd cache purge moehe/pages --tag results --soft --note "a correction"
  sadd cache purge https://results.moehe.gov.example/results/ar
  sadd cache warm --file urls.txt
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("cache", description=DESCRIPTION, epilog=EPILOG)
    words = parser.add_subparsers(dest="cache_word", metavar="WORD", required=True)
    cache_stats.add(words)
    cache_purge.add(words)
    cache_warm.add(words)
    cache_explain.add(words)
