"""``sadd queue verify-draw``: a draw checked by anybody, from its public documents alone."""

import argparse
import time
from pathlib import Path
from typing import Any

from queueing.draw.document import FILE_BYTES_MAX, Draw, NotADraw, Proof, Published, read
from queueing.draw.shuffle import place
from queueing.draw.verification import faults_against, faults_of_draw, faults_of_list, faults_of_proof
from sadd.cli.outcome import FAILED, UsageError
from sadd.cli.parser import Parser
from sadd.cli.table import print_json
from sadd.settings import Settings

DESCRIPTION = """\
Check a draw from its public documents alone. Nothing is asked of the platform or of anybody: the beacon's
signature is checked with the group's key that this program has in it.

FILE is one of
  the list     all entries with the document as its first line: the whole draw is checked
  a proof      one entry with its place: that place is checked
  the document by itself: beacon and seed are checked
"""
EPILOG = """\
where they come from (ROOM is the room's id; ?draw=N asks for an earlier draw than the last):
  curl -o draw.txt   $SADD/v1/queues/ROOM/draw/entries
  curl -o proof.json $SADD/v1/queues/ROOM/draw/proof?entry=ENTRY
  curl -o kept.json  $SADD/v1/queues/ROOM/draw

exit codes:
  0  confirmed
  1  doctored, or not drawn yet: one line says what
  2  not a file of a draw

examples:
  sadd queue verify-draw draw.txt
  sadd queue verify-draw draw.txt --entry 5f1c…      also say the place of an entry, or of an index
  sadd queue verify-draw draw.txt --kept kept.json   also that it is the draw of which this was kept
  sadd queue verify-draw proof.json
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    word = words.add_parser(
        "verify-draw",
        help="check a draw, or one place of it, from public data",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    word.add_argument("file", metavar="FILE", type=Path)
    word.add_argument(
        "--kept", metavar="FILE", type=Path, help="a document of the same draw, kept from before"
    )
    word.add_argument(
        "--entry", metavar="ENTRY", help="say the place of an entry (hex) or an index of the list"
    )
    word.add_argument("--json", action="store_true", help="one object: confirmed, faults, what was checked")
    word.set_defaults(run=_verify)


def _verify(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every run has both
    began_s = time.perf_counter()
    shown = _read(args.file)
    index = _index(args.entry, shown)
    faults = _faults(shown)
    if args.kept is not None:
        faults += faults_against(_draw(_read(args.kept)), _draw(shown))
    told = _told(shown, faults, index, time.perf_counter() - began_s)
    if args.json:
        print_json(told)
    elif faults:
        print(f"not confirmed: {'; '.join(faults)}")
    else:
        for line in _lines(shown, told):
            print(line)
    return FAILED if faults else 0


def _read(path: Path) -> Draw | Proof | Published:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise UsageError(f"sadd queue verify-draw: {path}: the file is longer than any draw's")
        return read(path.read_bytes())
    except OSError as error:
        raise UsageError(f"sadd queue verify-draw: {path}: {error.strerror}") from None
    except NotADraw as wrong:
        raise UsageError(f"sadd queue verify-draw: {path}: {wrong}") from None


def _draw(shown: Draw | Proof | Published) -> Draw:
    return shown if isinstance(shown, Draw) else shown.draw


def _faults(shown: Draw | Proof | Published) -> list[str]:
    if isinstance(shown, Published):
        return faults_of_list(shown)
    return faults_of_proof(shown) if isinstance(shown, Proof) else faults_of_draw(shown)


def _index(wanted: str | None, shown: Draw | Proof | Published) -> int | None:
    """The index that was asked for. UsageError: the list has no such entry, or there is no list."""
    if wanted is None:
        return shown.index if isinstance(shown, Proof) else None
    if not isinstance(shown, Published):
        raise UsageError("sadd queue verify-draw: --entry looks into a list; this file has none")
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 and int(wanted) < len(shown.entries):
        return int(wanted)
    try:
        return shown.entries.index(bytes.fromhex(wanted))
    except ValueError:
        raise UsageError(f"sadd queue verify-draw: the list has no entry {wanted[:80]}") from None


def _told(
    shown: Draw | Proof | Published, faults: list[str], index: int | None, seconds: float
) -> dict[str, Any]:
    draw = _draw(shown)
    told: dict[str, Any] = {
        "confirmed": not faults,
        "faults": faults,
        "checked": {Published: "list", Proof: "proof", Draw: "document"}[type(shown)],
        "room": draw.room,
        "draw": draw.draw,
        "count": draw.count,
        "seconds": round(seconds, 4),
    }
    if index is not None and not faults:
        at = place(bytes.fromhex(draw.seed), index, draw.count)
        told |= {"index": index, "place": at, "number": draw.number(at)}
    return told


def _lines(shown: Draw | Proof | Published, told: dict[str, Any]) -> list[str]:
    draw = _draw(shown)
    what = {
        "list": f"all {draw.count:,} entries, their root, the beacon and the seed belong together",
        "proof": f"entry {told.get('index')} is one of the {draw.count:,} that were frozen",
        "document": "the beacon is what was named before the freeze, and gives the seed",
    }
    lines = [f"confirmed: {draw.room}, draw {draw.draw}: {what[told['checked']]}"]
    if "number" in told:
        lines.append(
            f"entry {told['index']}: place {told['place'] + 1:,} of the draw, number {told['number']:,}"
        )
    if draw.beacon.kind == "statement":
        lines.append(f"compare for yourself: {draw.beacon.source}: {draw.beacon.text}")
    return lines
