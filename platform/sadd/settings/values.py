"""Every setting of the platform: its name, default, unit, meaning, and what it accepts.

The field ``settings.valkey.deadline_ms`` is ``SADD_VALKEY_DEADLINE_MS`` in the environment,
``--valkey-deadline-ms`` as a flag and ``deadline_ms`` under ``[valkey]`` in a TOML file. To add a
setting, add its line here; ``sadd config show``, the flags, and docs/settings.md follow.
"""

from dataclasses import dataclass, field
from typing import TypeVar

from sadd.settings.accepted import Accepted, Choice, Number, Ranges, Switch, Text, Url, Value, Whole, parts

V = TypeVar("V", bound=Value)


def _setting(default: V, accepted: Accepted, meaning: str) -> V:
    """A dataclass field with its meaning beside it.

    Annotated as its default, as ``dataclasses.field`` itself is, so that the groups below type-check.
    """
    about = {"accepted": accepted, "meaning": meaning}
    value: V = field(default=default, metadata=about)
    return value


_SECONDS = Number(0.1, 86_400)


@dataclass(frozen=True, slots=True)
class Server:
    host: str = _setting(
        "127.0.0.1", Text("an address or host name"), "Address that the HTTP server listens on."
    )
    port: int = _setting(8080, Whole(0, 65_535), "Port of the HTTP server; 0 lets the system choose one.")
    workers: int = _setting(0, Whole(0, 1024), "Worker processes; 0 is one for each core.")
    max_body_bytes: int = _setting(1_048_576, Whole(1024, 1_073_741_824), "Largest request body.")
    max_header_bytes: int = _setting(16_384, Whole(1024, 1_048_576), "Largest header block of a request.")
    first_byte_timeout_seconds: float = _setting(
        10.0, _SECONDS, "Time from the connection to the end of its first header block."
    )
    idle_timeout_seconds: float = _setting(75.0, _SECONDS, "Time that a kept-alive connection may be idle.")
    drain_timeout_seconds: float = _setting(
        30.0, _SECONDS, "Time that requests in flight have to finish after SIGTERM."
    )
    fast_lane: bool = _setting(
        True, Switch(), "Answer checks and other decisions by a short way of our own; off: all by aiohttp."
    )


@dataclass(frozen=True, slots=True)
class Data:
    dir: str = _setting(
        ".sadd", Text("a path"), "Folder of the embedded stores, their locks and the workers' counters."
    )


@dataclass(frozen=True, slots=True)
class Startup:
    timeout_seconds: float = _setting(
        60.0, _SECONDS, "Time that start-up waits for a store that is away before it exits with 1."
    )


@dataclass(frozen=True, slots=True)
class Valkey:
    url: str = _setting(
        "",
        Url(("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")),
        "Valkey or Redis of version 7 or later (single, Sentinel or Cluster); empty is embedded.",
    )
    deadline_ms: int = _setting(250, Whole(1, 60_000), "Time that one call to the store may take.")
    max_in_flight: int = _setting(
        20_000,
        Whole(1, 1_000_000),
        "Calls of one worker that may wait for the store at once; more are refused.",
    )


@dataclass(frozen=True, slots=True)
class Database:
    url: str = _setting(
        "", Url(("postgresql", "postgres")), "PostgreSQL of version 14 or later; empty is embedded."
    )
    pool_max: int = _setting(4, Whole(1, 1000), "Connections of one worker to PostgreSQL, at most.")
    deadline_seconds: float = _setting(5.0, _SECONDS, "Time that one statement may take.")


@dataclass(frozen=True, slots=True)
class Log:
    level: str = _setting(
        "info", Choice(("debug", "info", "warning", "error")), "Least severe level that is logged."
    )
    format: str = _setting(
        "auto",
        Choice(("auto", "json", "console")),
        "One JSON object a line, lines for people, or (auto) whichever fits a terminal or a file.",
    )


