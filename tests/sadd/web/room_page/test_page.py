"""A page is small, nothing else runs in it, and a room's own template never costs anybody the page."""

import base64
import gzip
import hashlib
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import get_args

import pytest
from structlog.testing import capture_logs

from sadd.rooms.findings import LOGO_BYTES_MAX
from sadd.web.room_page.look import Look, Size
from sadd.web.room_page.page import RoomPage
from sadd.web.room_page.speech import Lang
from sadd.web.room_page.view import PAGE_STATES, Fault, PageState
from tests.sadd.web.room_page.scene import AGENCY, NAME, room

PAGES = RoomPage()
FIRST_LOAD_BYTES_MAX = 14 * 1024
VOID = {"meta", "link", "input", "img", "br"}

every_state = pytest.mark.parametrize("state", PAGE_STATES)
both = pytest.mark.parametrize("lang", ["ar", "en"])


class Balanced(HTMLParser):
    """Each element is closed where it should be, and every id is one of a kind."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@every_state
@both
def test_every_state_is_a_page(state: PageState, lang: Lang) -> None:
    """Well formed, in its language and direction, with the agency's name, the service's and one heading."""
    html = PAGES.render(room(state, Look(lang, qr=True))).html
    page = Balanced()
    page.feed(html)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert f'<html lang="{lang}" dir="{"rtl" if lang == "ar" else "ltr"}"' in html
    assert getattr(NAME, lang) in html
    assert getattr(AGENCY, lang) in html
    assert html.count("<h1") == 1


@every_state
@both
def test_the_first_load_is_small(state: PageState, lang: Lang) -> None:
    """Page, style and script are one answer of at most 14 KiB as sent: ten packets of a new connection."""
    html = PAGES.render(room(state, Look(lang, qr=True))).html
    assert len(gzip.compress(html.encode(), 5)) <= FIRST_LOAD_BYTES_MAX


def test_the_largest_logo_has_room_in_the_first_load() -> None:
    """As long as a logo may be, in the page that has most, in the language that takes most."""
    noise = base64.b64encode(random.Random(5).randbytes(LOGO_BYTES_MAX * 3 // 4 - 30)).decode()
    view = replace(room("waiting", Look("ar")), logo=f"data:image/webp;base64,{noise}")
    assert view.logo is not None
    assert LOGO_BYTES_MAX - 60 < len(view.logo) <= LOGO_BYTES_MAX
    assert len(gzip.compress(PAGES.render(view).html.encode(), 5)) <= FIRST_LOAD_BYTES_MAX


@every_state
def test_nothing_is_fetched_from_elsewhere(state: PageState) -> None:
    """No picture, font, style or script of this host or another; and no attribute is a script."""
    page = Balanced()
    page.feed(PAGES.render(room(state, Look(qr=True))).html)
    loading = [
        v for tag, name, v in page.attributes if name in ("src", "href") and tag in ("img", "link", "script")
    ]
    assert all(v is not None and v.startswith("data:") for v in loading)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]


def test_the_policy_names_style_and_script_by_their_hash() -> None:
    """Nothing else runs, and forms go here or to the room's services."""
    rendered = PAGES.render(room("waiting"), targets=("https://results.example",))
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", rendered.html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in rendered.policy
    assert "unsafe" not in rendered.policy
    assert "default-src 'none'" in rendered.policy
    assert "form-action 'self' https://results.example;" in rendered.policy


def test_a_paused_line_says_so() -> None:
    """And promises no time, nor that the page may be closed until then."""
    html = PAGES.render(room("paused", Look("en"))).html
    assert "paused; we cannot tell just now" in html
    assert "You may close" not in html


def test_the_page_may_be_closed_only_when_that_is_true() -> None:
    """A long wait, and a place that this browser keeps; else the code has to be noted first."""
    view = room("waiting", Look("en"))
    assert view.place is not None
    assert (
        "You may close this page, your place is kept. Come back before <bdi>10:20</bdi>"
        in PAGES.render(view).html
    )
    near = replace(view, place=replace(view.place, wait_ms=(300_000, 400_000)))
    assert "You may close" not in PAGES.render(near).html
    carried = replace(view, place=replace(view.place, ticket="AT"), cookies=False)
    assert "You may close this page once you have noted your code" in PAGES.render(carried).html


def test_a_stock_that_ends_before_you_is_told() -> None:
    """With how many are left; else nothing is said of it."""
    view = replace(room("waiting", Look("en")), stock_left=40, short=True)
    assert re.search(r'id="short" class="warn">Only <bdi>40</bdi> are left', PAGES.render(view).html)
    assert 'id="short" class="warn" hidden' in PAGES.render(room("waiting")).html


