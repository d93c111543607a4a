"""The ``sadd`` command: finds the word, reads the settings, runs, and turns every ending into an exit code.

Only the module of the word that was typed is imported: ``sadd --help`` takes milliseconds, and a
missing optional dependency troubles only the word that needs it.
"""

import importlib
import io
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, NoReturn

from sadd.cli.outcome import FAILED, INTERRUPTED, PIPE_CLOSED, USAGE, CommandError, UsageError
from sadd.cli.parser import Parser, take_settings, unknown
from sadd.settings import SettingsError, load, process_environment
from sadd.settings.names import nearest
from sadd.version import __version__

# Word to the line that explains it. The module of the same name has ``add(subparsers)``, which makes the
# word's parser and gives it (or each of its own words) ``run(args, settings) -> int`` as a default.
WORDS = {
    "up": "start the platform: stores, migrations, catalogue, HTTP workers",
    "migrate": "bring the database's schema up to date, and load the catalogue into an empty one",
    "demo": "play a results morning twice, without and with the platform",
    "catalogue": "check, import, export, list or search the catalogue of services",
    "cache": "show what is kept, explain a miss, purge or warm pages",
    "limits": "check, apply, explain or roll back the rules of rate limits, and watch them",
    "queue": "list, set, pause or watch the waiting rooms",
    "sessions": "list the sessions of a subject, end some, follow who was signed out",
    "keys": "create, list or revoke the API keys of agencies",
    "config": "show or check the settings and where each comes from",
    "loadtest": "list or run the load scenarios",
    "bench": "measure a part against its goals",
    "faults": "break things for real, and prove what must never happen",
}

_EXTRAS = {"locust": "load", "matplotlib": "load"}
_OURS = frozenset({"sadd", "ratelimit", "cache", "queueing", "loadtests", "benchmarks"})

_DESCRIPTION = "\n".join(
    [
        "Shared services that absorb the surge: rate limiting, caching, virtual queueing, sessions.\n",
        "words (sadd WORD --help explains each):",
        *(f"  {word:10} {meaning}" for word, meaning in WORDS.items()),
    ]
)
_EPILOG = """\
examples:
  sadd up                                    all of it on this machine, stores embedded
  sadd up --server-port 9090 --log-format console
  sadd catalogue search "تجديد جواز"          find a service in Arabic or English
  sadd keys create --agency moi --scope limits:check cache:read
  sadd config show                           every setting, and where its value comes from

settings:
  Every setting is a flag (--valkey-url), a variable (SADD_VALKEY_URL) and a key of a TOML file
  (url under [valkey]); the first that is given wins. The file is --config FILE, else SADD_CONFIG,
  else ./sadd.toml if there is one. sadd up --help lists all flags.

exit codes:
  0  fine
  1  the thing asked about failed
  2  bad usage or configuration
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Never raises, save for a defect of ours."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Arabic on a terminal that knows none is shown by number, which beats no answer at all.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()  # here, where a closed pipe can still be answered
    except CommandError as error:
        return _say(error.lines, error.exit_code)
    except SettingsError as error:
        return _say([f"sadd: {line}" for line in error.lines], USAGE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except OSError as error:
        return _say([f"sadd: {str(error) or type(error).__name__}"], FAILED)
    return code


def _run(argv: Sequence[str]) -> int:
    flags, config, rest = take_settings(argv)
    try:
        args, extra = _parser(rest).parse_known_args(rest)
    except SystemExit as end:  # --help, --version
        return int(end.code or 0)
    _leave_extra(args, extra)
    run = getattr(args, "run", None)
    if run is None:
        raise UsageError(f"sadd: say what to do: {', '.join(WORDS)} (sadd --help explains)")
    args.loaded = load(flags, process_environment(), config)
    try:
        return int(run(args, args.loaded.settings))
    except ModuleNotFoundError as error:
        _missing(args.word, error)


def _parser(rest: Sequence[str]) -> Parser:
    """The parser of the word that ``rest`` begins with; without one, a parser that only explains."""
    parser = Parser(prog="sadd", usage="sadd WORD ... [settings]", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"sadd {__version__}")
    if not rest or rest[0].startswith("-"):
        return parser
    word = rest[0]
    if word not in WORDS:
        raise UsageError(f"sadd: {word!r} is no word of sadd; the nearest is {nearest(word, WORDS)}")
    _module(word).add(parser.add_subparsers(dest="word", parser_class=Parser, prog="sadd"))
    return parser


def _module(word: str) -> Any:
    try:
        return importlib.import_module(f"sadd.cli.{word}")
    except ModuleNotFoundError as error:
        _missing(word, error)


def _missing(word: str, error: ModuleNotFoundError) -> NoReturn:
    """A package that the word needs is not installed. A module of our own that is missing is a defect."""
    package = (error.name or "").partition(".")[0]
    if not package or package in _OURS:
        raise error
    wanted = f"'sadd[{_EXTRAS[package]}]'" if package in _EXTRAS else package
    raise UsageError(f"sadd: {word} needs {package}, which is not installed: pip install {wanted}") from None


def _leave_extra(args: Namespace, extra: list[str]) -> None:
    """Words that no parser took are a mistake, unless the command said that it passes them on."""
    if getattr(args, "passes_on", False):
        args.extra = extra
    elif extra:
        raise unknown(extra)


def _say(lines: Sequence[str], code: int) -> int:
    for line in lines:
        print(line, file=sys.stderr)
    return code


def _closed_pipe() -> int:
    """The reader of our output has gone (``| head``): that is its right, and no error worth a word."""
    # Python flushes stdout once more at exit, which would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
