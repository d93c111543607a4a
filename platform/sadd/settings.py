"""Every setting of the platform: its name, default, unit and meaning. Read once at the edge.

The field ``settings.valkey.deadline_ms`` is ``SADD_VALKEY_DEADLINE_MS`` in the environment,
``--valkey-deadline-ms`` as a flag and ``deadline_ms`` under ``[valkey]`` in a TOML file. Flags win
over the environment, the environment over the file. This is the only module that reads
``os.environ``.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Server:
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 0  # 0 is one for each core
    max_body_bytes: int = 1_048_576
    max_header_bytes: int = 16_384
    first_byte_timeout_seconds: float = 10.0  # from connection to the end of the first header block
    idle_timeout_seconds: float = 75.0  # keep-alive
    drain_timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Data:
    dir: str = ".sadd"  # embedded stores, locks, the workers' counters


@dataclass(frozen=True, slots=True)
class Startup:
    timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Valkey:
    url: str = ""  # empty is embedded
    deadline_ms: int = 250
    max_in_flight: int = 20_000


@dataclass(frozen=True, slots=True)
class Database:
    url: str = ""  # empty is embedded
    pool_max: int = 4
    deadline_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Log:
    level: str = "info"
    format: str = "json"


@dataclass(frozen=True, slots=True)
class Catalogue:
    path: str = ""  # empty is the one that is shipped


@dataclass(frozen=True, slots=True)
class Settings:
    server: Server = field(default_factory=Server)
    data: Data = field(default_factory=Data)
    startup: Startup = field(default_factory=Startup)
    valkey: Valkey = field(default_factory=Valkey)
    database: Database = field(default_factory=Database)
    log: Log = field(default_factory=Log)
    catalogue: Catalogue = field(default_factory=Catalogue)
