"""From the numbers of a rule to a policy of the engine, which says what it cannot keep exactly."""

from dataclasses import replace

from msgspec import structs

from ratelimit.algorithm import HOME_ZONE, Adaptive, Calendar, Concurrency, FixedWindow, Gcra, SlidingWindow
from ratelimit.policy import Policy
from sadd.limits.rule import Algorithm, Limit, OnStoreLoss, Override, Rule

NEEDS: dict[Algorithm, tuple[str, ...]] = {
    "gcra": ("period_seconds",),
    "sliding-window": ("period_seconds",),
    "fixed-window": ("period_seconds",),
    "calendar": ("unit",),
    "concurrency": (),
    "adaptive": (),
}
MAY_HAVE: dict[Algorithm, tuple[str, ...]] = {
    "gcra": ("burst",),
    "sliding-window": (),
    "fixed-window": (),
    "calendar": ("zone", "week_begins"),
    "concurrency": ("slot_seconds",),
    "adaptive": ("slot_seconds", "initial", "minimum", "timeout_ms"),
}
"""The fields of each algorithm, besides those that all have."""

SLOTS: tuple[Algorithm, ...] = ("concurrency", "adaptive")
"""They count what is under way."""

SPECIAL = tuple(
    name for name in Limit.__struct_fields__ if name not in ("limit", "algorithm", "on_store_loss")
)


def policy_of(rule: Rule) -> Policy:
    """The policy of a rule with a limit. ValueError: the engine could not keep it."""
    assert rule.limit is not None, "only rules with a limit have a policy"
    return _policy(rule.policy_id, rule.limit)


def overridden(rule: Rule, override: Override) -> Policy:
    """The policy for the keys of an override: same counters, other numbers."""
    assert rule.limit is not None, "only rules with a limit have overrides"
    if override.unlimited:
        return Policy.unlimited(rule.policy_id)
    limit = rule.limit.limit if override.limit is None else override.limit
    burst = override.burst if override.burst is not None else rule.limit.burst
    if override.limit is not None and override.burst is None:
        burst = None  # in the measure of the new limit, not of the old one
    return _policy(rule.policy_id, _with(rule.limit, limit, burst))


def _with(limit: Limit, number: int, burst: int | None) -> Limit:
    return structs.replace(limit, limit=number, burst=burst)


def _policy(id_: str, limit: Limit) -> Policy:
    way, number = way_of(limit), limit.limit
    match limit.algorithm:
        case "gcra":
            burst = max(number, 1) if limit.burst is None else limit.burst
            return Policy(id_, number, limit.period_seconds or 0, burst, way, Gcra())
        case "sliding-window":
            return Policy(id_, number, limit.period_seconds or 0, 1, way, SlidingWindow())
        case "fixed-window":
            return Policy(id_, number, limit.period_seconds or 0, 1, way, FixedWindow())
        case "calendar":
            return _calendar(id_, limit, way)
        case "concurrency":
            slots = Concurrency() if limit.slot_seconds is None else Concurrency(limit.slot_seconds)
            return Policy.concurrent(id_, number, slots, way)
        case "adaptive":
            return Policy.concurrent(id_, number, _adaptive(limit), way)


def way_of(limit: Limit) -> OnStoreLoss:
    """What the limit does while the store is away."""
    return limit.on_store_loss or ("closed" if limit.algorithm in SLOTS else "local")


def _calendar(id_: str, limit: Limit, way: OnStoreLoss) -> Policy:
    unit = limit.unit or "day"
    plain = Policy.quota(id_, limit.limit, unit, limit.zone or HOME_ZONE, way)
    if limit.week_begins is None:
        return plain
    weeks = Calendar(unit, limit.zone or HOME_ZONE, limit.week_begins)
    return Policy(id_, limit.limit, plain.period_seconds, 1, way, weeks)


def _adaptive(limit: Limit) -> Adaptive:
    """What is not given is the engine's; it begins no higher than the limit."""
    names = ("slot_seconds", "initial", "minimum", "timeout_ms")
    given = {name: value for name in names if (value := getattr(limit, name)) is not None}
    begins = {"initial": min(Adaptive().initial, max(limit.limit, 1))}
    return replace(Adaptive(), **(begins | given))
