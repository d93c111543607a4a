"""A room's own template is judged when it is set: what it may not have is told with its line."""

import pytest

from sadd.rooms.findings import findings
from sadd.rooms.template import faults
from sadd.rooms.written import RoomSettings

BEGIN = '{% extends "room.html" %}\n'


def test_what_a_template_is_for_is_taken() -> None:
    """Blocks, texts, conditions, a loop over lanes, and the block as it was."""
    text = BEGIN + (
        '{% block intro %}{% if view.place %}{{ plain("label.number") }} {{ view.place.number|default("–") }}'
        "{% else %}{{ view.agency|upper ~ view.name }}{% endif %}"
        "{% for share in view.shares %}<li>{{ share.label }}</li>{% endfor %}{% endblock %}"
        "{% block next %}{{ super() }}{% endblock %}"
    )
    assert list(faults(text)) == []


@pytest.mark.parametrize(
    ("inner", "fault"),
    [
        ("{{ 'x' * 9 }}", "line 2: mul is not taken here"),
        ("{% set a = 1 %}", "line 2: assign is not taken here"),
        ("{{ view.look.query(kept) }}", "line 2: only plain, say, super are called"),
        ("{{ view.name|safe }}", "line 2: the filter safe is not one of"),
        (
            "{% for a in 'ab' %}{% for b in 'ab' %}{% endfor %}{% endfor %}",
            "line 2: a loop in a loop is not taken",
        ),
        ("{% for a in 'ab' recursive %}{% endfor %}", "line 2: a loop in a loop is not taken"),
        ("{{ view", "line 2: unexpected end of template"),
    ],
)
def test_what_could_take_a_worker_is_refused(inner: str, fault: str) -> None:
    """All memory, all time, or a way out of the page."""
    assert any(found.startswith(fault) for found in faults(BEGIN + inner))


def test_another_page_is_refused() -> None:
    """Only the waiting room's page is to be built on."""
    for text in ("hello", "{% extends 'other.html' %}", "{% extends view.name %}"):
        assert any("does not begin with" in found for found in faults(text))


def test_the_setting_is_refused_with_its_place() -> None:
    """As every other setting that breaks a rule."""
    room = RoomSettings("moehe-results", template=BEGIN + "{% set a = 1 %}")
    assert [str(found) for found in findings(room)] == ["template: line 2: assign is not taken here"]
