"""A refusal that is remembered says what the platform would say now."""

from sadd_client.decision import Decision
from sadd_client.refused import Refused


def refused(rate_limit: str | None, retry_after_ms: int | None = 5_000) -> Refused:
    decision = Decision(
        False, 'a";t=1', 60, 0, 60_000, retry_after_ms, rate_limit=rate_limit, rate_limit_policy="its policy"
    )
    return Refused.of(decision, 1, asked_at=100.0)


def test_its_fields_count_on() -> None:
    """``RateLimit`` has the wait that is left, of the limit that it was told of first: Retry-After is its."""
    memory = refused(r'"a\";t=1";r=0;t=5, "b";r=0;t=2').again(1, 100.9)
    assert memory is not None
    assert memory.retry_after_ms == 4_100
    assert memory.rate_limit == r'"a\";t=1";r=0;t=5'
    assert memory.rate_limit_policy == "its policy"
    later = refused('"a";r=3;t=2', 2_000).again(2, 100.0 + 0.999)
    assert later is not None
    assert later.rate_limit == '"a";r=3;t=2'
    assert refused('"a";r=0;t=1', 400).again(1, 100.4) is None


def test_a_ban_stays_as_it_was_told() -> None:
    """There is no wait to count."""
    memory = refused('"a";r=0', None).again(1, 100.5)
    assert memory is not None
    assert memory.rate_limit == '"a";r=0'


def test_what_was_not_told_is_not_made_up() -> None:
    """A batch has no fields; what is no field of ours is not handed on as one."""
    for told in (None, "", "limit=1, remaining=0"):
        memory = refused(told).again(1, 100.5)
        assert memory is not None
        assert memory.rate_limit is None
