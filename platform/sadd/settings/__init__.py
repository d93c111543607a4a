"""Every setting of the platform, and the one place where settings are read.

``Settings`` and its groups are plain frozen values that anybody may build (tests do);
``load`` makes them from flags, the environment and a TOML file.
"""

from sadd.settings.loader import Loaded, SettingsError, load
from sadd.settings.names import EVERY_SETTING, Setting, as_environment, environment_names
from sadd.settings.sources import Origin, process_environment
from sadd.settings.values import (
    Catalogue,
    Data,
    Database,
    Envoy,
    Gate,
    Grpc,
    Identity,
    Log,
    Queues,
    Server,
    Settings,
    Startup,
    Valkey,
)

__all__ = [
    "EVERY_SETTING",
    "Catalogue",
    "Data",
    "Database",
    "Envoy",
    "Gate",
    "Grpc",
    "Identity",
    "Loaded",
    "Log",
    "Origin",
    "Queues",
    "Server",
    "Setting",
    "Settings",
    "SettingsError",
    "Startup",
    "Valkey",
    "as_environment",
    "environment_names",
    "load",
    "process_environment",
]
