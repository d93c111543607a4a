"""Settings from their sources: flags over the environment, the environment over the file, the file over
the default. Read once, at the edge; everybody else is handed the values.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sadd.settings.accepted import Value
from sadd.settings.names import EVERY_SETTING
from sadd.settings.sources import Fault, Given, Origin, config_file, from_environment, from_file, from_flags
from sadd.settings.values import Settings


class SettingsError(Exception):
    """The sources hold something that cannot stand. ``lines`` has one line for each fault."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where each came from (by name: ``valkey.url``)."""

    settings: Settings = field(default_factory=Settings)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    file: Path | None = None


def load(
    flags: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    config: str | None = None,
) -> Loaded:
    """The settings of a process. Raises SettingsError with every fault of every source.

    ``flags`` is setting name to text, ``config`` the value of ``--config``. A value that is overruled
    by a stronger source is checked all the same: it would bite on the day the stronger one goes.
    """
    environment = environment or {}
    named = config_file(config, environment)
    words = [
        *(from_file(*named) if named else ()),
        *from_environment(environment),
        *from_flags(flags or {}),
    ]
    faults = [word.line for word in words if isinstance(word, Fault)]
    values, origins = _strongest((word for word in words if isinstance(word, Given)), faults)
    if faults:
        raise SettingsError(faults)
    return Loaded(_settings(values), origins, named[0] if named else None)


def _strongest(words: Iterable[Given], faults: list[str]) -> tuple[dict[str, Value], dict[str, Origin]]:
    """The last word on each setting: ``words`` come weakest first. Adds to ``faults``."""
    values: dict[str, Value] = {}
    origins = {setting.name: Origin("default") for setting in EVERY_SETTING}
    for given in words:
        try:
            values[given.setting.name] = _value(given)
        except ValueError:
            faults.append(_refusal(given))
        else:
            origins[given.setting.name] = given.origin
    return values, origins


def _value(given: Given) -> Value:
    accepted = given.setting.accepted
    if given.origin.kind == "file":
        return accepted.check(given.value)
    return accepted.read(str(given.value))


def _refusal(given: Given) -> str:
    accepted = given.setting.accepted
    shown = accepted.shown(given.value)
    spelled = repr(shown) if isinstance(given.value, str) else shown
    return (
        f"{given.setting.name} = {spelled} (from {given.origin}) is not accepted: it must be {accepted.says}"
    )


def _settings(values: Mapping[str, Value]) -> Settings:
    groups: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        group, _, key = name.partition(".")
        groups.setdefault(group, {})[key] = value
    defaults = Settings()
    changed = {group: dataclasses.replace(getattr(defaults, group), **keys) for group, keys in groups.items()}
    return dataclasses.replace(defaults, **changed)
