"""Reads files of rooms, and finds every fault in them with its file and line.

A file is a list of rooms. A folder is all of its ``*.yaml``, those of its folders too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from sadd.catalogue import document, shape
from sadd.catalogue.fault import Fault, Finding
from sadd.catalogue.model import Catalogue
from sadd.rooms.findings import findings, together
from sadd.rooms.written import RoomSettings


@dataclass(frozen=True, slots=True)
class Reading:
    """What files say. ``rooms`` is None exactly if there are faults."""

    rooms: tuple[RoomSettings, ...] | None
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class _Block:
    """One room as it stands in a file."""

    file: str
    fitted: shape.Fitted

    def fault(self, finding: Finding) -> Fault:
        value = self.fitted.value
        return Fault(self.file, self.fitted.line(finding.path), f"{value.id if value else 'room'}: {finding}")


def read_rooms(paths: Sequence[Path], catalogue: Catalogue | None = None) -> Reading:
    """Reads and judges files and folders. FileNotFoundError: there is nothing at a path."""
    faults: list[Fault] = []
    blocks = [block for file in _files(paths) for block in _blocks(file, faults)]
    judge = partial(findings, catalogue=catalogue)
    for block in blocks:
        faults.extend(map(block.fault, (*block.fitted.findings, *block.fitted.broken(judge))))
    whole = {id(block.fitted.value): block for block in blocks if block.fitted.value is not None}
    rooms = [block.fitted.value for block in whole.values()]
    faults.extend(whole[id(room)].fault(finding) for room, finding in together(rooms))
    if faults:
        return Reading(None, tuple(sorted(set(faults))))
    return Reading(tuple(sorted(rooms, key=lambda room: room.id)), ())


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.suffix in (".yaml", ".yml"))
        elif path.exists():
            yield path
        else:
            raise FileNotFoundError(f"there is no file or folder {path}")


def _blocks(path: Path, faults: list[Fault]) -> Iterator[_Block]:
    shown = str(path)
    try:
        root = document.read(path, shown)
    except document.Unreadable as error:
        faults.append(error.fault)
        return
    if root is None:
        return
    if not isinstance(root, yaml.SequenceNode):
        faults.append(Fault(shown, root.start_mark.line + 1, "expected a list of rooms"))
        return
    for node in root.value:
        yield _Block(shown, shape.fit(node, RoomSettings))
