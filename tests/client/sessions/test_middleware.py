"""Who makes a request, in an ASGI and in an aiohttp application before a real platform and before none."""

from ast import literal_eval
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sadd_client import AsyncClient, Cookie, Visitor
from sadd_client.middleware import aiohttp as for_aiohttp
from sadd_client.middleware import asgi
from tests.client.catalogue import NARROW
from tests.client.doors import KEY
from tests.conftest import free_port
from tests.e2e.platform import Platform

NAME = Cookie().name
Handle = Callable[[str, Visitor], Awaitable[object]]
Answer = tuple[int, dict[str, str], str]
Ask = Callable[[str, str], Awaitable[Answer]]
"""A path and the values of Cookie; status, fields, body."""


async def handle(path: str, visitor: Visitor) -> object:
    """The site: what its paths say is done."""
    match path:
        case "/in":
            return dict((await visitor.sign_in("noora", {"step": 1}, keep=("lang",))).data)
        case "/out":
            await visitor.sign_out()
            return None
        case "/change":
            changed = await visitor.change(step=2, lang="ar")
            return None if changed is None else dict(changed.data)
        case "/up":
            raised = await visitor.step_up(2, seconds=60)
            return None if raised is None else raised.level
        case "/elsewhere":
            await visitor.sign_out_elsewhere()
            return None
        case "/list":
            return [one.device for one in await visitor.listed()]
    session = await visitor.session()
    return None if session is None else session.subject


async def by_asgi(client: AsyncClient, path: str, cookies: str) -> Answer:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        said = repr(await handle(scope["path"], scope["visitor"])).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": said})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    headers = [(b"user-agent", b"phone"), *([(b"cookie", cookies.encode())] if cookies else [])]
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers, "client": ("203.0.113.7", 1)}
    await asgi.SignedIn(application, client.sessions(NARROW))(scope, receive, send)
    start, body = sent
    fields = {name.decode().title(): value.decode() for name, value in start["headers"]}
    return start["status"], fields, body["body"].decode()


async def by_aiohttp(client: AsyncClient, path: str, cookies: str) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=repr(await handle(request.path, request[for_aiohttp.VISITOR])))

    application = web.Application(middlewares=[for_aiohttp.signed_in(client.sessions(NARROW))])
    application.router.add_get("/{_:.*}", answer)
    headers = {"User-Agent": "phone", **({"Cookie": cookies} if cookies else {})}
    async with TestClient(TestServer(application)) as caller, caller.get(path, headers=headers) as answered:
        return answered.status, dict(answered.headers), await answered.text()


@pytest.fixture(params=[by_asgi, by_aiohttp], ids=["asgi", "aiohttp"])
def ask(request: pytest.FixtureRequest) -> Any:
    return request.param


def cookie_of(answer: Answer) -> str:
    return answer[1]["Set-Cookie"].partition(";")[0]


async def test_a_visit(ask: Any, running: Platform, session_key: str) -> None:
    """Nobody, somebody, changed, raised, signed out; the cookie is set when the id is another one only."""
    async with AsyncClient(running.url, key=session_key, on_loss="closed", deadline_seconds=5) as client:
        nobody = await ask(client, "/", "")
        signed = await ask(client, "/in", "")
        cookie = cookie_of(signed)
        known = await ask(client, "/", cookie)
        changed = await ask(client, "/change", cookie)
        raised = await ask(client, "/up", cookie)
        again = await ask(client, "/in", cookie_of(raised))
        out = await ask(client, "/out", cookie_of(again))
        gone = await ask(client, "/", cookie_of(again))

    assert (nobody[2], "Set-Cookie" in nobody[1]) == ("None", False)
    assert signed[1]["Set-Cookie"].endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")
    assert signed[1]["Cache-Control"] == "no-store"
    assert (known[2], "Set-Cookie" in known[1]) == ("'noora'", False)
    assert literal_eval(changed[2]) == {"step": 2, "lang": "ar"}
    assert (raised[2], cookie_of(raised) != cookie) == ("2", True)
    assert len({cookie, cookie_of(raised), cookie_of(again)}) == 3
    assert literal_eval(again[2]) == {"lang": "ar", "step": 1}
    assert out[1]["Set-Cookie"].startswith(f"{NAME}=; Max-Age=0")
    assert (gone[2], cookie_of(gone)) == ("None", f"{NAME}=")


async def test_a_late_request_keeps_the_newer_cookie(ask: Any, running: Platform, session_key: str) -> None:
    """Rotated by a request beside it: this one is nobody's, and what the browser has by now stays."""
    async with AsyncClient(running.url, key=session_key, on_loss="closed", deadline_seconds=5) as client:
        old = cookie_of(await ask(client, "/in", ""))
        new = cookie_of(await ask(client, "/up", old))
        late = [await ask(client, path, old) for path in ("/", "/change", "/list")]
        known = await ask(client, "/", new)

    assert [one[2] for one in late] == ["None", "None", "[]"]
    assert not any("Set-Cookie" in one[1] for one in late)
    assert known[2] == "'noora'"


async def test_others_end(ask: Any, running: Platform, session_key: str) -> None:
    """A person sees his devices, and signs out of all but this one."""
    async with AsyncClient(running.url, key=session_key, on_loss="closed", deadline_seconds=5) as client:
        other = cookie_of(await ask(client, "/in", ""))
        cookie = cookie_of(await ask(client, "/in", ""))
        assert "phone" in (await ask(client, "/list", cookie))[2]
        await ask(client, "/elsewhere", cookie)

        assert (await ask(client, "/", other))[2] == "None"
        assert (await ask(client, "/list", cookie))[2] == "['phone']"


@pytest.mark.parametrize("shown", [f"{NAME}=a; {NAME}=b", f"{NAME}=not an id", "other=x"])
async def test_what_is_no_session_is_nobody(ask: Any, shown: str) -> None:
    """Nobody is asked for it; two cookies of the name are none."""
    async with AsyncClient(f"http://127.0.0.1:{free_port()}", key=KEY, on_loss="closed") as client:
        status, _, body = await ask(client, "/", shown)
    assert (status, body) == (200, "None")


async def test_nobody_to_ask_is_503(ask: Any) -> None:
    """With Retry-After, and the cookie stays: nobody is taken for signed out."""
    async with AsyncClient(f"http://127.0.0.1:{free_port()}", key=KEY, on_loss="closed") as client:
        status, fields, _ = await ask(client, "/", f"{NAME}={'A' * 54}")

    assert (status, fields["Retry-After"]) == (503, "1")
    assert "Set-Cookie" not in fields
