"""Where the store is, as one URL says it.

::

    redis://[user:password@]host[:6379][/db]              one node      rediss:// is TLS
    unix://[user:password@]/path/to/socket[?db=0]         one node, by socket
    redis+sentinel://[…@]host[:26379],host,…/service      the primary that Sentinel names
    redis+cluster://[…@]host[:6379],host,…                the cluster these seeds belong to

``rediss+sentinel`` and ``rediss+cluster`` are TLS; ``valkey`` may stand for ``redis`` in each.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from sadd.valkey.errors import StoreRefused

NODE_PORT = 6379
SENTINEL_PORT = 26379
PARAMETERS = ("db", "ca_file", "cert_file", "key_file", "sentinel_username", "sentinel_password")


class Shape(StrEnum):
    NODE = "node"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Node:
    """One place to connect to: host and port, or a socket's path."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return self.path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")


@dataclass(frozen=True, slots=True)
class Login:
    """What a connection says first. Secrets are not in its repr."""

    username: str = ""
    password: str = field(default="", repr=False)
    db: int = 0


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files; an empty ``ca`` is the system's own authorities."""

    ca: str = ""
    cert: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL. ``tls`` is None for plain text."""

    shape: Shape
    nodes: tuple[Node, ...]
    login: Login = Login()
    tls: TlsFiles | None = None
    service: str = ""
    sentinel_login: Login = Login()


def parse(url: str) -> Address:
    """The address in a URL. Raises StoreRefused, which never repeats the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        return _unix(parts) if parts.scheme == "unix" else _network(parts)
    except StoreRefused:
        raise
    except ValueError as error:
        raise StoreRefused(f"store URL: {_without_secrets(error)}") from None


def _without_secrets(error: ValueError) -> str:
    # int() and urlsplit repeat the text that they could not read, and it may be a password with an @ in it.
    return "a port or db that is no number, or a broken [host]" if error.args else "unreadable"


def _unix(parts: SplitResult) -> Address:
    query = _query(parts)
    path = unquote(parts.path)
    if not path.startswith("/"):
        raise StoreRefused("store URL: unix:// needs an absolute path, as in unix:///run/valkey.sock")
    login = _login(parts, db=int(query.get("db", "0")))
    return Address(Shape.NODE, (Node(path=path),), login)


def _network(parts: SplitResult) -> Address:
    family, _, kind = parts.scheme.partition("+")
    if family not in ("redis", "rediss", "valkey", "valkeys") or kind not in ("", "sentinel", "cluster"):
        raise StoreRefused(
            "store URL: the scheme must be redis, rediss, unix, redis+sentinel or redis+cluster "
            "(valkey for redis and a TLS form rediss+… are accepted)"
        )
    shape = Shape(kind or "node")
    query = _query(parts)
    nodes = _nodes(parts, SENTINEL_PORT if shape is Shape.SENTINEL else NODE_PORT)
    if shape is Shape.NODE and len(nodes) != 1:
        raise StoreRefused("store URL: several hosts need redis+cluster:// or redis+sentinel://")
    service, db = _path(shape, parts.path.strip("/"), query)
    return Address(
        shape,
        nodes,
        _login(parts, db),
        TlsFiles(query.get("ca_file", ""), query.get("cert_file", ""), query.get("key_file", ""))
        if family.endswith("s") and family != "redis"
        else None,
        service,
        Login(query.get("sentinel_username", ""), query.get("sentinel_password", "")),
    )


def _path(shape: Shape, path: str, query: dict[str, str]) -> tuple[str, int]:
    """(service, db) of the URL's path."""
    if shape is Shape.SENTINEL:
        if not path or "/" in path:
            raise StoreRefused(
                "store URL: redis+sentinel:// needs the service's name, as in …:26379/mymaster"
            )
        return unquote(path), int(query.get("db", "0"))
    db = int(path or query.get("db", "0"))
    if shape is Shape.CLUSTER and db:
        raise StoreRefused(f"store URL: db {db} found; a cluster has db 0 only")
    return "", db


def _query(parts: SplitResult) -> dict[str, str]:
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(query) - set(PARAMETERS))
    if unknown:
        raise StoreRefused(f"store URL: unknown parameter {unknown[0]}; accepted: {', '.join(PARAMETERS)}")
    return query


def _login(parts: SplitResult, db: int) -> Login:
    # Not parts.username: with several hosts the last @ ends the login, whatever follows.
    login, at, _ = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    return Login(unquote(username), unquote(password), db) if at else Login(db=db)


def _nodes(parts: SplitResult, port: int) -> tuple[Node, ...]:
    hosts = parts.netloc.rpartition("@")[2]
    return tuple(_node(text, port) for text in (hosts or "localhost").split(","))


def _node(text: str, default_port: int) -> Node:
    one = urlsplit(f"//{text}")
    if not one.hostname:
        raise StoreRefused("store URL: a host is missing")
    return Node(one.hostname, one.port or default_port)


def node_of(text: str) -> Node:
    """``host:port`` as MOVED and ASK write it; the host may be an IPv6 address without brackets."""
    host, _, port = text.rpartition(":")
    return Node(host, int(port))
