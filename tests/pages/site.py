"""The platform, a service behind a real nginx with the gate, and TLS before both: what a browser meets."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sadd.supervisor.child import Program, tethered
from tests.e2e.platform import Platform, platform
from tests.proxies.scripted import Origin, ended
from tests.proxies.servers import PROXIES, SERVICE, ports_for, started
from tests.sadd.valkey.fleet import write_certificate
from tests.waiting import eventually_sync

SERVICE_HOST, ROOMS_HOST = "secondary-results.moehe.gov.example", "queue.example"
NGINX = next(proxy for proxy in PROXIES if proxy.name == "nginx-auth-request")
OUTSIDE = "127.0.0.9"
"""Where the visitors' connections come from: no proxy of ours."""

OTHERS = ("moehe-results-grades-one-eleven", "moehe-registration-new-pupils-government-schools")
"""Rooms of other services, whose lines are not the first one's."""

ROOMS = "".join(
    f"""\
- id: {room}
  active_cap: 1
  outflow_per_minute: 6000
  claim_window_ms: 120000
  pass_ms: 600000
  message: {{ar: تظهر النتائج الساعة 10., en: Results appear at 10.}}
"""
    for room in (SERVICE, *OTHERS)
)
"""One inside at a time, so that whoever comes second waits until the first has left."""

TLS = """\
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  ssl_certificate {public}; ssl_certificate_key {private};
  proxy_bind {outside}; proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto https;
  server {{
    listen 127.0.0.1:{port} ssl; server_name {service_host};
    location / {{ proxy_pass http://127.0.0.1:{service}; }}
  }}
  server {{
    listen 127.0.0.1:{port} ssl; server_name {rooms_host};
    location / {{ proxy_pass http://127.0.0.1:{rooms}; }}
  }}
}}
"""


@dataclass(frozen=True)
class Site:
    platform: Platform
    origin: Origin
    port: int
    """Of TLS, for both hosts."""

    @property
    def arguments(self) -> list[str]:
        """What tells Chromium where the hosts are."""
        hosts = ", ".join(f"MAP {host}:443 127.0.0.1:{self.port}" for host in (SERVICE_HOST, ROOMS_HOST))
        return [f"--host-resolver-rules={hosts}"]

    def call(self, path: str, ticket: str = "", room: str = SERVICE) -> dict[str, Any]:
        """A POST of an app to the room."""
        request = urllib.request.Request(
            f"{self.platform.url}/v1/queues/{room}/{path}",
            method="POST",
            data=b"",
            headers={"Sadd-Ticket": ticket} if ticket else {},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def occupy(self, room: str = SERVICE) -> str:
        """Somebody goes inside: whoever comes then waits. The ticket, with which he leaves."""
        eventually_sync(lambda: self._is_empty(room))
        ticket = str(self.call("tickets", room=room)["ticket"])
        eventually_sync(lambda: self.call("claim", ticket, room)["state"] == "admitted")
        return ticket

    def _is_empty(self, room: str) -> bool:
        with urllib.request.urlopen(f"{self.platform.url}/v1/queues/{room}", timeout=30) as answer:
            told = json.load(answer)
        return bool(told["active"] == 0 == told["waiting"])


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    origin = Origin()
    with ended(origin), ExitStack() as opened:
        running = opened.enter_context(
            platform(
                folder, SADD_GATE_TRUSTED_PROXIES="127.0.0.1/32", SADD_GATE_ROOMS_URL=f"https://{ROOMS_HOST}"
            )
        )
        (folder / "rooms.yaml").write_text(ROOMS)
        applied = running.sadd("queue", "apply", "rooms.yaml")
        assert applied.returncode == 0, applied.stderr
        gate = int(running.url.rpartition(":")[2])
        ports = ports_for(gate, origin.port)
        opened.enter_context(started(NGINX, ports, ready=429))
        opened.enter_context(_tls(folder / "tls", ports.spare, service=ports.visitors, rooms=gate))
        yield Site(running, origin, ports.spare)


@contextmanager
def _tls(folder: Path, port: int, *, service: int, rooms: int) -> Iterator[None]:
    folder.mkdir()
    public, private = write_certificate(folder)
    conf = folder / "nginx.conf"
    conf.write_text(
        TLS.format(
            folder=folder,
            port=port,
            public=public,
            private=private,
            outside=OUTSIDE,
            service=service,
            rooms=rooms,
            service_host=SERVICE_HOST,
            rooms_host=ROOMS_HOST,
        )
    )
    assert NGINX.binary is not None
    program = Program("tls", (NGINX.binary, "-c", str(conf), "-e", str(folder / "error.log")))
    server = subprocess.Popen(tethered(program), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually_sync(lambda: (folder / "pid").exists())
        yield
    finally:
        server.send_signal(program.stop_signal)
        server.wait(30)
