"""A draw as a row of the database, and back."""

import calendar
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from queueing.draw.document import Beacon, Draw, Stage
from queueing.draw.entry import ENTRY_BYTES
from queueing.draw.store import Kept


def kept_of(row: Mapping[str, Any]) -> Kept:
    draw = Draw(
        room=row["room"],
        draw=row["serial"],
        stage=_stage(row),
        closes_at_ms=ms_of(row["closes_at"]),
        beacon=_beacon(row),
        count=row["count"],
        frozen_at_ms=ms_of(row["frozen_at"]) if row["frozen_at"] else 0,
        root=(row["root"] or b"").hex(),
        base=row["base"] or 0,
        seed=(row["seed"] or b"").hex(),
    )
    return Kept(row["id"], draw, row["life"] or 0)


def columns(beacon: Beacon) -> tuple[int, str, str, int, str]:
    return beacon.at_ms, beacon.kind, beacon.chain, beacon.round, beacon.source


def value_of(beacon: Beacon) -> bytes:
    return bytes.fromhex(beacon.signature) if beacon.kind == "drand" else beacon.text.encode()


def ms_of(moment: datetime) -> int:
    """Whole milliseconds since the epoch, without the rounding of a float."""
    return calendar.timegm(moment.utctimetuple()) * 1000 + moment.microsecond // 1000


def cut(nodes: bytes) -> list[bytes]:
    return [nodes[at : at + ENTRY_BYTES] for at in range(0, len(nodes), ENTRY_BYTES)]


def _stage(row: Mapping[str, Any]) -> Stage:
    if row["drawn_at"] is not None:
        return "drawn"
    if row["frozen_at"] is not None:
        return "frozen"
    return "closed" if row["closed"] else "gathering"


def _beacon(row: Mapping[str, Any]) -> Beacon:
    kind, value = row["beacon_kind"], row["beacon_value"] or b""
    return Beacon(
        kind=kind,
        at_ms=ms_of(row["beacon_at"]),
        chain=row["beacon_chain"],
        round=row["beacon_round"],
        signature=value.hex() if kind == "drand" else "",
        source=row["beacon_source"],
        text=value.decode() if kind == "statement" else "",
    )
