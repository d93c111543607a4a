"""What the counters' answers mean for a request: its statuses, its code, headers and metadata. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from ratelimit.decision import Decision
from sadd.envoy.plan import NO_LIMIT, Count, Modes, Plan
from sadd.envoy.request import Code, Descriptor, Outcome, Status

OK, OVER_LIMIT = Code.OK, Code.OVER_LIMIT


def conclude(plan: Plan, decisions: Sequence[Decision], modes: Modes, now_ms: int) -> tuple[Outcome, bool]:
    """The outcome for ``decisions`` (one for each of ``plan.counts``); and did global shadow mode make it OK.

    ``now_ms`` since 1970: of a counter that was not asked (a ban) it tells when the window ends.
    """
    statuses = [status or NO_LIMIT for status in plan.statuses]
    for count, decision in zip(plan.counts, decisions, strict=True):
        statuses[count.place] = _status(count, decision, now_ms)
    over = _is_over(plan, statuses, modes)
    outcome = Outcome(
        OVER_LIMIT if over and not modes.shadow else OK,
        tuple(statuses),
        _headers(statuses, modes) if modes.headers else (),
        _metadata(plan, statuses) if modes.metadata else None,
    )
    return outcome, over and modes.shadow


def _status(count: Count, decision: Decision, now_ms: int) -> Status:
    reset_ms = decision.reset_after_ms or _window_left_ms(count, now_ms)
    if decision.allowed or count.negative:
        return Status(OK, count.limit, decision.remaining, reset_ms)
    # What was left and too little is being used up (``asking``), so nothing is left now.
    return Status(OK if count.match.rule.shadow_mode else OVER_LIMIT, count.limit, 0, reset_ms)


def _window_left_ms(count: Count, now_ms: int) -> int:
    window_ms = count.policy.period_seconds * 1000
    return window_ms - now_ms % window_ms


def _is_over(plan: Plan, statuses: Sequence[Status], modes: Modes) -> bool:
    """A limit is over, or all those in quota mode are.

    In global quota mode every descriptor is, also one that met no limit, so one of those is enough for OK:
    that is how envoyproxy/ratelimit has it.
    """
    if len(statuses) == 1:  # as most are: one quota is all of them
        return statuses[0].code is OVER_LIMIT
    if modes.quota:
        return all(status.code is OVER_LIMIT for status in statuses)
    quotas = quotas_over = 0
    for count in plan.counts:
        over = statuses[count.place].code is OVER_LIMIT
        if count.match.rule.quota_mode:
            quotas += 1
            quotas_over += over
        elif over:
            return True
    return 0 < quotas == quotas_over


def _headers(statuses: Sequence[Status], modes: Modes) -> tuple[tuple[str, str], ...]:
    """Of the descriptor with the least remaining; one that is over wins, the last of several."""
    limited = [status for status in statuses if status.current_limit is not None]
    over = [status for status in limited if status.code is OVER_LIMIT]
    if not limited:
        return ()
    told = over[-1] if over else min(limited, key=lambda status: status.limit_remaining)
    assert told.current_limit is not None
    return (
        (modes.limit_header, str(told.current_limit.requests_per_unit)),
        (modes.remaining_header, str(told.limit_remaining)),
        (modes.reset_header, str(told.duration_until_reset_seconds)),
    )


def _metadata(plan: Plan, statuses: Sequence[Status]) -> dict[str, Any]:
    """The request, and under ``metadata`` that of the rules which it passed, the first one's word first."""
    told: dict[str, Any] = {
        "domain": plan.domain,
        "descriptors": [_described(descriptor) for descriptor in plan.descriptors],
    }
    if plan.hits_addend:
        told["hitsAddend"] = float(plan.hits_addend)
    merged: dict[str, Any] = {}
    for count in plan.counts:
        if count.match.metadata and statuses[count.place].code is OK:
            merge(merged, count.match.metadata)
    if merged:
        told["metadata"] = merged
    return told


def _described(descriptor: Descriptor) -> dict[str, Any]:
    told: dict[str, Any] = {"entries": [f"{key}={value}" for key, value in descriptor.entries]}
    if descriptor.limit is not None:
        unit, requests_per_unit = descriptor.limit
        told["limit"] = f"requests_per_unit:{requests_per_unit} unit:{unit}"
    if descriptor.hits_addend is not None:
        told["hitsAddend"] = float(descriptor.hits_addend)
    return told


def merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Add what ``into`` has not: of equal keys the first value stays, of two maps the parts are merged."""
    for key, value in other.items():
        mine = into.get(key)
        if isinstance(mine, dict) and isinstance(value, Mapping):
            merge(mine, value)
        elif key not in into:
            into[key] = _copied(value)


def _copied(value: Any) -> Any:
    """Maps are made anew, so that merging into one never changes the configuration."""
    return {key: _copied(one) for key, one in value.items()} if isinstance(value, Mapping) else value
