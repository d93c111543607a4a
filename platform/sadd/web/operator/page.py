"""Pages of the operator: rendered, and sent with a policy under which only our own files run."""

import math
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import msgspec
from aiohttp import hdrs, web
from markupsafe import Markup

from sadd.web.operator.assets import assets
from sadd.web.operator.sight import Interval
from sadd.web.operator.words import LANGUAGES, Language, words

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    # Not no-referrer: browsers then send ``Origin: null`` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    hdrs.CACHE_CONTROL: "no-store",
}
LANGUAGE_COOKIE = "sadd_operator_language"
LANGUAGE_SECONDS = 365 * 24 * 3600


def language_of(request: web.Request) -> Language:
    """As chosen at the page, else as the browser asks, else Arabic."""
    chosen = request.query.get("lang") or request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    for asked in request.headers.get(hdrs.ACCEPT_LANGUAGE, "")[:200].split(","):
        if (tag := asked.strip()[:2].lower()) in LANGUAGES:
            return tag
    return "ar"


def page(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    """A page in the reader's language. ``values`` are the template's own."""
    language = language_of(request)
    body = _template(template).render(
        language=language,
        other=next(one for one in LANGUAGES if one != language),
        rightward=language == "en",
        w=words(language),
        assets=assets(),
        path=request.path,
        **values,
    )
    response = web.Response(
        text=body, status=status, content_type="text/html", charset="utf-8", headers=HEADERS
    )
    if request.query.get("lang") in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE,
            language,
            max_age=LANGUAGE_SECONDS,
            path="/operator",
            httponly=True,
            samesite="Strict",
        )
    return response


def message(request: web.Request, status: int, word: str, **values: Any) -> web.Response:
    """A page that says one sentence."""
    return page(request, "message.html", status, word=word, **values)


def elsewhere(path: str) -> web.Response:
    """Go on there by a GET, so that a reload repeats nothing."""
    return web.Response(status=303, headers={hdrs.LOCATION: path, hdrs.CACHE_CONTROL: "no-store"})


@cache
def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    folder = files("sadd.web.operator").joinpath("templates")

    def load(name: str) -> str:
        return folder.joinpath(name).read_text("utf-8")

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(load),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["share"] = _share
    environment.filters["minutes"] = _minutes
    environment.filters["data"] = _data
    environment.globals |= {"moment": _moment, "clock": _clock}
    return environment


def _number(value: float | None, digits: int = 0) -> Markup:
    """Isolated, so that it stands as it is in a line of either direction."""
    return Markup("<bdi>–</bdi>") if value is None else Markup("<bdi>{}</bdi>").format(f"{value:,.{digits}f}")


def _share(value: float | None) -> Markup:
    return Markup("<bdi>–</bdi>") if value is None else Markup("<bdi>{}</bdi>").format(f"{value:.0%}")


def _minutes(interval: Interval) -> Markup:
    """Never fewer than there are: ``3–5``, ``<1``."""
    low, high = math.floor(interval.low), math.ceil(interval.high)
    text = "<1" if high <= 1 else str(high) if low == high else f"{low}–{high}"
    return Markup("<bdi>{}</bdi>").format(text)


def _data(value: Any) -> Markup:
    """JSON inside a ``script`` element that is no script: nothing in it can end the element."""
    text = msgspec.json.encode(value).decode().replace("<", "\\u003c")
    return Markup(text)  # noqa: S704  # escaped just now


def _moment(at_ms: int) -> str:
    """ISO 8601."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S")
