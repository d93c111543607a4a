"""``sadd limits import-envoy``: what an envoyproxy/ratelimit configuration means, or what is wrong there."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sadd.cli import envoy_replay
from sadd.cli.outcome import FAILED
from sadd.cli.parser import Parser
from sadd.cli.table import print_json, print_table
from sadd.envoy.config import ConfigError, read
from sadd.envoy.rules import Config, Node, Rule
from sadd.settings import Settings

IMPORT = """\
Reads an envoyproxy/ratelimit configuration (a file, or a folder of them) and prints what would be served, or
every fault in it, in that service's words. Nothing is stored: the files are served as they are, and followed,
by sadd up --envoy-config-path PATH.
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    into = words.add_parser(
        "import-envoy", help="print what an envoyproxy/ratelimit configuration means", description=IMPORT
    )
    into.add_argument("path", metavar="PATH", type=Path, help="file, or folder of files")
    into.add_argument("--json", action="store_true", help="one object with the rules, faults and notices")
    into.set_defaults(run=_import)

    envoy_replay.add(words)


@dataclass(frozen=True, slots=True)
class _Line:
    """An entry that decides something, as people read it."""

    rule: str
    limit: str
    switches: str


def _import(args: argparse.Namespace, settings: Settings) -> int:
    faults: Sequence[str] = ()
    config = Config()
    try:
        config = read(args.path, merge_domains=settings.envoy.merge_domains)
    except ConfigError as error:
        faults = error.faults
    lines = [line for domain, top in config.domains.items() for line in _lines(top, domain)]
    if args.json:
        told = {"rules": [asdict(line) for line in lines], "faults": faults, "notices": config.notices}
        print_json(told)
        return FAILED if faults else 0
    for fault in faults:
        print(fault)
    if not faults:
        print_table(["RULE", "LIMIT", "SWITCHES"], [(one.rule, one.limit, one.switches) for one in lines])
    for notice in config.notices:
        print(f"notice: {notice}", file=sys.stderr)
    print(_verdict(config, lines, faults), file=sys.stderr)
    return FAILED if faults else 0


def _lines(node: Node, key: str) -> Iterator[_Line]:
    if node.rule is not None:
        yield _Line(key, _limit(node.rule), ", ".join(_switches(node, node.rule)))
    elif not node.children and node.joined:
        yield _Line(key, "none: lets all pass", "")
    for joined, child in node.children.items():
        yield from _lines(child, f"{key}.{joined}")


def _limit(rule: Rule) -> str:
    if rule.unit is None:
        return "unlimited"
    banned = " (a ban)" if rule.requests_per_unit == 0 else ""
    return f"{rule.requests_per_unit:,} a {rule.unit.lower()}{banned}"


def _switches(node: Node, rule: Rule) -> Iterator[str]:
    names = {
        "shadow_mode": rule.shadow_mode,
        "quota_mode": rule.quota_mode,
        "share_threshold": node.share_threshold,
        "detailed_metric": rule.detailed_metric,
        "value_to_metric": node.value_to_metric,
        "metadata": node.metadata is not None,
    }
    yield from (name for name, on in names.items() if on)
    if rule.name:
        yield f"name {rule.name}"
    yield from (f"replaces {name}" for name in sorted(rule.replaces))


def _verdict(config: Config, lines: Sequence[_Line], faults: Sequence[str]) -> str:
    if faults:
        return _counted(len(faults), "fault")
    return f"fine: {_counted(len(config.domains), 'domain')}, {_counted(len(lines), 'entry', 'entries')}"


def _counted(count: int, thing: str, things: str = "") -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {things or thing + 's'}"
