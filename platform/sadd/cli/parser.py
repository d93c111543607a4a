"""argparse in our manners: one plain line for a mistake, no abbreviations, every setting a flag."""

import argparse
import difflib
from collections.abc import Sequence
from typing import Any, NoReturn

from sadd.cli.outcome import UsageError
from sadd.settings import EVERY_SETTING

Subparsers = "argparse._SubParsersAction[Parser]"
"""What a word's ``add(subparsers)`` is given."""


class Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        # With abbreviations, a flag that is added later changes what an old script means.
        options.setdefault("allow_abbrev", False)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message} ({self.prog} --help explains)")


def take_settings(argv: Sequence[str]) -> tuple[dict[str, str], str | None, list[str]]:
    """The settings among the words, by name; the ``--config`` file; all other words.

    Taken first, so that a setting may stand before or after the command's own words, and each
    word's parser need not know them.
    """
    parser = Parser(prog="sadd", add_help=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("--config")
    for setting in EVERY_SETTING:
        parser.add_argument(setting.flag, dest=setting.name)
    found, rest = parser.parse_known_args(argv)
    flags: dict[str, str] = vars(found)
    return flags, flags.pop("config", None), rest


def unknown(rest: Sequence[str]) -> UsageError:
    """The mistake of words that no parser took, with the setting that was meant where one is near."""
    word = rest[0].partition("=")[0]
    near = difflib.get_close_matches(word, [setting.flag for setting in EVERY_SETTING], n=1)
    hint = f"the nearest setting is {near[0]}" if near else "sadd --help explains"
    return UsageError(f"sadd: {word} is not understood here ({hint})")


def settings_help() -> str:
    """The flags of all settings, for the end of a help text."""
    width = max(len(setting.flag) for setting in EVERY_SETTING)
    lines = [
        f"  {setting.flag:{width}}  {setting.meaning} [{setting.accepted.shown(setting.default) or 'empty'}]"
        for setting in EVERY_SETTING
    ]
    return "\n".join(["settings, with their defaults:", *lines])