@dataclass(frozen=True, slots=True)
class Catalogue:
    path: str = _setting(
        "",
        Text("a path", or_empty=True),
        "Folder of the catalogue's data files; empty is the one that is shipped.",
    )
    authority: str = _setting(
        "digital-gov", Text("an agency's id"), "Agency whose keys may write every agency's services."
    )


@dataclass(frozen=True, slots=True)
class Identity:
    last_used_interval_seconds: float = _setting(
        30.0, Number(1, 3600), "Time between two writings of when each API key was last used."
    )


_FIELD = Text("the name of a header field", or_empty=True)


@dataclass(frozen=True, slots=True)
class Gate:
    trusted_proxies: str = _setting(
        "127.0.0.0/8, ::1/128",
        Ranges(),
        "Addresses of our own proxies: only they may ask the gate, and only their word is taken.",
    )
    client_ip_header: str = _setting(
        "X-Forwarded-For",
        Text("the name of a header field"),
        "Field in which a proxy tells the visitor's address; of a list, the last that is none of ours.",
    )
    subject_header: str = _setting(
        "",
        _FIELD,
        "Field in which a proxy that signs citizens in names the citizen; empty: only sessions do.",
    )
    app_header: str = _setting("", _FIELD, "Field in which a proxy names the calling app; empty: none does.")
    spoe_port: int = _setting(
        0,
        Whole(0, 65_535),
        "Port of the agent for HAProxy's stream processing (SPOE), beside the HTTP server's; 0 is none.",
    )
    outcomes_port: int = _setting(
        0,
        Whole(0, 65_535),
        "Port for datagrams in which proxies tell how origins answer (docs/gate.md); 0 is none.",
    )
    rooms_url: str = _setting(
        "",
        Url(("https", "http")),
        "Where visitors reach the waiting rooms' pages; empty: at the service's own host, whose proxy passes "
        "/queue/ and /v1/queues/ on.",
    )

    @property
    def ranges(self) -> tuple[str, ...]:
        """The ranges of the trusted proxies, one by one."""
        return parts(self.trusted_proxies)


@dataclass(frozen=True, slots=True)
class Queues:
    events_max: int = _setting(
        1_000,
        Whole(0, 100_000),
        "Streams of rooms' events that a worker holds open at most; 0: there are none.",
    )
    beacon_url: str = _setting(
        "",
        Url(("https", "http")),
        "A relay of drand, where the named rounds of draws are fetched; each is verified. Empty: an operator "
        "gives them.",
    )
    webhooks_to_loopback: bool = _setting(
        False,
        Switch(),
        "Webhooks may go to this very machine, without TLS; to try them. Private networks are never called.",
    )


@dataclass(frozen=True, slots=True)
class Cache:
    memory_bytes: int = _setting(
        67_108_864,
        Whole(0, 1 << 40),
        "Bytes of cache entries that each worker keeps in its own memory; 0: none, every hit asks the store.",
    )
    bound_ms: int = _setting(
        100,
        Whole(20, 1_000),
        "A worker's memory answers only while it was proven within so long that no purge went unheard.",
    )
    agency_bytes_max: int = _setting(
        1_073_741_824,
        Whole(1_048_576, 1 << 50),
        "Bytes that an agency may keep over all its namespaces, where its entry in the catalogue says none.",
    )
    events_max: int = _setting(
        200,
        Whole(0, 100_000),
        "Streams of namespaces' events that a worker holds open at most; 0: clients keep nothing themselves.",
    )


@dataclass(frozen=True, slots=True)
class Sessions:
    issuer: str = _setting(
        "",
        Url(("https", "http")),
        "Who our logout tokens are of: the platform's own address, as relying parties know it. Empty: "
        "none is sent.",
    )
    streams_max: int = _setting(
        1_000,
        Whole(0, 100_000),
        "Streams of revocations that a worker holds open at most; 0: there are none.",
    )
    logout_to_loopback: bool = _setting(
        False,
        Switch(),
        "Receivers of logouts and providers' keys may be on this very machine, without TLS; to try them.",
    )


