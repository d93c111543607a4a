"""``sadd sessions revoke`` and ``revoke-all``: sign somebody out. Each is a row of the audit first."""

import argparse
import asyncio
import json

import asyncpg

from sadd.cli.outcome import Failed
from sadd.cli.parser import Parser
from sadd.cli.sessions_sources import GROUP, Here, actor, opened, subject_of
from sadd.cli.table import print_json
from sadd.postgres.pool import AWAY
from sadd.session.sessions import UnknownSession
from sadd.settings import Settings

_AUDIT = "INSERT INTO audit (actor, action, subject, after) VALUES ($1, $2, $3, $4::text::jsonb)"
REASON = "administrator"


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    one = words.add_parser("revoke", help="end one session")
    one.add_argument("agency", metavar="AGENCY")
    one.add_argument("ref", metavar="REF", help="as sadd sessions list tells it")
    _add_why(one)
    one.set_defaults(run=lambda args, settings: asyncio.run(_revoke(args, settings)))

    every = words.add_parser("revoke-all", help="end all sessions of a subject with an agency")
    every.add_argument("agency", metavar="AGENCY")
    every.add_argument("subject", metavar="SUBJECT", help="in the agency's own terms, or -")
    _add_why(every)
    every.set_defaults(run=lambda args, settings: asyncio.run(_revoke_all(args, settings)))


def _add_why(parser: Parser) -> None:
    parser.add_argument("--note", default="", help="for people: why; in the audit")
    parser.add_argument("--by", help="for people: who; else the user that runs this command")
    parser.add_argument("--json", action="store_true", help="one object")


async def _revoke(args: argparse.Namespace, settings: Settings) -> int:
    by = actor(args.by)
    async with opened(settings, args.agency) as here:
        await _audit(here, by, "sessions.revoke", f"sessions/{args.agency}/{args.ref[:40]}", args.note)
        try:
            await here.sessions.revoke_ref(args.agency, args.ref, reason=REASON)
        except UnknownSession:
            raise Failed(f"{GROUP} revoke: {args.agency} has no such living session") from None
    _tell(args, {"agency": args.agency, "session": args.ref}, "it is over, and every service is told")
    return 0


async def _revoke_all(args: argparse.Namespace, settings: Settings) -> int:
    by, subject = actor(args.by), subject_of(args.subject)
    async with opened(settings, args.agency) as here:
        tag = here.engine.ids.tags(args.agency, subject)[0]
        await _audit(here, by, "sessions.revoke_all", f"sessions/{args.agency}/{tag}", args.note)
        await here.sessions.revoke_all(args.agency, subject, reason=REASON)
    _tell(args, {"agency": args.agency, "all_of": tag}, "all are over, and every service is told")
    return 0


async def _audit(here: Here, by: str, action: str, what: str, note: str) -> None:
    """Before it is done: what nobody could answer for is not done. Failed: the database is away."""
    try:
        await here.pool.execute(_AUDIT, by, action, what, json.dumps({"note": note}))
    except (*AWAY, asyncpg.PostgresError) as away:
        raise Failed(f"{GROUP}: the audit is away, nothing was ended: {type(away).__name__}") from None


def _tell(args: argparse.Namespace, what: dict[str, str], said: str) -> None:
    if args.json:
        print_json(what)
    else:
        print(said)
