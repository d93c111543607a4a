"""nginx, Varnish and HAProxy as caches before an origin, on one core each, with what collapses misses on.

Their Debian packages; one that is not there is named as absent. nginx and HAProxy have one worker; Varnish's
threads are held to one core.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers.folder import PeerAbsent
from benchmarks.peers.others import Place
from benchmarks.peers.process import descendants
from benchmarks.servers import free_ports

NGINX, VARNISH, HAPROXY = "nginx proxy_cache", "Varnish", "HAProxy cache"

NGINX_CONF = """
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;
pid {folder}/nginx.pid; error_log {folder}/nginx.log error;
events {{ worker_connections 18000; }}
http {{
  access_log off; keepalive_requests 1000000000; tcp_nodelay on; sendfile on;
  client_body_temp_path {folder}; proxy_temp_path {folder}/passing; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  proxy_cache_path {folder}/kept keys_zone=kept:16m max_size=64m inactive=600s use_temp_path=off;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 400; }}
  server {{
    listen 127.0.0.1:{port} backlog=10000;
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache kept; proxy_cache_lock on; proxy_read_timeout 60s;
    }}
  }}
}}
"""
VARNISH_VCL = """
vcl 4.1;
backend origin {{ .host = "127.0.0.1"; .port = "{origin}"; .first_byte_timeout = 60s; }}
"""
HAPROXY_CFG = """
global
  nbthread 1
  maxconn 9000
defaults
  mode http
  timeout client 60s
  timeout connect 5s
  timeout server 60s
cache kept
  total-max-size 64
  max-object-size 100000
  max-age 600
frontend in
  bind 127.0.0.1:{port} backlog 10000
  default_backend origin
backend origin
  http-request cache-use kept
  http-response cache-store kept
  http-reuse always
  server one 127.0.0.1:{origin}
"""

Roles = dict[str, tuple[int, ...]]


def nginx(place: Place, origin: int) -> tuple[int, Roles]:
    """Its port and its processes. Raises PeerAbsent."""
    binary, (port,), folder = _binary("nginx"), free_ports(1), _folder(place, "nginx-cache")
    (folder / "passing").mkdir(exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONF.format(folder=folder, port=port, origin=origin))
    return port, place.run("nginx-cache", (binary, "-p", str(folder), "-c", str(config)), port)


def varnish(place: Place, origin: int) -> tuple[int, Roles]:
    """Raises PeerAbsent."""
    binary, (port,), folder = _binary("varnishd"), free_ports(1), _folder(place, "varnish")
    config = folder / "default.vcl"
    config.write_text(VARNISH_VCL.format(origin=origin))
    threads = ("-p", "thread_pools=1", "-p", "thread_pool_min=200", "-p", "thread_pool_max=5000")
    words = (
        binary,
        "-F",
        "-j",
        "none",
        "-n",
        str(folder / "work"),
        "-a",
        f"127.0.0.1:{port}",
        "-f",
        str(config),
    )
    run = (*one_core(), *words, "-s", "malloc,64m", *threads)
    roles = place.run("varnish", run, port)
    return port, {"server": (*roles["server"], *descendants(roles["server"][0]))}


def haproxy(place: Place, origin: int) -> tuple[int, Roles]:
    """Raises PeerAbsent."""
    binary, (port,), folder = _binary("haproxy"), free_ports(1), _folder(place, "haproxy-cache")
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY_CFG.format(port=port, origin=origin))
    return port, place.run("haproxy-cache", (binary, "-db", "-f", str(config)), port)


PROXIES: dict[str, Callable[[Place, int], tuple[int, Roles]]] = {
    NGINX: nginx,
    VARNISH: varnish,
    HAPROXY: haproxy,
}


def one_core() -> tuple[str, ...]:
    """What holds a program to the first core that is ours; nothing where it cannot be said."""
    taskset = shutil.which("taskset")
    return (taskset, "-c", str(min(os.sched_getaffinity(0)))) if taskset else ()


def _binary(name: str) -> str:
    found = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if found is None:
        package = {"varnishd": "varnish"}.get(name, name)
        raise PeerAbsent(f"{name} is absent (Debian: apt-get install {package})")
    return found


def _folder(place: Place, name: str) -> Path:
    folder = place.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
