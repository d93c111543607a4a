"""``sadd cache warm``: ask the caching proxy for pages before the crowd does."""

import argparse
import http.client
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sadd.cli.cache_sources import GROUP, is_url
from sadd.cli.outcome import FAILED, UsageError
from sadd.cli.parser import Parser
from sadd.cli.table import print_json, print_table
from sadd.settings import Settings

ANSWER_SECONDS = 60.0
AT_ONCE, AT_ONCE_MAX = 4, 64

MEANING = """\
Gets each page once through the caching proxy, so that the first of the crowd finds it there. Every origin is
asked for at most as much at once as the catalogue allows it.
"""


@dataclass(frozen=True, slots=True)
class Warmed:
    """What became of one page. ``status`` is 0 where nothing answered."""

    url: str
    status: int
    told: str
    """``Cache-Status``, or what went wrong."""


def add(words: "argparse._SubParsersAction[Parser]") -> None:
    one = words.add_parser("warm", help="fetch pages into the caching proxy", description=MEANING)
    one.add_argument("urls", metavar="URL", nargs="*", help="a page, as visitors ask for it")
    one.add_argument("--file", metavar="FILE", type=Path, help="a file with one URL a line")
    one.add_argument("--at", metavar="HOST:PORT", help="the proxy; else that of these settings")
    one.add_argument("--at-once", type=int, default=AT_ONCE, help=f"pages at once [{AT_ONCE}]")
    one.add_argument("--json", action="store_true", help="one array")
    one.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    urls = [*args.urls, *(_in_file(args.file) if args.file else ())]
    if not urls:
        raise UsageError(f"{GROUP} warm: say which pages: URLs, or --file")
    if wrong := next((url for url in urls if not is_url(url)), None):
        raise UsageError(f"{GROUP} warm: {wrong} is no URL of http or https")
    if not 1 <= args.at_once <= AT_ONCE_MAX:
        raise UsageError(f"{GROUP} warm: --at-once is 1 to {AT_ONCE_MAX}")
    at = proxy_at(args.at, settings)
    with ThreadPoolExecutor(args.at_once) as pool:
        warmed = list(pool.map(lambda url: warm(url, at), urls))
    if args.json:
        print_json([asdict(one) for one in warmed])
    else:
        print_table(("status", "page", "told"), [(str(one.status), one.url, one.told) for one in warmed])
        counts = Counter(one.status for one in warmed)
        print(", ".join(f"{status}: {count}" for status, count in sorted(counts.items())), file=sys.stderr)
    return 0 if all(200 <= one.status < 400 for one in warmed) else FAILED


def _in_file(path: Path) -> Iterator[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{GROUP} warm: --file: {error}") from None
    return (line.strip() for line in lines if line.strip() and not line.startswith("#"))


def proxy_at(told: str | None, settings: Settings) -> tuple[str, int]:
    """Host and port of the caching proxy. UsageError: there is none."""
    if told is None:
        if not settings.shield.port:
            raise UsageError(f"{GROUP}: there is no caching proxy (SADD_SHIELD_PORT); say --at")
        return settings.shield.host, settings.shield.port
    host, colon, port = told.rpartition(":")
    if not (colon and host and port.isdigit() and int(port) < 65_536):
        raise UsageError(f"{GROUP}: --at is HOST:PORT, not {told}")
    return host.strip("[]"), int(port)


def warm(url: str, at: tuple[str, int], fields: Sequence[str] = ()) -> Warmed:
    """Get one page through the proxy, under the host of its URL."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = {name.strip(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
    headers = {"Host": parts.netloc, "X-Forwarded-Proto": parts.scheme, **named}
    connection = http.client.HTTPConnection(*at, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return Warmed(url, answer.status, answer.getheader("Cache-Status") or "")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Warmed(url, 0, str(error) or type(error).__name__)
    finally:
        connection.close()
