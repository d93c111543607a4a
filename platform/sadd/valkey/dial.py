"""Makes one connection: socket, TLS, login, and the proof that the node serves."""

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass, field

from sadd.valkey.address import Login, Node, TlsFiles
from sadd.valkey.errors import ConnectionLost, NotReady, ReplyError, StoreAway, StoreRefused
from sadd.valkey.stats import Counters
from sadd.valkey.wire import Bounds, Connection, OnLost, Word, pack

DIAL_SECONDS = 0.6
"""For connecting, TLS and the handshake in sum. Short, since a dial that hangs delays the next one."""
HANDSHAKE = Bounds(deadline_seconds=DIAL_SECONDS, max_in_flight=16)
CLIENT_NAME = "sadd"
MAJOR_VERSION_MIN = 7


@dataclass(frozen=True, slots=True)
class Dialling:
    """How connections are made and what binds their calls."""

    login: Login
    tls: ssl.SSLContext | None
    bounds: Bounds
    counters: Counters = field(repr=False)
    primary_only: bool = True
    """Refuse a node that says it is a replica (one node, Sentinel); a cluster's table knows better."""
    clustered: bool = False


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a node says of itself in HELLO."""

    version: str
    mode: str
    role: str


async def dial(node: Node, dialling: Dialling, on_lost: OnLost) -> Connection:
    """A connection that has logged in and answered PING.

    Raises StoreAway when there is none within DIAL_SECONDS, StoreRefused when trying again cannot help.
    """
    connection = Connection(str(node), HANDSHAKE, dialling.counters, on_lost)
    try:
        async with asyncio.timeout(DIAL_SECONDS):
            await _connect(node, dialling.tls, connection)
            await _greet(node, dialling, connection)
    except (OSError, TimeoutError, ReplyError) as error:
        connection.abort()
        raise _away(node, error) from None
    except BaseException:
        connection.abort()
        raise
    connection.bind(dialling.bounds)
    return connection


def _away(node: Node, error: Exception) -> Exception:
    if isinstance(error, ssl.SSLError):
        return StoreAway(f"{node}: TLS: {error.reason or 'handshake failed'}")
    if isinstance(error, ReplyError):
        return StoreRefused(f"{node}: {_login_fault(error)}")
    if isinstance(error, (NotReady, ConnectionLost)):
        return StoreAway(str(error))
    if isinstance(error, TimeoutError):
        return StoreAway(f"{node}: no connection in {DIAL_SECONDS} s")
    reason = getattr(error, "strerror", None) or type(error).__name__
    return StoreAway(f"{node}: {_plain(str(reason))}")


def _plain(reason: str) -> str:
    return re.sub(r"\s+", " ", reason)


def _login_fault(error: ReplyError) -> str:
    if error.code in ("WRONGPASS", "NOAUTH", "NOPERM"):
        return f"the login was refused ({error.code}); accepted: a user and password that the store knows"
    return f"the handshake was refused ({error.code})"


async def _connect(node: Node, tls: ssl.SSLContext | None, connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    if node.path:
        await loop.create_unix_connection(lambda: connection, node.path)
        return
    transport, _ = await loop.create_connection(
        lambda: connection, node.host, node.port, ssl=tls, server_hostname=node.host if tls else None
    )
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


async def _greet(node: Node, dialling: Dialling, connection: Connection) -> None:
    login = dialling.login
    auth: tuple[Word, ...] = ("AUTH", login.username or "default", login.password) if login.password else ()
    hello = connection.submit(pack(("HELLO", 2, *auth, "SETNAME", CLIENT_NAME)))
    rest = [("SELECT", login.db), ("PING",), ("INFO", "server", "replication")]
    answers = await asyncio.gather(
        hello, *(connection.submit(pack(words)) for words in rest), return_exceptions=True
    )
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    _check(node, dialling, _greeting(answers[0]))
    connection.incarnation = incarnation_of(answers[-1])


def incarnation_of(info: object) -> bytes:
    """Run and replication id, from INFO. A restart changes the first, a fail-over both: what such a server
    holds may be older than what the one before it had acknowledged."""
    assert isinstance(info, bytes)
    said = dict(line.split(b":", 1) for line in info.split(b"\r\n") if b":" in line)
    return said.get(b"run_id", b"") + b":" + said.get(b"master_replid", b"")


def _greeting(reply: object) -> Greeting:
    assert isinstance(reply, list)
    words = [word.decode() if isinstance(word, bytes) else "" for word in reply]
    said = dict(zip(words[::2], words[1::2], strict=False))
    return Greeting(said.get("version", ""), said.get("mode", ""), said.get("role", ""))


def _check(node: Node, dialling: Dialling, greeting: Greeting) -> None:
    if int(greeting.version.partition(".")[0] or 0) < MAJOR_VERSION_MIN:
        raise StoreRefused(
            f"{node}: version {greeting.version} found; accepted: {MAJOR_VERSION_MIN} or newer"
        )
    if greeting.mode == "sentinel":
        raise StoreRefused(f"{node}: is a Sentinel; accepted: redis+sentinel://host:port/service")
    if (greeting.mode == "cluster") is not dialling.clustered:
        wanted = "redis+cluster://" if greeting.mode == "cluster" else "redis://"
        raise StoreRefused(f"{node}: runs in {greeting.mode} mode; accepted: a URL that starts with {wanted}")
    if dialling.primary_only and greeting.role not in ("master", "primary"):
        raise StoreAway(f"{node}: is a {greeting.role}, not the primary")


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Verifies the store's certificate and name, always. Raises StoreRefused when a file cannot be read."""
    try:
        context = ssl.create_default_context(cafile=files.ca or None)
        if files.cert:
            context.load_cert_chain(files.cert, files.key or None)
    except OSError as error:
        raise StoreRefused(f"store URL: a TLS file cannot be used ({error.strerror or error})") from None
    return context
