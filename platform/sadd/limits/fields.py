"""``RateLimit-Policy``, ``RateLimit`` and ``Retry-After``, in one place for every way in.

They are those of draft-ietf-httpapi-ratelimit-headers-10; the first two are structured fields (RFC 9651),
lists of strings with parameters.
"""

from collections.abc import Sequence
from functools import lru_cache

from ratelimit.decision import Decision
from ratelimit.policy import Policy
from sadd.limits.answer import Answer

INTEGER_MAX = 999_999_999_999_999
"""RFC 9651, section 3.3.1: fifteen digits."""

_NUMBERLESS = ("open", "closed", "share")


def fields(answer: Answer) -> dict[str, str]:
    """The fields of one answer. None where nothing counts the caller.

    Of a refusal ``RateLimit`` names those limits alone that refuse: the draft wants Retry-After not to come
    before ``t``, and a daily limit that is not used up has its ``t`` at midnight.
    """
    found: dict[str, str] = {}
    if answer.policy_field:
        found["RateLimit-Policy"] = answer.policy_field
        if limits := _limits(answer):
            found["RateLimit"] = limits
    retry_ms = answer.decision.retry_after_ms
    if retry_ms is not None:
        found["Retry-After"] = str(seconds(retry_ms))
    return found


def lines(answer: Answer) -> str:
    """The same as header lines, for who writes the head as text."""
    if len(answer.decisions) == 1 and answer.policy_field and answer.decision.decided_by == "store":
        # Nearly always; a third of the time of what follows, which says the same.
        decision = answer.decision
        retry_ms = decision.retry_after_ms
        remaining = decision.remaining if decision.remaining < INTEGER_MAX else INTEGER_MAX
        opening = _opening(answer.policy_field, decision.policy)
        t = -(-(retry_ms or decision.reset_after_ms) // 1000)
        if retry_ms is None:
            return f"{opening}{remaining};t={t}\r\n"
        return f"{opening}{remaining};t={t}\r\nRetry-After: {t}\r\n"
    policy_line = f"RateLimit-Policy: {answer.policy_field}\r\n" if answer.policy_field else ""
    limits = _limits(answer) if policy_line else ""
    found = f"{policy_line}RateLimit: {limits}\r\n" if limits else policy_line
    retry_ms = answer.decision.retry_after_ms
    return found if retry_ms is None else f"{found}Retry-After: {seconds(retry_ms)}\r\n"


@lru_cache(maxsize=4096)
def _opening(policy_field: str, policy: str) -> str:
    """The lines of one limit, as far as they are always the same."""
    return f"RateLimit-Policy: {policy_field}\r\nRateLimit: {_quoted(policy)};r="


def policy_field(policies: Sequence[Policy]) -> str:
    """What ``RateLimit-Policy`` says of policies. To be made once for each set of them."""
    return ", ".join(map(_policy, policies))


def seconds(ms: int) -> int:
    """Rounded up: whoever waits so long is not refused for coming early."""
    return -(-ms // 1000)


def _limits(answer: Answer) -> str:
    decisions = answer.decisions
    if len(decisions) == 1:
        return _limit(decisions[0])
    told = [one for one in decisions if one.allowed == answer.allowed and one is not answer.decision]
    return ", ".join(filter(None, map(_limit, (answer.decision, *told))))


def _limit(decision: Decision) -> str:
    """One item; empty where the policy's way without the store knows no numbers. Of a ban it has no ``t``,
    which may be left out: there is no time to more, and 0 would say now.
    """
    if decision.decided_by in _NUMBERLESS:
        return ""
    t = -(-(decision.retry_after_ms or decision.reset_after_ms) // 1000)
    if not t and decision.decided_by == "ban":
        return f"{_quoted(decision.policy)};r=0"
    remaining = decision.remaining
    return f"{_quoted(decision.policy)};r={remaining if remaining < INTEGER_MAX else INTEGER_MAX};t={t}"


def _policy(policy: Policy) -> str:
    return f"{_quoted(policy.id)};q={min(policy.limit, INTEGER_MAX)};w={policy.period_seconds}"


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    """A structured string. What is not printable ASCII, which it cannot hold, becomes a question mark."""
    shown = "".join(c if " " <= c <= "~" else "?" for c in text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
