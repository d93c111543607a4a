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
from jinja2 import DictLoader, Environment, StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from sadd.rooms import template
from sadd.rooms.template import BUILT_IN
from sadd.web.room_page import words
from sadd.web.room_page.qr import qr
from sadd.web.room_page.script_data import script_data
from sadd.web.room_page.view import RoomView

OWN_TEMPLATES_MAX = 256
"""Compiled and kept, by a worker."""
OWN_PAGE_CHARACTERS_MAX = 200_000
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
        loader = DictLoader({BUILT_IN: built_in})
        # Two environments: in the sandbox what we wrote ourselves would take twice the time.
        ours = Environment(
            autoescape=True, undefined=StrictUndefined, loader=loader, trim_blocks=True, lstrip_blocks=True
        )
        self._built_in = ours.get_template(BUILT_IN)
        self._sandbox = ImmutableSandboxedEnvironment(
            autoescape=True, undefined=StrictUndefined, loader=loader, trim_blocks=True, lstrip_blocks=True
        )
        self._own = lru_cache(maxsize=OWN_TEMPLATES_MAX)(self._taken)
        self._style, self._script = asset("room.css"), asset("room.js")
        self._styles, self._scripts = _source(self._style), _source(self._script)
        self.counts: Counter[str] = Counter(rendered=0, template_failed=0)
        self._said: set[tuple[str, str]] = set()
        """Rooms and templates whose failure is in the log: a line for each of a crowd would fill the disk."""

    def stats(self) -> RoomPageStats:
        return RoomPageStats(self.counts["rendered"], self.counts["template_failed"])

    def render(self, view: RoomView, own: str | None = None, *, targets: tuple[str, ...] = ()) -> Rendered:
        """The page; ``own`` is the room's template, ``targets`` are the origins of its services."""
        self.counts["rendered"] += 1
        values = self._values(view)
        html = self._by_own(own, values, view.room) if own else None
        if html is not None:
            styles = " ".join(_source(style) for style in dict.fromkeys(_STYLES.findall(html)))
            return Rendered(html, self._policy(styles, targets))
        return Rendered(self._built_in.render(values), self._policy(self._styles, targets))

    def check(self, text: str, view: RoomView) -> str | None:
        """What is wrong with a template, tried on a view; None if nothing is."""
        try:
            _bounded(self._taken(text), self._values(view))
        except Exception as wrong:  # a template may fail in any way that Python can
            return f"{type(wrong).__name__}: {wrong}"
        return None

    def _by_own(self, text: str, values: dict[str, object], room: str) -> str | None:
        try:
            return _bounded(self._own(text), values)
        except Exception as wrong:
            self.counts["template_failed"] += 1
            self._say(room, text, wrong)
            return None

    def _say(self, room: str, text: str, wrong: Exception) -> None:
        if (room, text) in self._said:
            return
        if len(self._said) >= OWN_TEMPLATES_MAX:
            self._said.clear()
        self._said.add((room, text))
        _log.warning("a room's template failed", room=room, reason=type(wrong).__name__)

    def _taken(self, text: str) -> Template:
        """ValueError: it has what a template may not have."""
        for fault in template.faults(text):
            raise ValueError(fault)
        return self._sandbox.from_string(text)

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

    def _policy(self, styles: str, targets: tuple[str, ...]) -> str:
        policy = {
            "default-src": "'none'",
            "style-src": styles,
            "script-src": self._scripts,
            "img-src": "data:",
            "connect-src": "'self'",
            "worker-src": "'self'",
            "form-action": " ".join(("'self'", *targets)),
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        return "; ".join(f"{name} {value}" for name, value in policy.items())


def _bounded(own: Template, values: dict[str, object]) -> str:
    """The page that a template makes. ValueError: it is too long for one."""
    parts, length = [], 0
    for part in own.generate(values):
        parts.append(part)
        length += len(part)
        if length > OWN_PAGE_CHARACTERS_MAX:
            raise ValueError(f"the page is longer than {OWN_PAGE_CHARACTERS_MAX:,} characters")
    return "".join(parts)


def _drawn(view: RoomView) -> Markup | None:
    url = view.place.code_url if view.place is not None and view.look.qr else None
    return qr(url, view.speech.plain("code.qr")) if url else None


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _embedded(value: object) -> Markup:
    """JSON inside a script element: no ``<`` in it can end that element."""
    return Markup(msgspec.json.encode(value).decode().replace("<", "\\u003c"))  # noqa: S704
