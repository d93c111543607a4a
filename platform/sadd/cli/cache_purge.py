"""``sadd cache purge``: end entries, by hand. Each purge is a row of the audit."""

import argparse
import asyncio

from sadd.caching.purging import AuditAway, Purge, purge
from sadd.cli.cache_sources import GROUP, actor, is_url, opened, page_of, space_of
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.table import print_json
from sadd.settings import Settings

MEANING = """\
Ends a page by its URL, or entries of AGENCY/NAMESPACE by key, by tag, or all of them. With --soft they become
stale instead: they may still be served while one caller loads anew. Loads under way are void.
What the caching proxy keeps of a service is AGENCY/shield-SERVICE.
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    one = words.add_parser("purge", help="end entries by page, key, tag or namespace", description=MEANING)
    one.add_argument("what", metavar="URL|AGENCY/NAMESPACE", help="a page, or a namespace")
    one.add_argument("--key", dest="keys", action="append", default=[], help="an entry; may be given again")
    one.add_argument("--tag", dest="tags", action="append", default=[], help="a tag; may be given again")
    one.add_argument("--everything", action="store_true", help="all of the namespace")
    one.add_argument("--soft", action="store_true", help="stale, not gone")
    one.add_argument("--note", default="", help="for people: why; in the audit")
    one.add_argument("--by", help="for people: who; else the user that runs this command")
    one.add_argument("--json", action="store_true", help="one object")
    one.set_defaults(run=lambda args, settings: asyncio.run(_purge(args, settings)))


async def _purge(args: argparse.Namespace, settings: Settings) -> int:
    by = actor(args.by)
    chosen = bool(args.keys or args.tags or args.everything)
    if is_url(args.what) == chosen:
        raise UsageError(f"{GROUP} purge: a URL alone, or a namespace with --key, --tag or --everything")
    async with opened(settings) as here:
        tags = tuple(args.tags)
        if is_url(args.what):
            page = page_of(here, args.what)
            space, tags = page.space, page.tags
        else:
            space, key = space_of(here, args.what)
            if key:
                raise UsageError(f"{GROUP} purge: {args.what}: give the key with --key")
        wanted = Purge(tuple(args.keys), tags, args.everything, args.soft, args.note)
        try:
            found = await purge(here.pool, here.cache, space, wanted, by)
        except AuditAway as away:
            raise Failed(f"{GROUP} purge: the audit is away, nothing was purged: {away}") from None
        except ValueError as wrong:
            raise UsageError(f"{GROUP} purge: {wrong}") from None
    if args.json:
        print_json({"namespace": space.name, "purged": found, **wanted.told()})
    else:
        told = f", {found} found by key" if args.keys else ""
        print(f"purged in {space.name}{' (soft)' if args.soft else ''}{told}")
    return 0
