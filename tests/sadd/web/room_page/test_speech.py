"""Arabic and English say numbers, waits and times as their readers do."""

from collections.abc import Iterator, Mapping
from string import Formatter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.web.room_page.speech import Digits, Lang, Speech, Text, category, texts

QATAR = ZoneInfo("Asia/Qatar")
MINUTE = 60_000
MORNING_MS = 1_817_103_909_000
"""2027-08-01 07:05:09 UTC."""


def speech(lang: Lang, digits: Digits = "latn") -> Speech:
    return Speech(lang, digits, QATAR)


@pytest.mark.parametrize(
    ("people", "said"),
    [
        (0, "لا أحد"),
        (1, "شخص واحد"),
        (2, "شخصان"),
        (3, "3 أشخاص"),
        (10, "10 أشخاص"),
        (11, "11 شخصًا"),
        (99, "99 شخصًا"),
        (100, "100 شخص"),
        (102, "102 شخص"),
        (103, "103 أشخاص"),
        (1_311, "1,311 شخصًا"),
    ],
)
def test_arabic_has_six_plurals(people: int, said: str) -> None:
    """zero, one, two, few, many and other, by the last two digits."""
    assert bare(speech("ar").plain("ahead", people)) == said


@pytest.mark.parametrize(
    ("people", "said"), [(0, "nobody"), (1, "1 person"), (2, "2 people"), (1_310, "1,310 people")]
)
def test_english_plurals(people: int, said: str) -> None:
    """Two forms, and a word of its own for none."""
    assert bare(speech("en").plain("ahead", people)) == said


def test_a_room_chooses_the_digits_of_arabic() -> None:
    """Numbers, times and days in one set; English keeps Latin digits."""
    arabic = speech("ar", "arab")
    assert arabic.number(1_310) == "١٬٣١٠"
    assert arabic.clock(MORNING_MS, seconds=True) == "١٠:٠٥:٠٩"
    assert arabic.day(MORNING_MS) == "الأحد، ١ أغسطس ٢٠٢٧"
    assert speech("en", "arab").number(1_310) == "1,310"
    assert speech("en").day(MORNING_MS) == "Sunday, 1 August 2027"


@pytest.mark.parametrize(
    ("low", "high", "arabic", "english"),
    [
        (0, 50_000, "أقل من دقيقة", "less than a minute"),
        (10_000, 90_000, "حتى دقيقتين", "up to 2 minutes"),
        (5 * MINUTE, 8 * MINUTE, "من 5 إلى 8 دقائق", "5 to 8 minutes"),
        (5 * MINUTE, 5 * MINUTE, "نحو 5 دقائق", "about 5 minutes"),
        (MINUTE, 2 * MINUTE, "من دقيقة إلى دقيقتين", "1 to 2 minutes"),
        (20 * MINUTE + 1, 29 * MINUTE - 1, "من 20 إلى 29 دقيقة", "20 to 29 minutes"),
        (90 * MINUTE, 150 * MINUTE, "من 90 دقيقة إلى 3 ساعات", "90 minutes to 3 hours"),
        (130 * MINUTE, 700 * MINUTE, "من 2 إلى 12 ساعة", "2 to 12 hours"),
    ],
)
def test_a_wait_is_an_interval(low: int, high: int, arabic: str, english: str) -> None:
    """Rounded outwards, so that what was promised is never better than what is known."""
    assert bare(speech("ar").interval(low, high)) == arabic
    assert bare(speech("en").interval(low, high)) == english


def test_values_are_isolated() -> None:
    """A number keeps its order in a line from right to left, in a page by bdi and in a title by isolates."""
    arabic = speech("ar")
    assert "<bdi>10:05</bdi>" in arabic.say("close.waiting", time="10:05")
    assert "\u206810:05\u2069" in arabic.plain("close.waiting", time="10:05")


def test_values_are_escaped() -> None:
    """A value is text, whatever it holds."""
    assert "&lt;script&gt;" in speech("en").say("close.waiting", time="<script>")


def test_both_languages_have_the_same_texts() -> None:
    """The same keys, with the same values in them, and as many sentences."""
    arabic, english = texts("ar"), texts("en")
    assert arabic.keys() == english.keys()
    for key, text in arabic.items():
        assert set(names(text)) - {"n"} == set(names(english[key])) - {"n"}, key
        if isinstance(text, tuple):
            assert len(text) == len(english[key]), key


def test_arabic_has_every_plural_form() -> None:
    """Each text that depends on a number has all six."""
    for key, text in texts("ar").items():
        if isinstance(text, Mapping) and not key.endswith("_range"):
            assert set(text) == {"zero", "one", "two", "few", "many", "other"}, key


@given(st.integers(0, 10**9))
def test_arabic_plural_categories(number: int) -> None:
    """As CLDR has them: by the number itself up to two, then by its last two digits."""
    last = number % 100
    rest = "few" if 3 <= last <= 10 else "many" if last >= 11 else "other"
    assert category("ar", number) == {0: "zero", 1: "one", 2: "two"}.get(number, rest)


def bare(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")


def names(text: Text) -> Iterator[str]:
    parts = text.values() if isinstance(text, Mapping) else (text,) if isinstance(text, str) else text
    for part in parts:
        yield from (name for _, name, _, _ in Formatter().parse(part) if name)
