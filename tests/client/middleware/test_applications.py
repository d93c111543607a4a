"""Each door, in front of a bare application, before a real platform and before none."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from sadd_client import AsyncClient, Client, LocalLimit, OnLoss
from sadd_client.middleware import asgi, wsgi
from tests.client.catalogue import NARROW
from tests.client.doors import KEY, AsyncDoor, BlockingDoor, Door
from tests.client.middleware import applications
from tests.conftest import free_port
from tests.e2e.platform import Platform

DOORS: dict[str, tuple[Callable[..., Door], Callable[..., Any]]] = {
    "wsgi": (BlockingDoor, applications.wsgi_calls),
    "asgi": (AsyncDoor, applications.asgi_calls),
    "aiohttp": (AsyncDoor, applications.aiohttp_calls),
    "django": (BlockingDoor, applications.django_calls),
    "async django": (AsyncDoor, applications.async_django_calls),
}

ADDRESSES = {framework: f"203.0.113.{number}" for number, framework in enumerate(DOORS)}


def calls(framework: str, url: str, policy: str, count: int, **words: Any) -> list[applications.Told]:
    kind, ask = DOORS[framework]
    opened = kind(url, **words)
    try:
        told: list[applications.Told] = opened.do(
            lambda client: ask(client, policy, count, ADDRESSES[framework])
        )
        return told
    finally:
        opened.close()


@pytest.mark.parametrize("framework", DOORS)
def test_a_caller_over_the_limit_is_refused(framework: str, running: Platform, key: str) -> None:
    """The platform's burst passes, the rest gets 429 with the platform's own fields."""
    told = calls(framework, running.url, NARROW, 23, key=key)
    statuses = [status for status, _ in told]

    assert statuses.count(200) <= 20
    assert set(statuses) == {200, 429}
    refused = [
        {name.lower(): value for name, value in fields.items()} for status, fields in told if status == 429
    ]
    for fields in refused:  # the first is the platform's word, the others are from memory
        assert fields["ratelimit"] == f'"{NARROW}";r=0;t={fields["retry-after"]}'
        assert fields["ratelimit-policy"].startswith(f'"{NARROW}"')


@pytest.mark.parametrize("framework", DOORS)
@pytest.mark.parametrize(
    ("on_loss", "statuses"), [("open", [200] * 3), ("closed", [503] * 3), ("local", [200, 200, 429])]
)
def test_no_platform(framework: str, on_loss: OnLoss, statuses: list[int]) -> None:
    """What happens is what was chosen, and never an error of the application."""
    url = f"http://127.0.0.1:{free_port()}"
    told = calls(framework, url, "p", 3, on_loss=on_loss, local=LocalLimit(2, 60))

    assert [status for status, _ in told] == statuses


def test_a_fault_of_set_up_does_not_bring_the_site_down(
    running: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    """A revoked key, a misspelt policy: ``on_loss`` decides, and the log says so once, without the key."""
    with caplog.at_level(logging.ERROR, "sadd_client"):
        told = calls("wsgi", running.url, NARROW, 5, on_loss="open")

    assert [status for status, _ in told] == [200] * 5
    assert len(caplog.records) == 1
    assert "401 unauthenticated" in caplog.text
    assert KEY not in caplog.text


async def test_what_is_no_request_goes_on() -> None:
    """Lifespan and websockets are not limited, nor is whoever has no key."""
    seen: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def untouched(*_: object) -> Any:
        raise AssertionError("nothing is received or sent by the door")

    url = f"http://127.0.0.1:{free_port()}"
    async with AsyncClient(url, key=KEY, on_loss="closed") as client:
        limited = asgi.Limited(application, client.limiter("p"), key=lambda _: None)
        for kind in ("lifespan", "websocket", "http"):
            await limited({"type": kind}, untouched, untouched)
    assert seen == ["lifespan", "websocket", "http"]


def test_a_key_of_ones_own() -> None:
    """Whose limit it is says the application: here a header that its own proxy sets."""
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, key=KEY, on_loss="local", local=LocalLimit(1, 60)) as client:
        limiter = client.limiter("p")
        by_citizen = wsgi.Limited(
            lambda _, start: (start("200 OK", []), [b""])[1], limiter, key=lambda environ: environ["citizen"]
        )
        told: list[str] = []
        for citizen in ("a", "a", "b"):
            by_citizen({"citizen": citizen}, lambda status, _: told.append(status))
    assert told == ["200 OK", "429 Too Many Requests", "200 OK"]
