"""``sadd limits top``: who asks most, live. Of the platform on this machine, or of any by HTTP."""

import argparse
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser
from sadd.cli.stores import running
from sadd.cli.table import print_json
from sadd.limits import top
from sadd.limits.top import Busy, BusyKey
from sadd.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console, Group

Ask = Callable[[], Busy]

PERIOD_SECONDS = 1.0
ANSWER_SECONDS = 5.0
ROWS = 15

MEANING = """\
Shows the busiest policies and keys, once a second, until Ctrl-C. Without --url it looks at the platform that
runs on this data folder. With it, it asks that platform by HTTP, with an API key that has the scope
limits:admin: one of the catalogue's authority sees all, one of another agency its own.

Rates are of the last second. A key's number is what the workers saw of it: exact while its policy is quiet,
of a sample once that is busy. "7 to 20": it may have asked 13 times before it was watched.
"""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    one = words.add_parser("top", help="show who asks most, live", description=MEANING)
    one.add_argument("--url", help="a platform elsewhere: https://sadd.example")
    one.add_argument("--key-file", metavar="FILE", type=Path, help="the API key for --url, alone in a file")
    one.add_argument("--policy", help="only this policy: a service's id, or rule.<id>")
    one.add_argument("--once", action="store_true", help="print one picture and end")
    one.add_argument("--json", action="store_true", help="one object, once: totals since the workers began")
    one.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    ask = _asking(args, settings)
    if args.json:
        print_json(msgspec.to_builtins(_of(ask(), args.policy)))
        return 0
    from rich.console import Console

    console = Console(highlight=False)
    if args.once:
        console.print(picture(Busy(), _of(ask(), args.policy)))
        return 0
    _watch(console, ask, args.policy)
    return 0


def _watch(console: "Console", ask: Ask, policy: str | None) -> None:
    from rich.live import Live

    before = Busy()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            busy = _of(ask(), policy)
            live.update(picture(before, busy), refresh=True)
            before = busy
            time.sleep(PERIOD_SECONDS)


def picture(before: Busy, busy: Busy) -> "Group":
    """Two tables. The first picture, which has none before it, has no rates."""
    from rich.console import Group
    from rich.table import Table

    seconds = busy.at - before.at if before.at else 0.0
    policies = Table("policy", "a second", "refused a second", "refused", "near", title="policies")
    were = {one.policy: one for one in before.policies}
    for one in busy.policies[:ROWS]:
        was = were.get(one.policy)
        asked = one.allowed + one.refused
        asked_before = 0 if was is None else was.allowed + was.refused
        refused_before = 0 if was is None else was.refused
        policies.add_row(
            one.policy,
            _rate(asked - asked_before, seconds),
            _rate(one.refused - refused_before, seconds),
            _share(one.refused, asked),
            _share(one.near, asked),
        )
    keys = Table("key", "policy", "asked, about", "refused", title="keys")
    for key in busy.keys[:ROWS]:
        keys.add_row(key.key, key.policy, _about(key), _share(key.refused, key.asked))
    return Group(policies, keys)


def _about(key: BusyKey) -> str:
    return f"{key.asked:,} to {key.asked + key.error:,}" if key.error else f"{key.asked:,}"


def _rate(count: int, seconds: float) -> str:
    return f"{count / seconds:,.0f}" if seconds > 0 else ""


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else ""


def _of(busy: Busy, policy: str | None) -> Busy:
    if policy is None:
        return busy
    return Busy(
        busy.at,
        tuple(one for one in busy.policies if one.policy == policy),
        tuple(one for one in busy.keys if one.policy == policy),
    )


def _asking(args: argparse.Namespace, settings: Settings) -> Ask:
    if args.url is None:
        if running(settings) is None:
            told = f"no platform runs on {settings.data.dir}; --url asks one elsewhere"
            raise Failed(f"sadd limits top: {told}")
        folder = Path(settings.data.dir) / "run" / "top"
        return lambda: top.read(folder, time.time())
    if args.key_file is None:
        raise UsageError("sadd limits top: --url needs --key-file, a key with the scope limits:admin")
    try:
        key = args.key_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageError(f"sadd limits top: --key-file: {error}") from None
    return lambda: _fetch(args.url, key)


def _fetch(url: str, key: str) -> Busy:
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"sadd limits top: --url {url} is not one of http or https")
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        f"{url.rstrip('/')}/v1/limits/top", headers={"Authorization": f"Bearer {key}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read(), type=Busy)
    except urllib.error.HTTPError as refused:
        raise Failed(f"sadd limits top: {url} answers {refused.code}: {_title(refused)}") from None
    except (OSError, ValueError) as error:
        raise Failed(f"sadd limits top: {url}: {error}") from None


def _title(refused: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(refused.read()).get("title", ""))
    except (ValueError, AttributeError):
        return refused.reason
