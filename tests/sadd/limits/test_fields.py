"""The fields of an answer, read by a library of structured fields."""

from http_sfv.list import List
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.decision import Decision
from ratelimit.policy import Policy
from sadd.limits.answer import Answer
from sadd.limits.fields import fields, lines, policy_field

BURST = Policy("burst", 100, 60, 20)
DAILY = Policy("rule.daily", 1000, 86_400, 1000)


def answer(*decisions: Decision, report: int = 0) -> Answer:
    policies = (BURST, DAILY)[: len(decisions)]
    allowed = all(one.allowed for one in decisions)
    return Answer(allowed, decisions[report], decisions, None, (), policies, policy_field(policies))


def read(text: str) -> list[tuple[str, dict[str, object]]]:
    found = List()
    found.parse(text.encode())
    return [(item.value, dict(item.params)) for item in found]


def passes(policy: Policy, remaining: int, reset_ms: int) -> Decision:
    return Decision(True, policy.id, policy.limit, remaining, reset_ms, None)


def refuses(policy: Policy, retry_ms: int | None) -> Decision:
    return Decision(False, policy.id, policy.limit, 0, 90_000, retry_ms)


def test_one_limit_is_one_item() -> None:
    """Quota and window of the policy; remaining and time to more of the decision. No Retry-After."""
    found = fields(answer(passes(BURST, 19, 1_001)))
    assert read(found["RateLimit-Policy"]) == [("burst", {"q": 100, "w": 60})]
    assert read(found["RateLimit"]) == [("burst", {"r": 19, "t": 2})]
    assert "Retry-After" not in found


def test_all_limits_are_told_and_the_nearest_first() -> None:
    """Allowed: each limit has its item, and the one with the least remaining comes first."""
    found = fields(answer(passes(BURST, 19, 1_000), passes(DAILY, 3, 60_000), report=1))
    assert [name for name, _ in read(found["RateLimit-Policy"])] == ["burst", "rule.daily"]
    assert [name for name, _ in read(found["RateLimit"])] == ["rule.daily", "burst"]


def test_a_refusal_names_the_limit_that_refused() -> None:
    """RateLimit is of those that refuse, RateLimit-Policy of all; Retry-After is not before any ``t``."""
    found = fields(answer(refuses(BURST, 4_001), passes(DAILY, 900, 80_000_000)))
    assert read(found["RateLimit"]) == [("burst", {"r": 0, "t": 5})]
    assert len(read(found["RateLimit-Policy"])) == 2
    assert found["Retry-After"] == "5"


def test_the_longest_wait_is_retry_after() -> None:
    """Of several that refuse, whoever waits for the one reported is refused by none of them."""
    found = fields(answer(refuses(BURST, 4_000), refuses(DAILY, 70_000), report=1))
    assert read(found["RateLimit"]) == [("rule.daily", {"r": 0, "t": 70}), ("burst", {"r": 0, "t": 4})]
    assert found["Retry-After"] == "70"


def test_a_ban_has_no_time_to_retry() -> None:
    """No wait helps, so none is named."""
    assert "Retry-After" not in fields(answer(refuses(BURST, None)))
    banned = fields(answer(Decision(False, "burst", 0, 0, 0, None, "ban")))
    assert read(banned["RateLimit"]) == [("burst", {"r": 0})]
    assert "Retry-After" not in banned


def test_without_the_store_no_numbers_are_made_up() -> None:
    """Open and closed say who decides (the policy), not what remains; nor does a local share of a quota."""
    opened = Decision(True, "burst", 100, 20, 0, None, "open")
    closed = Decision(False, "burst", 100, 0, 1_000, 1_000, "closed")
    assert set(fields(answer(opened))) == {"RateLimit-Policy"}
    assert set(fields(answer(closed))) == {"RateLimit-Policy", "Retry-After"}
    shared = Decision(True, "burst", 100, 20, 0, None, "share")
    used_up = Decision(False, "burst", 100, 0, 1_000, 1_000, "share")
    assert set(fields(answer(shared))) == {"RateLimit-Policy"}
    assert fields(answer(used_up))["Retry-After"] == "1"
    assert "RateLimit" not in fields(answer(used_up))


@given(st.text(min_size=1, max_size=40), st.integers(0, 2**60), st.integers(0, 2**50))
def test_whatever_a_policy_is_called_the_fields_parse(name: str, remaining: int, reset_ms: int) -> None:
    """Quotes, backslashes and letters that no structured string holds; integers beyond fifteen digits."""
    policy = Policy("".join(c for c in name if c not in "{}\0") or "x", 10, 10, 5)
    decision = Decision(True, policy.id, 10, remaining, min(reset_ms, 10**17), None)
    found = fields(Answer(True, decision, (decision,), None, (), (policy,), policy_field((policy,))))
    assert read(found["RateLimit"])[0][0] == read(found["RateLimit-Policy"])[0][0]


DECISIONS = st.lists(
    st.builds(
        lambda allowed, policy, remaining, reset_ms, retry_ms, by: Decision(
            allowed, policy, 100, remaining, reset_ms, None if allowed else retry_ms, by
        ),
        st.booleans(),
        st.sampled_from(["burst", "rule.daily", 'q"t']),
        st.integers(0, 2**60),
        st.integers(0, 10**12),
        st.none() | st.integers(1, 10**9),
        st.sampled_from(["store", "store", "memory", "ban", "open", "share"]),
    ),
    max_size=3,
)


@given(DECISIONS, st.booleans())
def test_the_fields_as_text_are_the_fields(decisions: list[Decision], counts: bool) -> None:
    """The fast lane writes lines, the long way fields: one answer has the same of both."""
    reported = decisions[0] if decisions else Decision(False, "x", 0, 0, 0, None, "ban")
    field = policy_field((BURST,)) if counts else ""
    one = Answer(reported.allowed, reported, tuple(decisions), None, (), (), field)
    assert lines(one) == "".join(f"{name}: {value}\r\n" for name, value in fields(one).items())
