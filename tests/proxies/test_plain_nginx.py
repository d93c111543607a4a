"""auth_request where nobody can write an error page, as in an ingress that has settings only."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.proxies.scripted import Origin, ScriptedGate, ended, visit
from tests.proxies.servers import PROXIES, ports_for, started

PLAIN = replace(
    PROXIES[0],
    name="nginx-plain",
    closed=(
        ("error_page 401 403 500 = @sadd_refused;", ""),
        ('X-Sadd-Refusal "";', "X-Sadd-Refusal 403;"),
    ),
)


@pytest.fixture(scope="module")
def plain() -> Iterator[tuple[int, Origin]]:
    if PLAIN.missing:
        pytest.skip(PLAIN.missing)
    gate, origin = ScriptedGate(), Origin()
    ports = ports_for(gate.port, origin.port)
    with ended(gate, origin), started(PLAIN, ports, closed=True):
        yield ports.visitors, origin


@pytest.mark.parametrize("path", ["/refused", "/closed", "/foreign"])
def test_a_refusal_is_403_and_not_500(plain: tuple[int, Origin], path: str) -> None:
    """auth_request passes on 401 and 403 alone: the gate says all its refusals so if it is asked to."""
    port, origin = plain
    reached = len(origin.seen)
    assert visit(port, path).status == 403
    assert len(origin.seen) == reached


def test_admitted(plain: tuple[int, Origin]) -> None:
    """Nothing else is different."""
    port, _ = plain
    assert visit(port, "/citizen").at_origin("x-sadd-subject") == ["citizen-7"]
