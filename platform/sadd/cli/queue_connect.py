"""``sadd queue connect|connections|disconnect``: sites that run a connector of Queue-it's."""

import argparse
import asyncio

import msgspec

from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.queue_sources import catalogue_in
from sadd.cli.stores import database
from sadd.cli.table import print_json, print_table
from sadd.queueit import store
from sadd.queueit.config import PREFIX
from sadd.queueit.connection import CUSTOMER, ConnectionSettings, findings
from sadd.queueit.store import UnknownCustomer
from sadd.settings import Settings

ACTOR = "cli"
"""In the audit."""

DESCRIPTION = """\
Connect a site that runs a connector of Queue-it's, as it is. Give the site's operators what is printed: the
customer id, the secret key, and the address of the configuration that the connector reads. A second connect
of the same customer changes the connection and keeps its secret, unless --new-secret is given.
"""
EXAMPLES = """\
examples:
  sadd queue connect moehe --service moehe-secondary-results --domain queue.example.gov
  sadd queue connect moehe --service moehe-secondary-results --domain queue.example.gov \\
      --event results2027=moehe-secondary-results --ignored /health --leaving /goodbye
  sadd queue connections
  sadd queue disconnect moehe
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    parser = words.add_parser(
        "connect",
        help="connect a site that runs a connector of Queue-it's",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    _add_settings(parser)
    parser.add_argument("--new-secret", action="store_true", help="make the secret anew, from now on")
    parser.add_argument("--json", action="store_true", help="one object")
    parser.set_defaults(run=lambda args, settings: asyncio.run(_connect(args, settings)))

    listing = words.add_parser("connections", help="print all connections, never their secrets")
    listing.add_argument("--json", action="store_true", help="one array")
    listing.set_defaults(run=lambda args, settings: asyncio.run(_list(args, settings)))

    ending = words.add_parser("disconnect", help="end a connection: no token is made for the site any more")
    ending.add_argument("customer", metavar="CUSTOMER", help="the connector's customer id")
    ending.set_defaults(run=lambda args, settings: asyncio.run(_disconnect(args, settings)))


def _add_settings(parser: Parser) -> None:
    parser.add_argument("customer", metavar="CUSTOMER", help="the connector's customer id, of your choice")
    parser.add_argument(
        "--service", required=True, action="append", help="whose URL visitors go back to; repeat it for more"
    )
    parser.add_argument("--domain", required=True, help="where browsers reach Sadd: queue.example.gov")
    parser.add_argument(
        "--event", action="append", default=[], metavar="EVENT=ROOM", help="an event id that the site keeps"
    )
    parser.add_argument("--token-seconds", type=int, default=120, help="10 to 300; default 120")
    parser.add_argument("--bind-address", action="store_true", help="tokens are good from one address only")
    parser.add_argument(
        "--cookie",
        choices=("pass", "site"),
        default="pass",
        help="let in until the pass ends (the default), or for --cookie-minutes after each page",
    )
    parser.add_argument("--cookie-minutes", type=int, default=20, help="1 to 1440; default 20")
    parser.add_argument("--ignored", action="append", default=[], metavar="PATH", help="needs no pass")
    parser.add_argument("--leaving", action="append", default=[], metavar="PATH", help="ends the visit")


async def _connect(args: argparse.Namespace, settings: Settings) -> int:
    async with database(settings) as pool:
        catalogue = await catalogue_in(pool)
        first = catalogue.services.get(args.service[0])
        wish = _wish(args, first.agency if first is not None else "")
        faults = list(findings(wish, catalogue))
        if faults:
            raise UsageError(f"sadd queue connect: {'; '.join(faults)}")
        made = await store.connect(pool, wish, ACTOR, new_secret=args.new_secret)
    config = f"https://{wish.domain}/{PREFIX}/status/integrationconfig/{wish.customer}"
    told = {"customer": wish.customer, "secret": made.secret, "config": config, "version": made.version}
    if args.json:
        print_json(told)
    else:
        print_table(("what the connector needs", ""), [(name, str(value)) for name, value in told.items()])
    return 0


def _wish(args: argparse.Namespace, agency: str) -> ConnectionSettings:
    return ConnectionSettings(
        customer=args.customer,
        agency=agency,
        services=tuple(args.service),
        domain=args.domain,
        events=dict(_pair(one) for one in args.event),
        token_seconds=args.token_seconds,
        bind_address=args.bind_address,
        cookie=args.cookie,
        cookie_minutes=args.cookie_minutes,
        ignored=tuple(args.ignored),
        leaving=tuple(args.leaving),
    )


def _pair(text: str) -> tuple[str, str]:
    event, sign, room = text.partition("=")
    if not sign:
        raise UsageError(f"sadd queue connect: --event {text} is not EVENT=ROOM")
    return event, room


async def _list(args: argparse.Namespace, settings: Settings) -> int:
    async with database(settings) as pool:
        found = await store.read(pool)
    if args.json:
        print_json([{**msgspec.to_builtins(one.settings), "version": one.version} for one in found.values()])
        return 0
    rows = [
        (name, one.settings.agency, str(one.version), one.settings.domain, " ".join(one.settings.services))
        for name, one in found.items()
    ]
    print_table(("customer", "agency", "version", "domain", "services"), rows)
    return 0


async def _disconnect(args: argparse.Namespace, settings: Settings) -> int:
    if not CUSTOMER.fullmatch(args.customer):
        raise UsageError(f"sadd queue disconnect: {args.customer!r} can be no customer")
    async with database(settings) as pool:
        try:
            await store.disconnect(pool, args.customer, ACTOR)
        except UnknownCustomer:
            known = "sadd queue connections has them all"
            raise Failed(
                f"sadd queue disconnect: no site is connected as {args.customer!r}; {known}"
            ) from None
    print(f"{args.customer} is connected no longer")
    return 0
