"""The workers' counters on disk: one file a slot, so that any worker can answer for all.

What is shown is first written. Hence nobody ever sees a counter fall: not when another worker
answers next, and not when the worker that answered is killed and starts again from its file.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import structlog

from sadd.telemetry.family import Labels, Sample, Samples

_log = structlog.get_logger("sadd.telemetry")


class Snapshot(msgspec.Struct, frozen=True):
    """All samples of one worker at one time. ``totals`` go on after a restart, ``gauges`` end with it."""

    written_at: float = 0.0
    """Seconds since the epoch: other processes, and other boots, read it."""
    totals: dict[str, list[tuple[Labels, Sample]]] = {}
    gauges: dict[str, list[tuple[Labels, Sample]]] = {}

    def samples(self, name: str, *, gauge: bool) -> Samples:
        return dict((self.gauges if gauge else self.totals).get(name, ()))


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Snapshot).decode


class Slots:
    """The folder with one file a worker slot."""

    def __init__(self, folder: Path, slot: int) -> None:
        self._folder = folder
        self._own = folder / f"{slot}.json"
        self._lock = threading.Lock()
        self._turn = 0

    def write(self, snapshot: Snapshot, turn: int) -> None:
        """Replace our file as a whole: a reader, or a kill, never meets half of it.

        Runs in any thread. A snapshot whose ``turn`` is past does not overwrite a later one.
        """
        with self._lock:
            if turn <= self._turn:
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = self._own.with_suffix(".new")
            fresh.write_bytes(_encode(snapshot))
            fresh.replace(self._own)
            self._turn = turn

    def own(self) -> Snapshot:
        """What the slot's last worker left, or nothing."""
        return _read(self._own) or Snapshot()

    def others(self) -> Iterator[Snapshot]:
        for path in sorted(self._folder.glob("*.json")):
            if path != self._own and (snapshot := _read(path)) is not None:
                yield snapshot


def _read(path: Path) -> Snapshot | None:
    try:
        return _decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors
        _log.warning("a worker's counters cannot be read", path=str(path), error=str(error))
        return None
