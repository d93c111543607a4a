import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sadd_client import Decision, PlatformAway, Problem
from sadd_client.answers import decision_of, decisions_of, problem_in, retry_after_seconds
from sadd_client.wire import Answer
from tests.client.odd import ALLOWED

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = [*ALLOWED, "retry_after_ms", "fallback", "rule", "violated_policies"]
PROBLEM = {"content-type": "application/problem+json"}


@given(
    st.binary() | st.dictionaries(st.sampled_from(MEMBERS), ANYTHING).map(lambda m: json.dumps(m).encode())
)
@example(b"[" * 100_000)
def test_any_bytes_are_a_decision_or_none(body: bytes) -> None:
    """Nothing that a server can say is another error than the one that ``on_loss`` waits for."""
    try:
        decision = decision_of(Answer(200, {}, body))
    except PlatformAway:
        return
    assert isinstance(decision, Decision)


@given(ANYTHING, st.integers(0, 3))
def test_a_batch_has_as_many_answers_as_questions(results: Any, count: int) -> None:
    """Or none: an answer at another's place would decide for the wrong caller."""
    body = json.dumps({"results": results}).encode()
    with suppress(PlatformAway):
        assert len(decisions_of(Answer(200, {}, body), count)) == count


@given(st.dictionaries(st.sampled_from(["type", "title", "detail", "errors", "request_id"]), ANYTHING))
def test_any_problem_is_a_problem(members: dict[str, Any]) -> None:
    """Whatever its members are."""
    found = problem_in(Answer(400, PROBLEM, json.dumps(members).encode()))
    assert isinstance(found, Problem)
    assert found.details.status == 400


def test_what_a_newer_platform_adds_is_let_be() -> None:
    """An unknown member breaks nothing."""
    body = json.dumps({**ALLOWED, "mood": {"of": ["the", "day"]}}).encode()
    assert decision_of(Answer(200, {}, body)).allowed


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("86400", 60.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("Tue, 24 Nov 2026 10:00:09 GMT", 9.0),
        ("Tue, 24 Nov 2026 09:59:00 GMT", 0.0),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    """Seconds or a date, which counts from the answer's own; cut to a minute; else as if there were none."""
    dated = Answer(503, {"retry-after": value, "date": "Tue, 24 Nov 2026 10:00:00 GMT"})
    assert retry_after_seconds(dated) == seconds


def test_a_date_without_a_date_says_nothing() -> None:
    """Our own clock may be wrong by hours."""
    assert retry_after_seconds(Answer(503, {"retry-after": "Tue, 24 Nov 2026 10:00:09 GMT"})) is None
