"""A small Django site, its sessions kept by the platform, and a visitor of it; run in a process of its own.

portal.py URL KEY SERVICE; prints as JSON what the visitor saw.
"""

import asyncio
import json
import sys
import threading
from typing import Any

import django
from django.conf import settings

URL, KEY, SERVICE = sys.argv[1:]

settings.configure(
    SECRET_KEY="for tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MIDDLEWARE=[
        "sadd_client.middleware.django_sessions.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    SESSION_ENGINE=__name__,
    SESSION_COOKIE_SECURE=True,
    SESSION_COOKIE_NAME="__Host-portal",
    USE_TZ=True,
)
django.setup()

from django.contrib import auth  # noqa: E402  # Django is set up first
from django.core.management import call_command  # noqa: E402  # Django is set up first
from django.http import JsonResponse  # noqa: E402  # Django is set up first
from django.test import Client as Visitor  # noqa: E402  # Django is set up first
from django.urls import path  # noqa: E402  # Django is set up first

from sadd_client import Client  # noqa: E402  # Django is set up first
from sadd_client.middleware import django_sessions  # noqa: E402  # Django is set up first

sys.modules["__main__" if __name__ == "__main__" else __name__] = sys.modules[__name__]
sadd = Client(URL, key=KEY, on_loss="closed", deadline_seconds=5)


class SessionStore(django_sessions.SessionStore):
    sessions = sadd.sessions(SERVICE)


def put(request: Any) -> Any:
    for name, value in request.GET.items():
        request.session[name] = json.loads(value)
    return JsonResponse({})


def seen(request: Any) -> Any:
    user = request.user.get_username() if request.user.is_authenticated else None
    return JsonResponse({"user": user, "data": {k: v for k, v in request.session.items() if k[0] != "_"}})


def sign_in(request: Any) -> Any:
    auth.login(request, auth.get_user_model().objects.get(username="noora"))
    return JsonResponse({})


def sign_out(request: Any) -> Any:
    auth.logout(request)
    return JsonResponse({})


def slowly(request: Any) -> Any:
    """Reads, waits until another request is through, and writes."""
    before = request.session.get("slow", 0)
    reading.set()
    assert written.wait(20)
    request.session["slow"] = before + 1
    return JsonResponse({})


reading, written = threading.Event(), threading.Event()
urlpatterns = [path(f"{view.__name__}/", view) for view in (put, seen, sign_in, sign_out, slowly)]


def beside(visitor: Any, cookie: str, meanwhile: Any) -> int:
    """A slow request of the same session, while something else happens."""
    reading.clear()
    written.clear()
    slow = Visitor(raise_request_exception=False)
    slow.cookies["__Host-portal"] = cookie
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(slow.get("/slowly/").status_code))
    thread.start()
    assert reading.wait(20)
    meanwhile()
    written.set()
    thread.join()
    return statuses[0]


def visit() -> dict[str, Any]:
    call_command("migrate", verbosity=0)
    auth.get_user_model().objects.create_user("noora", password="x")
    visitor, told = Visitor(raise_request_exception=False), dict[str, Any]()
    cookies = visitor.cookies
    told["nothing kept for a look"] = "__Host-portal" not in visitor.get("/seen/").cookies
    visitor.get("/put/", {"a": "1", "none": "null", "deep": '{"x": [null]}'})
    before = cookies["__Host-portal"].value
    told["anonymous"] = visitor.get("/seen/").json()
    visitor.get("/sign_in/")
    signed = cookies["__Host-portal"].value
    told["signed in"] = visitor.get("/seen/").json()
    told["a new id"] = before != signed
    told["the old one is nobody's"] = sadd.sessions(SERVICE).read(before) is None
    told["whose"] = sadd.sessions(SERVICE).read(signed).subject  # type: ignore[union-attr]  # it lives
    told["beside"] = beside(visitor, signed, lambda: visitor.get("/put/", {"fast": "1"}))
    told["both kept"] = visitor.get("/seen/").json()["data"]
    newer = sadd.sessions(SERVICE).rotate(signed)
    assert newer is not None
    late = [visitor.get("/seen/"), visitor.get("/put/", {"a": "9"})]
    told["late"] = [late[0].json()["user"], late[1].status_code, any(bool(one.cookies) for one in late)]
    signed = cookies["__Host-portal"] = newer.id
    told["beside a sign-out"] = beside(visitor, signed, lambda: visitor.get("/sign_out/"))
    told["not brought back"] = sadd.sessions(SERVICE).read(signed) is None
    told["signed out"] = visitor.get("/seen/").json()
    forged = Visitor()
    forged.cookies["__Host-portal"] = "A" * 54
    forged.get("/put/", {"a": "1"})
    told["never adopted"] = forged.cookies["__Host-portal"].value != "A" * 54
    told["asynchronous"] = asyncio.run(awaited())
    return told


async def awaited() -> dict[str, Any]:
    """The same store by its other names."""
    store = SessionStore()
    await store.aset("a", 1)
    await store.asave()
    first = store.session_key
    await store.acycle_key()
    again = SessionStore(store.session_key)
    return {"a": await again.aget("a"), "new": first != store.session_key}


def visit_nobody() -> dict[str, Any]:
    """While no platform is there."""
    visitor = Visitor(raise_request_exception=False)
    visitor.cookies["__Host-portal"] = "A" * 54
    looked = visitor.get("/put/", {"a": "1"})
    return {
        "status": looked.status_code,
        "retry": looked.headers.get("Retry-After"),
        "cookie": "Set-Cookie" in str(looked.cookies) or bool(looked.cookies),
    }


if __name__ == "__main__":
    with sadd:
        sys.stdout.write(json.dumps(visit_nobody() if URL.endswith(":1") else visit()))
