"""``sadd queue apply``, ``pause``, ``resume`` and ``rollback``: what makes rooms others.

read the last version -> tell what would differ -> publish, unless somebody else has published meanwhile
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import msgspec

from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.queue_lists import effects_of, print_effects, wanted
from sadd.cli.queue_sources import actor, book_in, catalogue_in, database_errors, read_files, rooms_of
from sadd.cli.stores import Pool, database
from sadd.cli.table import print_json
from sadd.cli.versions import add_paths, add_why
from sadd.rooms import store
from sadd.rooms.effect import Effect
from sadd.rooms.findings import findings_of
from sadd.rooms.registry import held, plain
from sadd.rooms.store import Published, UnknownVersion, VersionMoved
from sadd.rooms.view import state_of
from sadd.rooms.written import RoomSettings
from sadd.settings import Settings

APPLY = """\
Sets the rooms of the files as they say, each whole: what a room leaves out is the catalogue's again. Rooms
that the files do not name stay as they are, unless --all is given.
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    apply = words.add_parser("apply", help="set the rooms of the files", description=APPLY)
    add_paths(apply)
    apply.add_argument("--all", action="store_true", help="take away the settings of all other rooms")
    apply.add_argument("--dry-run", action="store_true", help="only tell; as diff does")
    apply.add_argument(
        "--expect-version", metavar="N", type=int, help="only if this is the last version, as diff told it"
    )
    add_why(apply, "effects")
    apply.set_defaults(run=lambda args, settings: asyncio.run(_apply(args, settings)))

    for word, suspended, meaning in (
        ("pause", True, "call nobody for the time being; nobody loses a place"),
        ("resume", False, "call again"),
    ):
        one = words.add_parser(word, help=meaning)
        one.add_argument("room", metavar="ROOM")
        add_why(one, "effects")
        one.set_defaults(
            run=lambda args, settings: asyncio.run(_suspend(args, settings)), suspended=suspended, word=word
        )

    back = words.add_parser("rollback", help="set the rooms as they were at an earlier version")
    back.add_argument("version", metavar="VERSION", type=int, help="as in history; 0 is the catalogue alone")
    back.add_argument("--room", metavar="ROOM", help="only this one")
    add_why(back, "effects")
    back.set_defaults(run=lambda args, settings: asyncio.run(_rollback(args, settings)))


async def _apply(args: argparse.Namespace, settings: Settings) -> int:
    by = actor(args.by)
    async with database(settings) as pool:
        with database_errors():
            catalogue = await catalogue_in(pool)
            rooms = rooms_of(read_files(args.paths, catalogue), "nothing was applied")
            book = await book_in(pool)
            if args.expect_version not in (None, book.version):
                raise _stale(VersionMoved(book.version, args.expect_version))
            shall = wanted(book, rooms, everything=args.all)
            _refuse_clashes(shall)
            told = effects_of(settings, catalogue, book, shall)
            if args.dry_run:
                return _print(book.version, told, as_json=args.json)
            published = await _publish(pool, shall, by, args.note, book.version)
    return _print(published.version, told, as_json=args.json)


def _refuse_clashes(rooms: Sequence[RoomSettings]) -> None:
    """Rooms of the files and those that stay may want one service."""
    faults = [f"{room.id}: {finding}" for room, finding in findings_of(rooms)]
    if faults:
        raise Failed(*faults, "nothing was applied")


async def _suspend(args: argparse.Namespace, settings: Settings) -> int:
    by, id_ = actor(args.by), args.room
    async with database(settings) as pool:
        with database_errors():
            catalogue, book = await catalogue_in(pool), await book_in(pool)
            if id_ not in state_of(catalogue, book).rooms:
                raise UsageError(
                    f"sadd queue {args.word}: there is no room {id_!r}; sadd queue list has them"
                )
            before = held(book, id_) or RoomSettings(id_)
            after = plain(msgspec.structs.replace(before, suspended=args.suspended), catalogue)
            shall = [*(room for room in book.rooms if room.id != id_), *([] if after is None else [after])]
            told = effects_of(settings, catalogue, book, shall)
            published = await _publish(pool, shall, by, args.note, book.version)
    return _print(published.version, told, as_json=args.json)


async def _rollback(args: argparse.Namespace, settings: Settings) -> int:
    by = actor(args.by)
    async with database(settings) as pool:
        with database_errors():
            catalogue, book = await catalogue_in(pool), await book_in(pool)
            try:
                published = await store.roll_back(pool, args.version, by, args.note, room=args.room)
            except (UnknownVersion, ValueError) as error:
                raise UsageError(f"sadd queue rollback: {error}") from None
            after = await book_in(pool, published.version)
    told = effects_of(settings, catalogue, book, after.rooms)
    return _print(published.version, told, as_json=args.json)


async def _publish(pool: Pool, rooms: Sequence[RoomSettings], by: str, note: str, expected: int) -> Published:
    try:
        return await store.publish(pool, rooms, by, note, expected=expected)
    except VersionMoved as moved:
        raise _stale(moved) from None
    except ValueError as error:
        raise UsageError(f"sadd queue: {error}") from None


def _print(version: int, told: Sequence[Effect], *, as_json: bool) -> int:
    if as_json:
        print_json({"version": version, "effects": msgspec.to_builtins(told)})
        return 0
    print_effects(told)
    if not told:
        print("nothing to change", file=sys.stderr)
    print(f"version {version}")
    return 0


def _stale(moved: VersionMoved) -> Failed:
    return Failed(f"sadd queue: {moved}; nothing was done: look at sadd queue diff, and try again")
