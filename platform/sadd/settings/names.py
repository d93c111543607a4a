"""The settings by name: one record for each field of each group, with its spelling everywhere."""

import dataclasses
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from sadd.settings.accepted import Accepted, Value
from sadd.settings.values import Settings

ENVIRONMENT_PREFIX = "SADD_"
CONFIG_VARIABLE = "SADD_CONFIG"
"""Names the TOML file. It says where settings are, so it is not one itself."""


@dataclass(frozen=True, slots=True)
class Setting:
    group: str
    field: str
    default: Value
    accepted: Accepted
    meaning: str

    @property
    def name(self) -> str:
        return f"{self.group}.{self.field}"

    @property
    def variable(self) -> str:
        return f"{ENVIRONMENT_PREFIX}{self.group}_{self.field}".upper()

    @property
    def flag(self) -> str:
        return f"--{self.group}-{self.field}".replace("_", "-")

    def of(self, settings: Settings) -> Value:
        return cast("Value", getattr(getattr(settings, self.group), self.field))


def _every_setting() -> Iterator[Setting]:
    for group in dataclasses.fields(Settings):
        for field in dataclasses.fields(cast("Any", group.default_factory)):
            about = field.metadata
            default = cast("Value", field.default)
            yield Setting(group.name, field.name, default, about["accepted"], about["meaning"])


EVERY_SETTING = tuple(_every_setting())


def environment_names() -> tuple[str, ...]:
    """Every ``SADD_`` name that the platform reads, sorted."""
    return tuple(sorted([CONFIG_VARIABLE, *(setting.variable for setting in EVERY_SETTING)]))


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings that differ from their default, as variables: loading them gives equal settings."""
    return {
        setting.variable: str(value).lower() if isinstance(value, bool) else str(value)
        for setting in EVERY_SETTING
        if (value := setting.of(settings)) != setting.default
    }


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that looks most like ``name``, however little that is."""
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]
