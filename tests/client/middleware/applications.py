"""One small application for each framework, called as its server calls it, behind one kind of door."""

import asyncio
from collections.abc import Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import django
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from django.conf import settings
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from sadd_client import AsyncClient, Client
from sadd_client.middleware import aiohttp as for_aiohttp
from sadd_client.middleware import asgi, wsgi
from sadd_client.middleware import django as for_django

Told = tuple[int, dict[str, str]]


def wsgi_calls(client: Client, policy: str, count: int, address: str) -> list[Told]:
    def application(_: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"well"]

    limited = validator(wsgi.Limited(application, client.limiter(policy)))
    return [_wsgi_call(limited, address) for _ in range(count)]


def _wsgi_call(application: Any, address: str) -> Told:
    environ: dict[str, Any] = {"REMOTE_ADDR": address, "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    told: list[Told] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        told.append((int(status.split()[0]), dict(headers)))
        return lambda _: None

    body = application(environ, start_response)
    assert b"".join(body)
    body.close()
    return told[0]


async def asgi_calls(client: AsyncClient, policy: str, count: int, address: str) -> list[Told]:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})

    limited = asgi.Limited(application, client.limiter(policy))
    return [await _asgi_call(limited, address) for _ in range(count)]


async def _asgi_call(application: asgi.Application, address: str) -> Told:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    await application({"type": "http", "client": (address, 4711)}, receive, send)
    start, _ = sent
    return start["status"], {name.decode().title(): value.decode() for name, value in start["headers"]}


async def aiohttp_calls(client: AsyncClient, policy: str, count: int, address: str) -> list[Told]:
    async def well(_: web.Request) -> web.Response:
        return web.Response(text="well")

    limit = for_aiohttp.limited(client.limiter(policy), key=lambda _: address)
    application = web.Application(middlewares=[limit])
    application.router.add_get("/", well)
    async with TestClient(TestServer(application)) as caller:
        told: list[Told] = []
        for _ in range(count):
            async with caller.get("/") as answer:
                told.append((answer.status, dict(answer.headers)))
        return told


def django_calls(client: Client, policy: str, count: int, address: str) -> list[Told]:
    _set_up_django()
    middleware = for_django.limited(client.limiter(policy))(lambda _: HttpResponse("well"))
    factory = RequestFactory(REMOTE_ADDR=address)
    answers = [middleware(factory.get("/")) for _ in range(count)]
    return [(answer.status_code, dict(answer.headers)) for answer in answers]


async def async_django_calls(client: AsyncClient, policy: str, count: int, address: str) -> list[Told]:
    _set_up_django()

    async def well(_: Any) -> HttpResponse:
        return HttpResponse("well")

    middleware = for_django.limited(client.limiter(policy), key=lambda _: address)(well)
    assert asyncio.iscoroutinefunction(middleware), "Django would call it in a thread"
    factory = AsyncRequestFactory()
    answers = [await middleware(factory.get("/")) for _ in range(count)]
    return [(answer.status_code, dict(answer.headers)) for answer in answers]


def _set_up_django() -> None:
    if not settings.configured:
        settings.configure(SECRET_KEY="for tests")
        django.setup()
