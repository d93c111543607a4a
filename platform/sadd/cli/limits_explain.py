"""``sadd limits explain``: why a request is decided as it is, rule by rule, with the counters of now."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

from msgspec import to_builtins
from msgspec.structs import replace

from ratelimit.decision import Decision
from sadd.app.services import open_limiter, tag
from sadd.catalogue.model import Catalogue
from sadd.cli.limits_sources import (
    catalogue_in,
    catalogue_in_files,
    database_errors,
    read_files,
    rules_in,
    rules_of,
)
from sadd.cli.outcome import FAILED, Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.stores import database, running
from sadd.cli.table import print_json, print_table
from sadd.cli.versions import counted
from sadd.limits.answer import Answer
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.desk import Desk
from sadd.limits.explain import Explanation, Told, explain, verdict
from sadd.limits.rule import Rules
from sadd.limits.rules import Book
from sadd.settings import Settings
from sadd.valkey.address import Shape, parse
from sadd.valkey.client import ValkeyClient
from sadd.valkey.topology import open_client

T = TypeVar("T")

MEANING = """\
Tells of every rule what becomes of it for one request, and why. While a platform runs here, or where
SADD_VALKEY_URL says so, its counters are looked at as well, and nothing is taken: the verdict is what
the request would be answered now.
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    one = words.add_parser("explain", help="tell why a request is decided as it is", description=MEANING)
    one.add_argument("service", metavar="SERVICE", help="id of the service that is asked for")
    one.add_argument("--key", default="", help="whose limit: a citizen, an address, a device")
    one.add_argument("--route", default="", help="path of the request")
    one.add_argument("--cost", type=int, default=1, help="units that it would take [1]")
    one.add_argument(
        "--with",
        dest="descriptors",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a descriptor: app=metrash, citizen=…, ip=192.0.2.1, header:x-device=…",
    )
    one.add_argument("--files", metavar="PATH", type=Path, nargs="+", help="rules of files instead")
    one.add_argument("--all", action="store_true", help="also the rules for other services")
    one.add_argument("--json", action="store_true", help="one object: verdict, rules, decisions")
    one.set_defaults(run=lambda args, settings: asyncio.run(_explain(args, settings)))


async def _explain(args: argparse.Namespace, settings: Settings) -> int:
    asked = Asked(args.service, args.key, args.route, _descriptors(args.descriptors), args.cost)
    if args.files:
        catalogue = catalogue_in_files(settings)
        rules = rules_of(read_files(args.files, catalogue), "nothing was explained")
    else:
        async with database(settings) as pool:
            with database_errors():
                catalogue, rules = await catalogue_in(pool), await rules_in(pool)
    try:
        explanation = explain(catalogue, Book.of(rules), asked)
        answer = await _look(settings, catalogue, rules, asked)
    except UnknownService:
        raise UsageError(f"sadd limits explain: there is no service {args.service!r}") from None
    except ValueError as wrong:
        raise UsageError(f"sadd limits explain: {wrong}; see --key and --with") from None
    return _print(explanation, answer, args)


def _descriptors(words: list[str]) -> Mapping[str, str]:
    pairs = [word.partition("=") for word in words]
    if wrong := next((name for name, sign, _ in pairs if not sign or not name), None):
        raise UsageError(f"sadd limits explain: --with {wrong}: a descriptor is NAME=VALUE")
    return {name: value for name, _, value in pairs}


async def _look(settings: Settings, catalogue: Catalogue, rules: Rules, asked: Asked) -> Answer | None:
    """What the counters say now, None where there is no store to ask. Looking takes nothing."""
    platform = running(settings)
    url = settings.valkey.url or (platform.valkey_url if platform else "")
    if not url:
        return None
    clustered = parse(url).shape is Shape.CLUSTER
    async with _client(url, settings) as client:
        limiter = open_limiter(client, workers=1, clustered=clustered)
        desk = Desk(limiter, _Still(catalogue), _Still(Book.of(rules, tag(clustered=clustered))))
        return await desk.decide(None, replace(asked, cost=0))


@asynccontextmanager
async def _client(url: str, settings: Settings) -> AsyncIterator[ValkeyClient]:
    try:
        client = await open_client(
            url, deadline_ms=settings.valkey.deadline_ms, max_in_flight=settings.valkey.max_in_flight
        )
    except (OSError, ConnectionError, TimeoutError) as error:
        raise Failed(f"sadd limits explain: the store is away: {error}") from None
    try:
        yield client
    finally:
        await client.aclose()


@dataclass(frozen=True, slots=True)
class _Still(Generic[T]):
    """A view of what does not change while the command runs."""

    current: T


def _print(explanation: Explanation, answer: Answer | None, args: argparse.Namespace) -> int:
    allowed, words = verdict(explanation, answer, args.cost)
    decisions = {one.policy: one for one in (answer.decisions if answer else ())}
    if args.json:
        told = [asdict(one) for one in explanation.told]
        print_json(
            {
                "allowed": allowed,
                "verdict": words,
                "service": explanation.service,
                "rules": told,
                "decisions": [to_builtins(one) for one in decisions.values()],
            }
        )
        return FAILED if allowed is False else 0
    near = [one for one in explanation.told if args.all or not one.why.startswith("it is for the ")]
    print_table(_HEAD, [_row(one, decisions.get(one.policy)) for one in near])
    if hidden := len(explanation.told) - len(near):
        print(f"not for this service: {counted(hidden, 'rule')}; --all lists them")
    print(words)
    return FAILED if allowed is False else 0


_HEAD = ("rule", "what becomes of it", "priority", "level", "limit", "left", "why")


def _row(told: Told, decision: Decision | None) -> Sequence[str]:
    left = "" if decision is None else f"{decision.remaining:,}"
    return told.rule, told.fate, str(told.priority), told.level, told.limit, left, told.why
