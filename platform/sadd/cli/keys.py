"""``sadd keys create|list|revoke``: the API keys of agencies."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime, timedelta

from sadd.catalogue.store import read_entries
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.stores import Pool, database
from sadd.cli.table import print_json, print_table
from sadd.identity.caller import SCOPES
from sadd.identity.record import KeyRecord, KeyWish
from sadd.identity.store import KeyStore, UnknownKey
from sadd.settings import Settings
from sadd.settings.names import nearest

EXPIRES_DAYS_MAX = 36_500

DESCRIPTION = """\
API keys let an agency's services call the platform. An agency may have several live keys, so that a new
one can be rolled out before the old one is revoked. A revocation counts in every worker within a second.
"""
EXAMPLES = """\
examples:
  sadd keys create --agency moi --scope limits:check cache:read --label "portal, 2027" --expires-days 365
  KEY=$(sadd keys create --agency moi --scope limits:check)     the key alone is on standard output
  sadd keys list --agency moi
  sadd keys revoke k7q2mwz4c5xa
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("keys", description=DESCRIPTION, epilog=EXAMPLES)
    words = parser.add_subparsers(dest="keys_word", metavar="WORD", required=True)
    _add_create(words)

    listing = words.add_parser("list", help="print all keys, never their secrets")
    listing.add_argument("--agency", help="only the keys of this agency")
    listing.add_argument("--json", action="store_true", help="one array")
    listing.set_defaults(run=lambda args, settings: asyncio.run(_list(args, settings)))

    revoke = words.add_parser("revoke", help="end a key, for good")
    revoke.add_argument("prefix", metavar="PREFIX", help="as in keys list; a whole key does as well")
    revoke.set_defaults(run=lambda args, settings: asyncio.run(_revoke(args, settings)))


def _add_create(words: "argparse._SubParsersAction[Parser]") -> None:
    create = words.add_parser(
        "create",
        help="make a key and print it, this once",
        description="Make a key and print it. Only a hash is kept: it cannot be shown again.",
        epilog=f"scopes: {', '.join(sorted(SCOPES))}",
    )
    create.add_argument("--agency", required=True, help="its id in the catalogue")
    create.add_argument("--scope", required=True, action="extend", nargs="+", help="what the key may do")
    create.add_argument("--label", default="", help="for people: where the key is used")
    create.add_argument("--expires-days", type=_days, help="days that the key lives; without, until revoked")
    create.add_argument("--json", action="store_true", help="the key and what is known of it, as one object")
    create.set_defaults(run=lambda args, settings: asyncio.run(_create(args, settings)))


async def _create(args: argparse.Namespace, settings: Settings) -> int:
    now = datetime.now(UTC)
    wish = _wish(args, now)
    async with database(settings) as pool:
        await _require_agency(pool, wish.agency)
        key, record = await KeyStore(pool).create(wish, now)
    if args.json:
        print_json({"key": key.text, **record.as_json()})
    else:
        print(key.text)
        print(f"Shown this once. Revoke it with: sadd keys revoke {key.prefix}", file=sys.stderr)
    return 0


def _wish(args: argparse.Namespace, now: datetime) -> KeyWish:
    expires_at = None if args.expires_days is None else now + timedelta(days=args.expires_days)
    try:
        return KeyWish(args.agency, frozenset(args.scope), args.label, expires_at)
    except ValueError as error:
        raise UsageError(f"sadd keys create: {error}") from None


async def _require_agency(pool: Pool, agency: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        agencies = (await read_entries(connection, ("agencies",)))["agencies"]
    live = [known.id for known in agencies.values() if known.status != "retired"]
    if not live:
        raise Failed(
            "sadd keys create: the catalogue has no agencies yet; start sadd up once, or "
            "bring your own with sadd catalogue import"
        )
    if agency not in live:
        raise Failed(f"sadd keys create: no agency {agency!r}; the nearest is {nearest(agency, live)}")


async def _list(args: argparse.Namespace, settings: Settings) -> int:
    async with database(settings) as pool:
        records = await KeyStore(pool).records(args.agency)
    now = datetime.now(UTC)
    if args.json:
        print_json([{**record.as_json(), "state": record.state(now)} for record in records])
    else:
        head = ("prefix", "agency", "state", "created", "expires", "last used", "scopes", "label")
        print_table(head, [_row(record, now) for record in records])
    return 0


def _row(record: KeyRecord, now: datetime) -> tuple[str, ...]:
    return (
        record.prefix,
        record.agency,
        record.state(now),
        f"{record.created_at:%Y-%m-%d}",
        f"{record.expires_at:%Y-%m-%d}" if record.expires_at else "never",
        f"{record.last_used_at:%Y-%m-%d %H:%M}" if record.last_used_at else "not yet",
        " ".join(record.scopes),
        record.label,
    )


async def _revoke(args: argparse.Namespace, settings: Settings) -> int:
    prefix = _prefix(args.prefix)
    async with database(settings) as pool:
        try:
            revoked_now, record = await KeyStore(pool).revoke(prefix, datetime.now(UTC))
        except UnknownKey:
            raise Failed(f"sadd keys revoke: no key {prefix!r}; sadd keys list has them all") from None
    when = "revoked" if revoked_now else f"was revoked before, at {record.revoked_at:%Y-%m-%d %H:%M:%S} UTC"
    print(f"{prefix} of {record.agency} {when}")
    return 0


def _prefix(text: str) -> str:
    """The prefix that ``text`` is, or that of the whole key that it is: the secret goes no further."""
    return text.split("_")[1] if text.startswith("sadd_") else text


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days <= EXPIRES_DAYS_MAX:
        raise argparse.ArgumentTypeError(
            f"{text} is not accepted: days, more than 0, at most {EXPIRES_DAYS_MAX}"
        )
    return days
