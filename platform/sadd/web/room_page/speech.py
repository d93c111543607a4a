"""Numbers, times and texts as a reader of one language wants them.

CLDR's rules come with babel: Arabic has six plural forms, and either of two sets of digits, which a room
chooses and the page keeps to. Numbers stand in isolates, so that a code or an interval keeps its order in a
line that runs from right to left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Any, Literal
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from markupsafe import Markup, escape

Lang = Literal["ar", "en"]
Digits = Literal["latn", "arab"]

LANGS: tuple[Lang, ...] = ("ar", "en")
OF_EACH_DIGIT = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")

ISOLATE, ISOLATE_END = "\u2068", "\u2069"
"""What <bdi> is where there is no markup: titles, and texts that a script fills in."""

MINUTE_MS = 60_000
HOURS_FROM_MINUTES = 100
"""Longer waits are told in hours: nobody plans by the minute of a wait of three hours."""

Forms = Mapping[str, str]
Text = str | Forms | tuple[str, ...]
"""One text; one for each plural category of a number; or several sentences."""


@lru_cache(maxsize=len(LANGS))
def texts(lang: Lang) -> Mapping[str, Text]:
    """Every text by its dotted key."""
    file = resources.files("sadd.web.room_page").joinpath(f"texts/{lang}.yaml")
    return dict(_flat(yaml.safe_load(file.read_text("utf-8")), ""))


def _flat(tree: Mapping[str, Any], prefix: str) -> list[tuple[str, Text]]:
    found: list[tuple[str, Text]] = []
    for name, value in tree.items():
        if isinstance(value, dict) and "other" not in value:
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, tuple(value) if isinstance(value, list) else value))
    return found


@dataclass(frozen=True, slots=True)
class Speech:
    """One language, one set of digits, one time zone. English is always in Latin digits."""

    lang: Lang
    digits: Digits
    zone: ZoneInfo

    @property
    def direction(self) -> Literal["rtl", "ltr"]:
        return "rtl" if self.lang == "ar" else "ltr"

    @property
    def shown_digits(self) -> Digits:
        return self.digits if self.lang == "ar" else "latn"

    def number(self, value: int) -> str:
        # babel knows the separators of a set of digits, and leaves the digits themselves to its caller
        return self._in_digits(format_decimal(value, locale=self.lang, numbering_system=self.shown_digits))

    def clock(self, at_ms: int, *, seconds: bool = False) -> str:
        """Hours and minutes of the day; no am and pm, which nobody reads the same way."""
        moment = datetime.fromtimestamp(at_ms / 1000, self.zone)
        return self._in_digits(f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}")

    def day(self, at_ms: int) -> str:
        """``Sunday, 1 August 2027``."""
        moment = datetime.fromtimestamp(at_ms / 1000, self.zone)
        shown = format_date(moment, "EEEE، d MMMM y" if self.lang == "ar" else "EEEE, d MMMM y", self.lang)
        return self._in_digits(shown)

    def say(self, key: str, count: int | None = None, /, **values: object) -> Markup:
        """The text for a page, its values escaped and isolated. ``count`` chooses the form and is ``{n}``."""
        if count is None and not values:
            return _fixed(self.lang, key)
        return _marked(self._text(key, count), self._values(count, values))

    def say_each(self, key: str, /, **values: object) -> list[Markup]:
        """The sentences under a key, for a list in a page."""
        sentences = texts(self.lang)[key]
        assert isinstance(sentences, tuple), f"{key} is not several sentences"
        return [_marked(sentence, self._values(None, values)) for sentence in sentences]

    def plain(self, key: str, count: int | None = None, /, **values: object) -> str:
        """The same where there is no markup."""
        shown = {name: f"{ISOLATE}{value}{ISOLATE_END}" for name, value in self._values(count, values)}
        return self._text(key, count).format(**shown)

    def raw(self, key: str) -> Text:
        """As it is written, for a script that fills it in."""
        return texts(self.lang)[key]

    def duration(self, ms: int, *, up: bool = False) -> str:
        """``5 minutes`` or ``3 hours``, rounded down or up, never in two units."""
        unit, count = _told(ms, up=up)
        return self.plain(unit, count)

    def interval(self, low_ms: int, high_ms: int) -> str:
        """``5 to 8 minutes``, rounded outwards; one duration where both ends are told alike."""
        (low_unit, low), (unit, high) = _told(low_ms, up=False), _told(high_ms, up=True)
        if high_ms < MINUTE_MS:
            return self.plain("minutes", 0)
        if (low_unit, low) == (unit, high):
            return self.plain("about", duration=self.plain(unit, high))
        if low == 0:
            return self.plain("up_to", duration=self.plain(unit, high))
        if low_unit == unit:
            return self.plain(f"{unit}_range", high, low=low)
        return self.plain("range", low=self.plain(low_unit, low), high=self.plain(unit, high))

    def _values(self, count: int | None, values: Mapping[str, object]) -> list[tuple[str, object]]:
        given = [(name, self.number(v) if isinstance(v, int) else v) for name, v in values.items()]
        return given if count is None else [("n", self.number(count)), *given]

    def _text(self, key: str, count: int | None) -> str:
        found = texts(self.lang)[key]
        if isinstance(found, str):
            return found
        assert not isinstance(found, tuple), f"{key} is several sentences"
        assert count is not None, f"{key} depends on a number"
        return found.get(category(self.lang, count)) or found["other"]

    def _in_digits(self, text: str) -> str:
        return text.translate(OF_EACH_DIGIT) if self.shown_digits == "arab" else text


@lru_cache(maxsize=1024)
def _fixed(lang: Lang, key: str) -> Markup:
    """A text without values, escaped once: most of a page is such."""
    text = texts(lang)[key]
    assert isinstance(text, str), f"{key} depends on something"
    return escape(text)


def _marked(text: str, values: list[tuple[str, object]]) -> Markup:
    shown = {name: Markup("<bdi>{}</bdi>").format(value) for name, value in values}
    return escape(text).format(**shown)


def _told(ms: int, *, up: bool) -> tuple[str, int]:
    minutes = -(-ms // MINUTE_MS) if up else ms // MINUTE_MS
    if minutes < HOURS_FROM_MINUTES:
        return "minutes", minutes
    return "hours", -(-minutes // 60) if up else minutes // 60


def category(lang: Lang, count: int) -> str:
    """CLDR's plural category of a number: zero, one, two, few, many or other."""
    if lang == "en" and count == 0:
        return "zero"  # not CLDR's, which has one and other: "nobody" reads better than "0 people"
    return str(_locale(lang).plural_form(count))


@lru_cache(maxsize=len(LANGS))
def _locale(lang: Lang) -> Locale:
    return Locale.parse(lang)
