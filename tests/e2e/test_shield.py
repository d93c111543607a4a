"""The caching proxy of a running platform: services by host, its own words, what an operator sees of it."""

import http.client
import urllib.request

from tests.e2e.platform import Platform
from tests.waiting import eventually_sync


def asked(running: Platform, host: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", int(running.environment["SADD_SHIELD_PORT"]), 60)
    connection.request("GET", "/", headers={"Host": host})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_a_service_is_found_by_its_id(running: Platform) -> None:
    """Its origin is invented, so it cannot be reached; an unknown host is no service; both are counted."""
    known, unknown = asked(running, "moi-good-conduct-certificate"), asked(running, "nobody")

    assert (known.status, unknown.status) == (502, 421)
    assert known.getheader("Cache-Status") == "sadd; fwd=bypass; detail=origin-unreachable"

    def counted() -> bool:
        with urllib.request.urlopen(running.url + "/metrics", timeout=20) as page:
            return 'sadd_shield_origins_failed_total{why="origin-unreachable"}' in page.read().decode()

    eventually_sync(counted)
