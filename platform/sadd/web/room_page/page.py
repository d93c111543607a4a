"""From a view to the page: pure, so every state can be shown and tested without a room.

A page is one answer with its style and its script inside, so that a citizen on a thin line has all of it in
the first few packets. The content security policy names both by their hash: nothing else runs, whatever is
in the page.
"""

import base64
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import msgspec
import structlog
from jinja2 import DictLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from sadd.web.room_page import words
from sadd.web.room_page.qr import qr
from sadd.web.room_page.script_data import script_data
from sadd.web.room_page.view import RoomView

BUILT_IN = "room.html"
OWN_TEMPLATES_MAX = 256
"""Compiled and kept, by a worker."""
_STYLES = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)

_log = structlog.get_logger("sadd.web")


@dataclass(frozen=True, slots=True)
class Rendered:
    html: str
    policy: str
    """Content-Security-Policy. ``form-action`` names the services too: Chromium asks it about redirects."""


@dataclass(frozen=True, slots=True)
class RoomPageStats:
    rendered: int
    template_failed: int
    """Pages for which a room's own template failed, and the built-in one was shown."""


def asset(name: str) -> str:
    """A file of this package, without what only its readers here need."""
    text = resources.files("sadd.web.room_page").joinpath(name).read_text("utf-8")
    if name.endswith(".css"):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    if name.endswith(".js"):
        text = re.sub(r"^\s*//.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"\n\s*", "\n", text).strip()


class RoomPage:
    """Makes pages. A room's own template that fails costs nobody the page: the built-in one is shown."""

    def __init__(self) -> None:
        built_in = resources.files("sadd.web.room_page").joinpath(BUILT_IN).read_text("utf-8")
        self._environment = ImmutableSandboxedEnvironment(
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            loader=DictLoader({BUILT_IN: built_in}),
        )
        self._built_in = self._environment.get_template(BUILT_IN)
        self._style, self._script = asset("room.css"), asset("room.js")
        self._own = lru_cache(maxsize=OWN_TEMPLATES_MAX)(self._environment.from_string)
        self.counts: Counter[str] = Counter(rendered=0, template_failed=0)

    def stats(self) -> RoomPageStats:
        return RoomPageStats(self.counts["rendered"], self.counts["template_failed"])

    def render(
        self, view: RoomView, template: str | None = None, *, targets: tuple[str, ...] = ()
    ) -> Rendered:
        """The page; ``template`` is the room's own, ``targets`` the origins of its services."""
        self.counts["rendered"] += 1
        values = self._values(view)
        html = self._by_own(template, values, view.room) if template else None
        return self._rendered(html or self._built_in.render(values), targets)

    def check(self, template: str, view: RoomView) -> str | None:
        """What is wrong with a template, tried on a view; None if nothing is."""
        try:
            self._environment.from_string(template).render(self._values(view))
        except Exception as wrong:  # a template may fail in any way that Python can
            return f"{type(wrong).__name__}: {wrong}"
        return None

    def _by_own(self, template: str, values: dict[str, object], room: str) -> str | None:
        try:
            return self._own(template).render(values)
        except Exception as wrong:
            self.counts["template_failed"] += 1
            _log.warning("a room's template failed", room=room, reason=type(wrong).__name__)
            return None

    def _values(self, view: RoomView) -> dict[str, object]:
        speech = view.speech
        return {
            "view": view,
            "look": view.look,
            "kept": view.kept,
            "speech": speech,
            "say": speech.say,
            "plain": speech.plain,
            "title": words.title(view),
            "lead": words.lead(view),
            "wait": words.wait(view),
            "until": words.until(view),
            "close": words.close(view),
            "next": speech.say_each(f"{view.state}.next", window=speech.duration(view.window_ms)),
            "qr": _drawn(view),
            "data": _embedded(script_data(view)),
            "style": Markup(self._style),  # noqa: S704  # our own file, as is the script
            "script": Markup(self._script),  # noqa: S704
        }

    def _rendered(self, html: str, targets: tuple[str, ...]) -> Rendered:
        styles = " ".join(_source(style) for style in dict.fromkeys(_STYLES.findall(html)))
        policy = {
            "default-src": "'none'",
            "style-src": styles,
            "script-src": _source(self._script),
            "img-src": "data:",
            "connect-src": "'self'",
            "worker-src": "'self'",
            "form-action": " ".join(("'self'", *targets)),
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        return Rendered(html, "; ".join(f"{name} {value}" for name, value in policy.items()))


def _drawn(view: RoomView) -> Markup | None:
    url = view.place.code_url if view.place is not None and view.look.qr else None
    return qr(url, view.speech.plain("code.qr")) if url else None


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _embedded(value: object) -> Markup:
    """JSON inside a script element: no ``<`` in it can end that element."""
    return Markup(msgspec.json.encode(value).decode().replace("<", "\\u003c"))  # noqa: S704
