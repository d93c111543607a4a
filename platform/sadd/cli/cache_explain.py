"""``sadd cache explain``: why is this page, or this key, a hit or a miss."""

import argparse
import asyncio
from collections.abc import Iterator

from msgspec import to_builtins

from cache.answers import Explained
from sadd.cli.cache_page import tell
from sadd.cli.cache_sources import GROUP, Here, is_url, opened, page_of, space_of
from sadd.cli.cache_warm import proxy_at, warm
from sadd.cli.outcome import FAILED, UsageError
from sadd.cli.parser import Parser
from sadd.cli.table import print_json
from sadd.settings import Settings
from sadd.web.cache_looking import explained

MEANING = """\
Says what the next look-up of a page or a key would find, and why. Nothing is changed. It looks into the
store: what a worker has in its own memory is never older than the bound of the feed. With --ask the caching
proxy is asked for the page, as a visitor would, and its Cache-Status told: that says why an answer was not
kept.
"""
VERDICTS = {
    "fresh": "a hit: it is fresh",
    "stale": "a hit: it is stale, and one caller renews it",
    "spare": "a miss: its time is over; it is kept for the case that its loader fails",
    "kept": "a miss: its time is over; it is kept to be validated",
    "none": "a miss: nothing was ever put, or it has gone",
    "expired": "a miss: its time is over",
    "purged": "a miss: it was purged by its key",
    "tag-purged": "a miss: one of its tags was purged",
    "namespace-purged": "a miss: the whole namespace was purged",
    "unreadable": "a miss: another version wrote it, or it cannot be unsealed",
    "store-away": "a miss: the store is away",
}
HITS = frozenset({"fresh", "stale"})


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    one = words.add_parser("explain", help="tell why a page or a key is a hit or a miss", description=MEANING)
    one.add_argument("what", metavar="URL|AGENCY/NAMESPACE/KEY", help="a page, or an entry")
    one.add_argument(
        "--field",
        dest="fields",
        metavar="NAME:VALUE",
        action="append",
        default=[],
        help="a header field of the request for a page; may be given again",
    )
    one.add_argument("--ask", action="store_true", help="ask the proxy too; the origin may be asked by it")
    one.add_argument("--at", metavar="HOST:PORT", help="the proxy; else that of these settings")
    one.add_argument("--json", action="store_true", help="one object")
    one.set_defaults(run=lambda args, settings: asyncio.run(_explain(args, settings)))


async def _explain(args: argparse.Namespace, settings: Settings) -> int:
    if not is_url(args.what) and (args.fields or args.ask):
        raise UsageError(f"{GROUP} explain: --field and --ask are for pages")
    at = proxy_at(args.at, settings) if args.ask else None
    async with opened(settings) as here:
        if not is_url(args.what):
            return await _of_key(here, args)
        page = page_of(here, args.what)
        told = await tell(here, page.service, args.what, args.fields)
    if at is not None:
        asked = await asyncio.to_thread(warm, args.what, at, args.fields)
        told.why.append(f"the proxy answers {asked.status}, {asked.told}")
    name = page.space.name
    return _print(args, name, told.key, told.why, is_hit=told.hit, more={})


async def _of_key(here: Here, args: argparse.Namespace) -> int:
    space, key = space_of(here, args.what)
    if not key:
        raise UsageError(f"{GROUP} explain: {args.what}: say AGENCY/NAMESPACE/KEY, or a URL")
    found = await here.cache.explain(space, key)
    is_hit, more = found.verdict in HITS, to_builtins(explained(found))
    return _print(args, space.name, key, list(_of_entry(found)), is_hit=is_hit, more=more)


def _print(
    args: argparse.Namespace, name: str, key: str, why: list[str], *, is_hit: bool, more: dict[str, object]
) -> int:
    if args.json:
        print_json({"hit": is_hit, "namespace": name, "key": key, **more, "why": why})
    else:
        print("\n".join([f"{name} {key}".rstrip(), *why]))
    return 0 if is_hit else FAILED


def _of_entry(found: Explained) -> Iterator[str]:
    yield VERDICTS.get(found.verdict, found.verdict)
    if (entry := found.entry) is not None:
        fresh, served = _left(entry.soft_ms, found.now_ms), _left(entry.hard_ms, found.now_ms)
        yield f"{entry.age_ms(found.now_ms) / 1000:.1f} s old, fresh for {fresh}, served at all for {served}"
        if entry.content.tags:
            yield f"tags: {' '.join(entry.content.tags)}"
    if found.lease_ends_in_ms:
        yield f"somebody loads it; his lease ends in {found.lease_ends_in_ms / 1000:.1f} s"
    if found.uncacheable_for_ms:
        yield (
            "what came last could not be shared; that is remembered for "
            f"{found.uncacheable_for_ms / 1000:.0f} s more, and every caller loads for himself"
        )


def _left(end_ms: int, now_ms: int) -> str:
    return f"{max(0, end_ms - now_ms) / 1000:.1f} s more"
