"""``sadd limits apply`` and ``rollback``: what makes other rules hold.

read the last version -> tell what goes, by agency -> publish, unless somebody else has published meanwhile
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence

from sadd.catalogue.model import Catalogue
from sadd.cli.limits_changes import print_published
from sadd.cli.limits_sources import actor, catalogue_in, database_errors, read_files, rules_of
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.stores import Pool, database
from sadd.cli.versions import add_paths, add_why, counted
from sadd.limits import store
from sadd.limits.removal import removed, unmentioned
from sadd.limits.rule import Rule, Rules
from sadd.limits.store import Published, UnknownVersion, VersionMoved
from sadd.settings import Settings

IDS_SHOWN = 10

APPLY = """\
Makes the rules of the files those that hold, all of them: what the files do not say is removed. What goes
is told by agency first. Rules of agencies of which the files say nothing stay, and with them everything:
nothing is applied without --replace-all, and no files without a rule without --none.
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    apply = words.add_parser("apply", help="make the rules of the files those that hold", description=APPLY)
    add_paths(apply)
    apply.add_argument(
        "--replace-all", action="store_true", help="remove rules of agencies that the files do not mention"
    )
    apply.add_argument("--none", action="store_true", help="the files have no rule, and none shall hold")
    apply.add_argument(
        "--expect-version", metavar="N", type=int, help="only if this is the last version, as diff told it"
    )
    add_why(apply, "changes")
    apply.set_defaults(run=lambda args, settings: asyncio.run(_apply(args, settings)))

    back = words.add_parser("rollback", help="make an earlier version's rules those that hold")
    back.add_argument("version", metavar="VERSION", type=int, help="as in history")
    add_why(back, "changes")
    back.set_defaults(run=lambda args, settings: asyncio.run(_rollback(args, settings)))


async def _apply(args: argparse.Namespace, settings: Settings) -> int:
    by = actor(args.by)
    async with database(settings) as pool:
        with database_errors():
            catalogue = await catalogue_in(pool)
            rules = rules_of(read_files(args.paths, catalogue), "nothing was applied")
            last = await store.read_last(pool)
            if args.expect_version not in (None, last.version):
                raise _stale(VersionMoved(last.version, args.expect_version))
            _look(args, catalogue, last, rules)
            published = await _publish(pool, rules.rules, by, args.note, last.version)
            return print_published(published, as_json=args.json)


def _look(args: argparse.Namespace, catalogue: Catalogue, last: Rules, rules: Rules) -> None:
    """Tells what goes, before it does. Failed: more than was asked for."""
    removals = removed(store.changes(last.rules, rules.rules), catalogue.services)
    if removals and not rules.rules and not args.none:
        raise Failed(
            *_told("the files have no rule, and this would be removed", removals),
            "nothing was applied; --none leaves no rule",
        )
    lost = unmentioned(removals, rules.rules, catalogue.services)
    if lost and not (args.replace_all or args.none):
        raise Failed(
            *_told("the files say nothing of some whose rules would be removed", lost),
            "nothing was applied; give all files together, or say --replace-all",
        )
    if removals:
        print("\n".join(_told("removes", removals)), file=sys.stderr)


def _told(what: str, removals: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"sadd limits apply: {what}:", *(f"  {_of(whose, ids)}" for whose, ids in removals.items())]


def _of(whose: str, ids: Sequence[str]) -> str:
    more = f" and {len(ids) - IDS_SHOWN:,} more" if len(ids) > IDS_SHOWN else ""
    return f"{whose}: {counted(len(ids), 'rule')}: {', '.join(ids[:IDS_SHOWN])}{more}"


async def _publish(pool: Pool, rules: Sequence[Rule], by: str, note: str, expected: int) -> Published:
    try:
        return await store.publish(pool, rules, by, note, expected=expected)
    except VersionMoved as moved:
        raise _stale(moved) from None
    except ValueError as error:
        raise UsageError(f"sadd limits apply: {error}") from None


def _stale(moved: VersionMoved) -> Failed:
    return Failed(
        f"sadd limits apply: {moved}; nothing was applied: look at sadd limits diff, and apply again"
    )


async def _rollback(args: argparse.Namespace, settings: Settings) -> int:
    by = actor(args.by)
    async with database(settings) as pool:
        with database_errors():
            try:
                published = await store.roll_back(pool, args.version, by, args.note)
            except (UnknownVersion, ValueError) as error:
                raise UsageError(f"sadd limits rollback: {error}") from None
    return print_published(published, as_json=args.json)
