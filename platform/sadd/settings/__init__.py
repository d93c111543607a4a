"""Every setting of the platform, and the one place where settings are read.

``Settings`` and its groups are plain frozen values that anybody may build (tests do);
``load`` makes them from flags, the environment and a TOML file.
"""

from sadd.settings.loader import Loaded, SettingsError, load
from sadd.settings.names import EVERY_SETTING, Setting, as_environment, environment_names
from sadd.settings.sources import Origin, process_environment
from sadd.settings.values import (
    Cache,
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
    Sessions,
    Settings,
    Shield,
    Startup,
    Valkey,
)

__all__ = [
    "EVERY_SETTING",
    "Cache",
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
    "Sessions",
    "Setting",
    "Settings",
    "SettingsError",
    "Shield",
    "Startup",
    "Valkey",
    "as_environment",
    "environment_names",
    "load",
    "process_environment",
]
