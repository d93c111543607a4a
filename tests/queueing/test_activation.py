"""A room makes people wait always, at a schedule, or by itself with hysteresis."""

import pytest

from queueing.activation import Activity, Always, Automatic, Demand, Scheduled, decide

CALM = Demand(0, 0)


def test_always_is_always() -> None:
    """Without any demand, too."""
    assert decide(Always(), Activity(), CALM, 0).mode == "queueing"


@pytest.mark.parametrize(
    ("now_ms", "mode"),
    [(0, "closed"), (500, "gathering"), (1_000, "queueing"), (1_999, "queueing"), (2_000, "closed")],
)
def test_a_schedule_gathers_opens_and_ends(now_ms: int, mode: str) -> None:
    """Each of its moments belongs to what begins then."""
    schedule = Scheduled(1_000, 2_000, gathers_at_ms=500, outside="closed")

    assert decide(schedule, Activity(), CALM, now_ms).mode == mode


def test_outside_its_schedule_everyone_goes_through_unless_it_says_closed() -> None:
    """Before the opening there is no line, and without an end it stays open."""
    assert decide(Scheduled(1_000), Activity(), CALM, 999).mode == "passthrough"
    assert decide(Scheduled(1_000), Activity(), CALM, 10**15).mode == "queueing"


@pytest.mark.parametrize(
    "demand",
    [Demand(1_000, 0), Demand(0, 0, failed_share=0.2), Demand(0, 0, latency_ms=900.0)],
    ids=["rate", "errors", "latency"],
)
def test_any_threshold_makes_people_wait(demand: Demand) -> None:
    """Joins, errors or latency: one of them at its threshold is enough."""
    activation = Automatic(joins_per_minute=1_000, failed_share=0.2, latency_ms=900)

    assert decide(activation, Activity(), demand, 0).mode == "queueing"


def test_it_does_not_flutter_around_the_threshold() -> None:
    """Between 70% and 100% of the threshold the mode stays as it was."""
    activation = Automatic(joins_per_minute=1_000)
    between = Demand(850, 0)

    assert decide(activation, Activity("passthrough"), between, 0).mode == "passthrough"
    queueing = Activity("queueing")
    for minute in range(60):
        queueing = decide(activation, queueing, between, minute * 60_000)
    assert queueing.mode == "queueing"


def test_calm_must_last_and_the_line_be_empty() -> None:
    """Five minutes of calm, and nobody who waits, let everyone through again."""
    activation = Automatic(joins_per_minute=1_000, calm_ms=300_000)
    activity = decide(activation, Activity("queueing"), CALM, 0)
    activity = decide(activation, activity, CALM, 299_999)
    assert activity.mode == "queueing"

    waiting = decide(activation, activity, Demand(0, 1), 300_000)
    assert waiting == Activity("queueing")

    assert decide(activation, activity, CALM, 300_000).mode == "passthrough"


def test_what_was_not_heard_passes_no_threshold() -> None:
    """No news of the origin are no bad news."""
    assert decide(Automatic(failed_share=0.1), Activity(), CALM, 0).mode == "passthrough"


def test_misuse_is_refused() -> None:
    """An activation without thresholds, or a schedule that ends before it opens, cannot be made."""
    with pytest.raises(ValueError, match="threshold"):
        Automatic()
    with pytest.raises(ValueError, match="threshold"):
        Automatic(joins_per_minute=0)
    with pytest.raises(ValueError, match="calm"):
        Automatic(joins_per_minute=1, calm_share=1.5)
    with pytest.raises(ValueError, match="ends"):
        Scheduled(1_000, 1_000)
    with pytest.raises(ValueError, match="gather"):
        Scheduled(1_000, gathers_at_ms=1_001)
