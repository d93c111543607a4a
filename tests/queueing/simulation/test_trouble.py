"""Troubles are written KIND:MINUTE:…, and a mistake in one is told."""

import pytest

from queueing.simulation.trouble import Trouble, trouble_of


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("pause:30:5", Trouble("pause", 30, 5)),
        ("leader:30:0.05", Trouble("leader", 30, 0.05)),
        ("origin:60:10:0.2", Trouble("origin", 60, 10, 0.2)),
        ("outflow:90:1200", Trouble("outflow", 90, value=1200)),
        ("shows:40:0.5", Trouble("shows", 40, value=0.5)),
    ],
)
def test_each_kind_is_understood(text: str, trouble: Trouble) -> None:
    """Lasting ones have minutes, changes have a value."""
    assert trouble_of(text) == trouble


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pause",
        "pause:1",
        "pause:1:0",
        "pause:-1:5",
        "flood:1:2",
        "origin:1:2:1.5",
        "shows:1:0",
        "outflow:1:0",
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    """A missing, negative or senseless number, or an unknown kind."""
    with pytest.raises(ValueError):
        trouble_of(text)


def test_a_lasting_one_holds_from_its_minute_until_its_end() -> None:
    """Its first moment belongs to it, its last does not."""
    pause = trouble_of("pause:30:5")

    assert [pause.holds(minute) for minute in (29.9, 30, 34.9, 35)] == [False, True, True, False]
