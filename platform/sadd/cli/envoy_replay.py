"""``sadd limits replay``: the decisions that a new envoyproxy/ratelimit configuration changes."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sadd.cli.outcome import FAILED, Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.table import print_json
from sadd.envoy.config import ConfigError, read
from sadd.envoy.plan import Modes
from sadd.envoy.replay import BadLine, Played, replay, verdict
from sadd.envoy.request import Descriptor, Status
from sadd.envoy.rules import Config
from sadd.settings import Settings

REPLAY = """\
Plays a log of requests under two configurations and lists those that are decided otherwise by the new one.
The clock is the log's, and counters are kept in this process.

Each line of LOG is one JSON object: a RateLimitRequest with its time (seconds since 1970, or a text such as
2026-11-24T10:00:00Z). - is standard input.

  {"time": 1763978400, "domain": "messaging",
   "descriptors": [{"entries": [{"key": "to_number", "value": "2061111111"}]}], "hitsAddend": 1}

(in one line). Modes that hold for all domains are those of the settings: --envoy-counting independent
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    again = words.add_parser(
        "replay", help="list the decisions that a new such configuration changes", description=REPLAY
    )
    again.add_argument("log", metavar="LOG", help="file of requests, one JSON object a line; - is stdin")
    again.add_argument("--old", metavar="A", type=Path, required=True, help="configuration as it is")
    again.add_argument("--new", metavar="B", type=Path, required=True, help="configuration as it would be")
    again.add_argument("--json", action="store_true", help="one array of the changes")
    again.set_defaults(run=_replay)


@dataclass(frozen=True, slots=True)
class _Change:
    line: int
    time: str
    domain: str
    old: str
    new: str
    because: str


def _replay(args: argparse.Namespace, settings: Settings) -> int:
    modes = Modes.of(settings.envoy)
    old, new = (_config(path, settings) for path in (args.old, args.new))
    changes: list[_Change] = []
    requests = 0
    try:
        for played in replay(_log(args.log), old, new, modes):
            requests += 1
            if played.changed:
                changes.append(_change(played))
                if not args.json:
                    _print_change(changes[-1])
    except BadLine as error:
        raise UsageError(f"sadd limits replay: {args.log}: {error}") from None
    if args.json:
        print_json([asdict(change) for change in changes])
    summary = f"{_counted(requests, 'request')}, {_counted(len(changes), 'decision')} changed"
    print(f"{summary}{_balance(changes)}", file=sys.stderr)
    return FAILED if changes else 0


def _config(path: Path, settings: Settings) -> Config:
    try:
        return read(path, merge_domains=settings.envoy.merge_domains)
    except ConfigError as error:
        raise Failed(*error.faults) from None


def _log(name: str) -> Iterator[str]:
    if name == "-":
        yield from sys.stdin
        return
    try:
        with Path(name).open(encoding="utf-8", errors="replace") as lines:
            yield from lines
    except OSError as error:
        raise UsageError(f"sadd limits replay: {name}: {error.strerror}") from None


def _change(played: Played) -> _Change:
    time = datetime.fromtimestamp(played.time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
    return _Change(
        played.line,
        time,
        played.asked.domain,
        verdict(played.old),
        verdict(played.new),
        "; ".join(_reasons(played)),
    )


def _reasons(played: Played) -> Iterator[str]:
    """The descriptors that were met otherwise, and by which limit."""
    if isinstance(played.old, str) or isinstance(played.new, str):
        return
    pairs = zip(played.asked.descriptors, played.old.statuses, played.new.statuses, strict=True)
    for descriptor, old, new in pairs:
        if old.code is not new.code:
            yield f"{_named(descriptor)} {_met(old)} -> {_met(new)}"


def _named(descriptor: Descriptor) -> str:
    return ",".join(f"{key}={value}" for key, value in descriptor.entries)


def _met(status: Status) -> str:
    limit = status.current_limit
    if limit is None:
        return "no limit"
    return f"{limit.requests_per_unit:,} a {limit.unit.lower()}"


def _print_change(change: _Change) -> None:
    because = f": {change.because}" if change.because else ""
    print(f"line {change.line} {change.time} {change.domain} {change.old} -> {change.new}{because}")


def _balance(changes: Sequence[_Change]) -> str:
    if not changes:
        return ""
    refused = sum(1 for change in changes if change.new == "OVER_LIMIT")
    passed = sum(1 for change in changes if change.new == "OK")
    return f" ({refused:,} refused now, {passed:,} passing now)"


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
