import json

import pytest
from multidict import CIMultiDict

from sadd.gate.reply import reply_to
from sadd.web.problem import TYPE_BASE
from sadd_client import Decision
from sadd_client.middleware.refusal import refusal_of
from tests.sadd.gate.scene import REFUSED, answer


def test_who_may_proceed_is_not_refused() -> None:
    """Whoever decided."""
    assert refusal_of(Decision(True, "p", decided_by="lease")) is None


@pytest.mark.parametrize("decided_by", ["platform", "memory", "local"])
def test_a_limit_refuses_with_429(decided_by: str) -> None:
    """With the violated policy, and a wait in seconds that is never too short."""
    refusal = refusal_of(Decision(False, "p", 60, 0, 60_000, 1_001, decided_by))  # type: ignore[arg-type]
    assert refusal is not None

    assert refusal.status == 429
    assert refusal.headers["Retry-After"] == "2"
    assert refusal.headers["Cache-Control"] == "no-store"
    assert json.loads(refusal.body)["violated-policies"] == ["p"]


def test_a_refusal_is_the_gates() -> None:
    """Whichever of the two stands before a service, a program reads the same type of problem."""
    refusal = refusal_of(Decision(False, "exam", 60, 0, 60_000, 1_001))
    gates = reply_to(answer(REFUSED), "", CIMultiDict()).problem
    assert refusal is not None
    assert gates is not None

    told = json.loads(refusal.body)
    assert (told["type"], told["title"]) == (TYPE_BASE + gates.slug, gates.title)
    assert set(told) == {"type", "title", "status", *gates.extra}


def test_nobody_to_ask_is_503() -> None:
    """It is not the caller's doing, and monitoring should see it."""
    refusal = refusal_of(Decision(False, "p", retry_after_ms=50, decided_by="closed"))
    assert refusal is not None
    assert (refusal.status, refusal.headers["Retry-After"]) == (503, "1")


def test_a_ban_has_no_retry_after() -> None:
    """No wait helps, so none is told."""
    refusal = refusal_of(Decision(False, "p", 0, 0, 0, None))
    assert refusal is not None
    assert "Retry-After" not in refusal.headers