def test_a_ticket_is_in_forms_only_without_cookies() -> None:
    """And every way to another look is then a button, since a link would lose it."""
    view = room("waiting")
    assert view.place is not None
    assert 'name="ticket"' not in PAGES.render(view).html
    carried = PAGES.render(replace(view, place=replace(view.place, ticket="AT_x"), cookies=False)).html
    assert '<input type="hidden" name="ticket" value="AT_x">' in carried
    assert not re.findall(r'<a href="\?', carried)
    assert "AT_x" not in "".join(re.findall(r'(?:href|action)="[^"]*"', carried))


@pytest.mark.parametrize("fault", get_args(Fault))
def test_what_went_wrong_is_told_on_top(fault: Fault) -> None:
    """In the page and in its title."""
    html = PAGES.render(replace(room("join", Look("en")), fault=fault)).html
    assert '<p class="fault" id="fault">Error: ' in html
    assert "<title>Error: " in html


@pytest.mark.parametrize("size", get_args(Size))
def test_the_chosen_size_is_marked(size: Size) -> None:
    """One of the four, for eyes and for screen readers."""
    html = PAGES.render(room("waiting", Look(size=size))).html
    assert f'data-size="{size}"' in html
    assert html.count('aria-current="true"') == 1


def test_what_a_visitor_typed_is_no_markup() -> None:
    """It comes back as text."""
    html = PAGES.render(replace(room("join"), typed='"><script>alert(1)</script>', fault="code")).html
    assert "<script>alert" not in html


def test_what_an_operator_wrote_is_no_markup() -> None:
    """Neither in the page nor in the data of its script, which it would end."""
    html = PAGES.render(replace(room("waiting"), message="</script><b>x", name="<i>")).html
    assert "</script><b>" not in html
    assert "<i>" not in html


OWN = """{% extends "room.html" %}
{% block style %}<style>header { background: #eee }</style>{% endblock %}
{% block intro %}<p>{{ view.agency }}: {{ plain("ahead", 3) }}</p>{% endblock %}"""


def test_a_room_has_a_template_of_its_own() -> None:
    """It replaces blocks; its style is named in the policy like ours."""
    rendered = PAGES.render(room("waiting", Look("en")), OWN)
    assert "<p>Ministry of Education: \u20683\u2069 people</p>" in rendered.html
    assert len(re.findall("sha256-", rendered.policy)) == 3
    assert PAGES.check(OWN, room("waiting")) is None


@pytest.mark.parametrize(
    "template",
    [
        "{% extends 'room.html' %}{% block intro %}{{ missing }}{% endblock %}",
        "{% extends 'other.html' %}",
        "no page",
        "{% block",
        *(
            "{% extends 'room.html' %}{% block intro %}" + inner + "{% endblock %}"
            for inner in (
                "{{ view.__class__.__mro__ }}",
                "{{ ().__class__.__base__.__subclasses__() }}",
                "{{ view.place.__init__.__globals__ }}",
                "{{ 'x' * 1000000000 }}",
                "{{ 'x'.ljust(1000000000) }}",
                "{{ 'x'|center(1000000000) }}",
                "{{ look.query(kept) }}",
                "{% for i in range(10) %}{% endfor %}",
                "{% for a in style %}{% for b in style %}{% endfor %}{% endfor %}",
                "{% set a = style ~ style %}",
                "{% with a = style %}{% endwith %}",
                "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}",
                "{% include 'room.html' %}",
                "{{ view.message|safe }}",
                "{{ say('next', **kept) }}",
                "{% for a in style %}{{ style }}{% endfor %}",
            )
        ),
    ],
)
def test_a_template_that_fails_costs_nobody_the_page(template: str) -> None:
    """The built-in page is shown, it is counted, a check says what is wrong, and the sandbox holds."""
    before = PAGES.counts["template_failed"]
    assert PAGES.render(room("waiting"), template).html == PAGES.render(room("waiting")).html
    assert PAGES.counts["template_failed"] == before + 1
    assert PAGES.check(template, room("waiting")) is not None


def test_a_crowd_before_a_template_that_fails_is_one_line_in_the_log() -> None:
    """Anybody can ask for the page as often as he likes."""
    pages, failing = RoomPage(), '{% extends "room.html" %}{% block place %}{{ nothing }}{% endblock %}'
    with capture_logs() as said:
        for _ in range(20):
            pages.render(room("waiting"), failing)
    assert [line["reason"] for line in said] == ["UndefinedError"]
    assert pages.stats().template_failed == 20
