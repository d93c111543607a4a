"""``sadd config show|check|docs``: what the settings are, where they come from, what there is to set."""

import argparse

from sadd.app.prepare import start_faults
from sadd.cli.outcome import UsageError
from sadd.cli.parser import Parser
from sadd.cli.table import print_json, print_table
from sadd.settings import EVERY_SETTING, Loaded, Settings
from sadd.settings.names import Setting
from sadd.settings.reference import markdown

DESCRIPTION = """\
Settings come from flags, the environment and a TOML file; the first that is given wins.
Secrets are masked wherever they are printed. Every setting is explained in docs/settings.md.
"""


def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    parser = subparsers.add_parser("config", description=DESCRIPTION)
    words = parser.add_subparsers(dest="config_word", metavar="WORD", required=True)

    show = words.add_parser("show", help="print every setting and where its value comes from")
    show.add_argument(
        "--json", action="store_true", help="one array, with default, meaning and what is accepted"
    )
    show.set_defaults(run=run_show)

    check = words.add_parser("check", help="name every fault in the settings; exit code 2 if there is one")
    check.set_defaults(run=run_check)

    docs = words.add_parser("docs", help="print docs/settings.md")
    docs.set_defaults(run=run_docs)


def run_show(args: argparse.Namespace, settings: Settings) -> int:
    loaded: Loaded = args.loaded
    if args.json:
        print_json([_described(setting, loaded) for setting in EVERY_SETTING])
        return 0
    print_table(
        ("setting", "value", "from"),
        [(s.name, _shown(s, settings) or "(empty)", str(loaded.origins[s.name])) for s in EVERY_SETTING],
    )
    return 0


def run_check(args: argparse.Namespace, settings: Settings) -> int:
    """Faults in a value have ended the command before it came here; these are in what a value names."""
    faults = [*map(str, start_faults(settings))]
    if faults:
        raise UsageError(*(f"sadd: {fault}" for fault in faults))
    loaded: Loaded = args.loaded
    given = sum(origin.kind != "default" for origin in loaded.origins.values())
    source = f", file {loaded.file}" if loaded.file else ""
    print(f"fine: {given} of {len(EVERY_SETTING)} settings given, the others at their default{source}")
    return 0


def run_docs(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 - every run has both
    print(markdown(), end="")
    return 0


def _shown(setting: Setting, settings: Settings) -> str:
    return setting.accepted.shown(setting.of(settings))


def _described(setting: Setting, loaded: Loaded) -> dict[str, object]:
    value = setting.of(loaded.settings)
    origin = loaded.origins[setting.name]
    return {
        "name": setting.name,
        "value": _shown(setting, loaded.settings) if isinstance(value, str) else value,
        "from": origin.kind,
        "place": origin.place,
        "default": setting.default,
        "meaning": setting.meaning,
        "accepted": setting.accepted.says,
        "environment": setting.variable,
        "flag": setting.flag,
    }
