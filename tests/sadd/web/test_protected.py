"""From an entry of the catalogue to the values that the services take."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sadd.catalogue import rules
from sadd.catalogue.model import Capacity, Class, LimitClass, QueueClass, SessionClass
from sadd.limits.classes import limit_of
from sadd.rooms.resolving import default_of
from sadd.web.protected import session_policy_of
from tests.sadd.catalogue.scene import TODAY, service, small
from tests.sadd.web.scene import View

COUNTS = st.one_of(st.integers(-1, 40), st.integers(0, 2 * rules.CLASS_COUNT_MAX))
SECONDS = st.one_of(st.integers(-1, 40), st.integers(0, 2 * rules.CLASS_SECONDS_MAX))
SHARES = st.floats(0, 1) | st.just(math.inf)
CLASSES = st.one_of(
    st.builds(LimitClass, st.just("standard"), COUNTS, SECONDS, COUNTS),
    st.builds(QueueClass, st.just("surge"), SHARES, SHARES, SECONDS, SECONDS),
    st.builds(
        SessionClass,
        st.just("citizen"),
        SECONDS,
        SECONDS,
        st.sampled_from(("aal1", "aal2", "aal3", "anonymous")),
        st.booleans(),
        COUNTS,
        st.just("oldest"),
        COUNTS,
        COUNTS,
    ),
)


def accepted(class_: Class) -> bool:
    return not list(rules.findings(class_, rules.Known(), TODAY))


def use(class_: Class) -> None:
    """Take the class from a catalogue as a request does."""
    whole, asked = small(), service()
    kind = {LimitClass: "limits", QueueClass: "queues", SessionClass: "sessions"}[type(class_)]
    view = View(replace(whole, classes=replace(whole.classes, **{kind: {class_.id: class_}})))
    match class_:
        case LimitClass():
            limit_of(view.current, asked)
        case QueueClass():
            default_of(view.current, asked)
        case SessionClass():
            session_policy_of(view, asked)


@given(CLASSES)
def test_what_the_rules_accept_the_services_take(class_: Class) -> None:
    """A class that passed the check never fails at a request."""
    if accepted(class_):
        use(class_)


@pytest.mark.parametrize(
    "class_",
    [
        LimitClass("standard", 10_000_000, 1, 20),
        LimitClass("standard", 1, 31_000_000, 10_000_000),
        QueueClass("surge", 0.15, 0.9, 120, 86_401),
        QueueClass("surge", 0.15, 0.9, 86_401, 300),
        SessionClass("citizen", 900, 31 * 86_400),
        SessionClass("citizen", 3_601, 86_400, "aal2"),
        SessionClass("citizen", 3_600, 86_401, "aal2"),
        SessionClass("citizen", 901, 43_200, "aal3"),
        SessionClass("citizen", 900, 43_201, "aal3"),
        SessionClass("citizen", 900, 900, grace_seconds=11),
        SessionClass("citizen", 900, 900, parallel_max=1_001),
    ],
    ids=str,
)
def test_what_the_services_do_not_take_the_rules_refuse(class_: Class) -> None:
    """The bounds of the services are told when the catalogue is checked."""
    with pytest.raises(ValueError):
        use(class_)
    assert not accepted(class_)


@pytest.mark.parametrize(
    "class_",
    [
        LimitClass("standard", 10_000_000, 10, 10_000_000),
        QueueClass("surge", 1, 1, 86_400, 86_400),
        SessionClass("citizen", 1, 30 * 86_400),
    ],
    ids=["limits", "queues", "sessions"],
)
def test_the_bounds_themselves_are_accepted(class_: Class) -> None:
    """The rules refuse nothing that the services take."""
    use(class_)
    assert accepted(class_)


def test_a_capacity_of_any_size_makes_a_room() -> None:
    """The shares of a capacity are kept within the bounds of a room."""
    for rate, users in ((1, 1), (rules.REQUESTS_PER_SECOND_MAX, rules.CONCURRENT_USERS_MAX)):
        asked = service(capacity=Capacity(rate, users))
        spec = default_of(small(asked), asked)
        assert spec is not None
        assert spec.room.active_cap >= 1
