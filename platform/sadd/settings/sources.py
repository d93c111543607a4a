"""Where settings are given: flags, the environment, a TOML file. The only reader of ``os.environ``.

Each source yields what it says about each setting, in its own spelling of the place, and the faults
that it found. Nothing is decided here: ``loader`` takes the strongest.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sadd.settings.names import (
    CONFIG_VARIABLE,
    ENVIRONMENT_PREFIX,
    EVERY_SETTING,
    Setting,
    environment_names,
    nearest,
)

DEFAULT_FILE = Path("sadd.toml")
"""Read when it exists in the current folder and no other file is named."""

_BY_VARIABLE = {setting.variable: setting for setting in EVERY_SETTING}
_BY_GROUP: dict[str, dict[str, Setting]] = {}
for _setting in EVERY_SETTING:
    _BY_GROUP.setdefault(_setting.group, {})[_setting.field] = _setting

# Kubernetes gives a pod these for every Service of its namespace; one named "sadd" collides with us.
_SERVICE_LINKS = ("SADD_SERVICE_", "SADD_PORT")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: the kind of source, and the place in it."""

    kind: Literal["flag", "environment", "file", "default"]
    place: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.place}".rstrip()


@dataclass(frozen=True, slots=True)
class Given:
    """One source's word on one setting. ``value`` is text, or what TOML made of it."""

    setting: Setting
    value: object
    origin: Origin


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a source that cannot stand, as one line for a person."""

    line: str


def process_environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def from_flags(flags: Mapping[str, str]) -> Iterator[Given | Fault]:
    """``flags`` is setting name to text; the command line has refused unknown ones already."""
    for setting in EVERY_SETTING:
        if setting.name in flags:
            yield Given(setting, flags[setting.name], Origin("flag", setting.flag))


def from_environment(environment: Mapping[str, str]) -> Iterator[Given | Fault]:
    for variable in sorted(environment):
        if setting := _BY_VARIABLE.get(variable):
            # A secret that was mounted from a file often ends in a newline.
            yield Given(setting, environment[variable].strip(), Origin("environment", variable))
        elif variable.startswith(ENVIRONMENT_PREFIX) and variable != CONFIG_VARIABLE:
            yield _unknown_variable(variable)


def _unknown_variable(variable: str) -> Fault:
    if variable.startswith(_SERVICE_LINKS):
        return Fault(
            f"{variable} is no setting: Kubernetes makes it for a Service named sadd;"
            " set enableServiceLinks: false in the pod"
        )
    return Fault(f"{variable} is no setting; the nearest is {nearest(variable, environment_names())}")


def config_file(flag: str | None, environment: Mapping[str, str]) -> tuple[Path, Origin] | None:
    """The TOML file to read and who named it; None is none."""
    if flag is not None:
        return Path(flag), Origin("flag", "--config")
    if named := environment.get(CONFIG_VARIABLE, "").strip():
        return Path(named), Origin("environment", CONFIG_VARIABLE)
    return (DEFAULT_FILE, Origin("default")) if DEFAULT_FILE.is_file() else None


def from_file(path: Path, named_by: Origin) -> Iterator[Given | Fault]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        yield Fault(f"{path}, named by {named_by}, cannot be read: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        yield Fault(f"{path} is not TOML: {error}")
    else:
        for group, table in tables.items():
            yield from _from_table(path, group, table)


def _from_table(path: Path, group: str, table: Any) -> Iterator[Given | Fault]:
    known = _BY_GROUP.get(group)
    if known is None or not isinstance(table, dict):
        yield Fault(
            f"{path} has {group!r} at its top, which is no table of settings; {_nearest_top(group, table)}"
        )
        return
    for key, value in table.items():
        if setting := known.get(key):
            yield Given(setting, value, Origin("file", f"{path} [{group}] {key}"))
        else:
            place = _nearest_key(group, key)
            yield Fault(f"{path} has {key!r} under [{group}], which is no setting; the nearest is {place}")


def _nearest_top(name: str, value: object) -> str:
    place = f"[{nearest(name, _BY_GROUP)}]" if isinstance(value, dict) else _nearest_key(name, name)
    return f"the nearest is {place}"


def _nearest_key(group: str, key: str) -> str:
    """The setting of that very name under another table, else the nearest of the same table."""
    namesake = next((setting for setting in EVERY_SETTING if setting.field == key), None)
    if namesake or group not in _BY_GROUP:
        setting = namesake or _by_field(nearest(key, [setting.field for setting in EVERY_SETTING]))
        return f"{setting.field} under [{setting.group}]"
    return nearest(key, _BY_GROUP[group])


def _by_field(field: str) -> Setting:
    return next(setting for setting in EVERY_SETTING if setting.field == field)
