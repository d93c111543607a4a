"""``sadd queue list``, ``show``, ``check``, ``diff``, ``history``: what there is, and what would be."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from sadd.catalogue.model import Catalogue
from sadd.cli.outcome import FAILED, UsageError
from sadd.cli.parser import Parser
from sadd.cli.queue_sources import (
    book_in,
    catalogue_in,
    catalogue_in_files,
    database_errors,
    read_files,
    rooms_of,
    statuses,
)
from sadd.cli.stores import database
from sadd.cli.table import print_json, print_table
from sadd.cli.versions import add_paths, counted
from sadd.rooms import store
from sadd.rooms.effect import Effect, differing, effects, shown
from sadd.rooms.reading import Reading
from sadd.rooms.spec import RoomSpec
from sadd.rooms.view import State, state_of
from sadd.rooms.written import RoomBook, RoomSettings
from sadd.settings import Settings

HISTORY_SHOWN = 20


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    listing = words.add_parser("list", help="print the rooms")
    listing.add_argument("--agency", help="only those of this agency")
    listing.add_argument("--set", action="store_true", help="only those that were set beside the catalogue")
    listing.add_argument("--json", action="store_true", help="one array, with all that holds")
    listing.set_defaults(run=lambda args, settings: asyncio.run(_list(args, settings)))

    show = words.add_parser("show", help="print all that holds for a room, and what of it was set")
    show.add_argument("room", metavar="ROOM")
    show.add_argument("--json", action="store_true", help="one object")
    show.set_defaults(run=lambda args, settings: asyncio.run(_show(args, settings)))

    check = words.add_parser("check", help="print every fault of the files as file:line: message")
    add_paths(check)
    check.add_argument("--database", action="store_true", help="judge by the catalogue of the database")
    check.add_argument("--json", action="store_true", help="one object: the number of rooms, and the faults")
    check.set_defaults(run=_check)

    diff = words.add_parser("diff", help="tell what apply would change, and whom it would touch")
    add_paths(diff)
    diff.add_argument("--all", action="store_true", help="as if the files were all rooms that are set")
    diff.add_argument("--json", action="store_true", help="one array of effects")
    diff.set_defaults(run=lambda args, settings: asyncio.run(_diff(args, settings)))

    history = words.add_parser("history", help="print the versions: when, who, why, which rooms")
    history.add_argument("room", metavar="ROOM", nargs="?", help="only those that changed this room")
    history.add_argument("--json", action="store_true", help="one array")
    history.set_defaults(run=lambda args, settings: asyncio.run(_history(args, settings)))


async def _state(settings: Settings) -> State:
    async with database(settings) as pool:
        with database_errors():
            return state_of(await catalogue_in(pool), await book_in(pool))


async def _list(args: argparse.Namespace, settings: Settings) -> int:
    state = await _state(settings)
    rooms = [
        spec
        for _, spec in sorted(state.rooms.items())
        if args.agency in (None, spec.agency) and (spec.written is not None or not args.set)
    ]
    if args.json:
        print_json([shown(spec) for spec in rooms])
        return 0
    print_table(("room", "agency", "method", "a minute", "inside", "services", ""), map(_row, rooms))
    print(f"{counted(len(rooms), 'room')}, version {state.book.version}", file=sys.stderr)
    return 0


def _row(spec: RoomSpec) -> tuple[str, ...]:
    room = spec.room
    marks = ["set"] * (spec.written is not None) + ["paused"] * room.suspended
    numbers = (f"{room.outflow_per_minute:,}", f"{room.active_cap:,}", f"{len(spec.services):,}")
    return (room.id, spec.agency, room.method, *numbers, ", ".join(marks))


async def _show(args: argparse.Namespace, settings: Settings) -> int:
    state = await _state(settings)
    spec = state.rooms.get(args.room)
    if spec is None:
        raise UsageError(f"sadd queue show: there is no room {args.room!r}; sadd queue list has them")
    written = msgspec.to_builtins(spec.written)
    if args.json:
        print_json({"holds": shown(spec), "set": written})
        return 0
    said = {} if written is None else written
    for name, value in shown(spec).items():
        print(f"{name}: {_text(value)}{'  (set)' if name in said and name != 'id' else ''}")
    return 0


def _check(args: argparse.Namespace, settings: Settings) -> int:
    by = asyncio.run(_stored_catalogue(settings)) if args.database else catalogue_in_files(settings)
    reading = read_files(args.paths, by)
    if args.json:
        count = None if reading.rooms is None else len(reading.rooms)
        print_json({"rooms": count, "faults": [asdict(fault) for fault in reading.faults]})
    else:
        for fault in reading.faults:
            print(fault)
        print(_verdict(reading), file=sys.stderr)
    return FAILED if reading.faults else 0


async def _stored_catalogue(settings: Settings) -> Catalogue:
    async with database(settings) as pool:
        with database_errors():
            return await catalogue_in(pool)


def _verdict(reading: Reading) -> str:
    if reading.rooms is None:
        return counted(len(reading.faults), "fault")
    return f"fine: {counted(len(reading.rooms), 'room')}"


async def _diff(args: argparse.Namespace, settings: Settings) -> int:
    async with database(settings) as pool:
        with database_errors():
            catalogue = await catalogue_in(pool)
            rooms = rooms_of(read_files(args.paths, catalogue), "nothing was compared")
            book = await book_in(pool)
    told = effects_of(settings, catalogue, book, wanted(book, rooms, everything=args.all))
    if args.json:
        print_json(msgspec.to_builtins(told))
    else:
        print_effects(told)
        print(f"{counted(len(told), 'room')} would differ, version {book.version}", file=sys.stderr)
    return FAILED if told else 0


def wanted(book: RoomBook, rooms: Sequence[RoomSettings], *, everything: bool) -> list[RoomSettings]:
    """The rooms that shall be set: those of the files, and all others as they are unless ``everything``."""
    named = {room.id for room in rooms}
    return [*(room for room in book.rooms if not everything and room.id not in named), *rooms]


def effects_of(
    settings: Settings, catalogue: Catalogue, book: RoomBook, rooms: Sequence[RoomSettings]
) -> list[Effect]:
    """What other settings would do, with the people of the platform that runs here."""
    before, after = state_of(catalogue, book), state_of(catalogue, RoomBook(book.version, tuple(rooms)))
    people = statuses(settings, [spec.id for spec in differing(before, after)])
    return effects(before, after, people)


def print_effects(told: Sequence[Effect]) -> None:
    signs = {"add": "new", "change": "changed", "remove": "gone"}
    for effect in told:
        people = "" if effect.waiting is None else f" ({effect.waiting:,} wait, {effect.active:,} inside)"
        print(f"{signs[effect.verb]} {effect.room}{people}")
        for field in effect.fields:
            print(f"  - {field.field}: {_text(field.before)}")
            print(f"  + {field.field}: {_text(field.after)}")
        for warning in effect.warnings:
            print(f"  ! {warning}")


async def _history(args: argparse.Namespace, settings: Settings) -> int:
    async with database(settings) as pool:
        with database_errors():
            editions = await store.history(pool, HISTORY_SHOWN, args.room)
    if args.json:
        print_json([{**asdict(one), "at": one.at.isoformat(timespec="seconds")} for one in editions])
        return 0
    rows = [
        (str(one.version), f"{one.at:%Y-%m-%d %H:%M}", one.actor, ", ".join(one.rooms), one.note)
        for one in editions
    ]
    print_table(("version", "at", "by", "rooms", "note"), rows)
    return 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