@dataclass(frozen=True, slots=True)
class Envoy:
    config_path: str = _setting(
        "",
        Text("a path", or_empty=True),
        "File or folder of an envoyproxy/ratelimit configuration; watched. Empty: no such service.",
    )
    merge_domains: bool = _setting(
        False, Switch(), "Several files may have the same domain (MERGE_DOMAIN_CONFIG)."
    )
    counting: str = _setting(
        "together",
        Choice(("together", "independent")),
        "A refused request leaves its other limits as they were, or (as envoyproxy/ratelimit) counts there.",
    )
    shadow_mode: bool = _setting(False, Switch(), "Refuse nothing, count what would be (SHADOW_MODE).")
    quota_mode: bool = _setting(False, Switch(), "Every descriptor is in quota mode (QUOTA_MODE).")
    response_headers: bool = _setting(
        False, Switch(), "Add the three headers below (LIMIT_RESPONSE_HEADERS_ENABLED)."
    )
    limit_header: str = _setting("RateLimit-Limit", Text("a header's name"), "Its name.")
    remaining_header: str = _setting("RateLimit-Remaining", Text("a header's name"), "Its name.")
    reset_header: str = _setting("RateLimit-Reset", Text("a header's name"), "Its name; seconds.")
    response_metadata: bool = _setting(
        False, Switch(), "Answer with dynamic metadata (RESPONSE_DYNAMIC_METADATA)."
    )
    json_needs_key: bool = _setting(
        True,
        Switch(),
        "POST /json takes an API key with limits:check; off: anyone who reaches the port may ask.",
    )


@dataclass(frozen=True, slots=True)
class Grpc:
    host: str = _setting(
        "127.0.0.1",
        Text("an address or host name"),
        "Address of the gRPC server. It asks for no key: let nobody but your proxies reach it.",
    )
    port: int = _setting(
        0,
        Whole(0, 65_535),
        "Port of the gRPC server (Envoy's rate limit service, ext_authz, health); 0: there is none.",
    )
    port_per_worker: bool = _setting(
        False, Switch(), "The n-th worker listens on port + n - 1, instead of all on one port."
    )
    quota_port: int = _setting(
        0,
        Whole(0, 65_535),
        "Port of Envoy's rate limit quota service, of all workers (needs sadd[quota]); 0: there is none.",
    )


@dataclass(frozen=True, slots=True)
class Shield:
    host: str = _setting("127.0.0.1", Text("an address or host name"), "Address of the caching proxy.")
    port: int = _setting(
        0,
        Whole(0, 65_535),
        "Port of the caching proxy in front of the catalogue's services (docs/shield.md); 0: there is none.",
    )
    connect_timeout_seconds: float = _setting(3.0, _SECONDS, "Time to connect to an origin.")
    answer_timeout_seconds: float = _setting(
        60.0, _SECONDS, "Time from a request's last byte to the head of the origin's answer."
    )
    stall_timeout_seconds: float = _setting(
        60.0, _SECONDS, "Time that nothing may come of a body that is under way, from either side."
    )
    place_timeout_seconds: float = _setting(
        10.0, _SECONDS, "Time that a request waits while its origin has as many as the catalogue allows."
    )


@dataclass(frozen=True, slots=True)
class Settings:
    server: Server = field(default_factory=Server)
    data: Data = field(default_factory=Data)
    startup: Startup = field(default_factory=Startup)
    valkey: Valkey = field(default_factory=Valkey)
    database: Database = field(default_factory=Database)
    log: Log = field(default_factory=Log)
    catalogue: Catalogue = field(default_factory=Catalogue)
    identity: Identity = field(default_factory=Identity)
    cache: Cache = field(default_factory=Cache)
    envoy: Envoy = field(default_factory=Envoy)
    queues: Queues = field(default_factory=Queues)
    sessions: Sessions = field(default_factory=Sessions)
    gate: Gate = field(default_factory=Gate)
    grpc: Grpc = field(default_factory=Grpc)
    shield: Shield = field(default_factory=Shield)
