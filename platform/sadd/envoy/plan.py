"""What to count for a request: which limits, under which keys, and which of them all together. Pure.

Limits that can deny are asked together, all or nothing: one that is over leaves the others as they were,
where envoyproxy/ratelimit counts a refused request against them all. What cannot deny alone (``shadow_mode``,
``quota_mode``, hits given back) is counted by itself.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from msgspec import Struct

from ratelimit.check import COST_MAX
from ratelimit.limiter import TOGETHER_MAX
from ratelimit.policy import Policy
from sadd.envoy.lookup import find
from sadd.envoy.request import Code, CurrentLimit, Descriptor, InvalidRequest, Status
from sadd.envoy.rules import SECONDS, UINT32_MAX, Config, Entry, Match, Rule, Unit
from sadd.settings import Envoy

DESCRIPTORS_MAX = TOGETHER_MAX
"""Of one request. Envoy sends one for each rate limit of a route: a few."""
KEY_LETTERS_MAX = 120
"""A longer counter key is a digest of itself; four bytes a letter stay within the engine's bound."""
MEANINGS_MAX = 100_000
"""Rules whose meaning is kept: a configuration's, and those of limits that requests bring."""

NO_LIMIT = Status(Code.OK)
UNLIMITED = Status(Code.OK, limit_remaining=UINT32_MAX)

_LETTER: dict[Unit, str] = {
    "SECOND": "s",
    "MINUTE": "m",
    "HOUR": "h",
    "DAY": "d",
    "WEEK": "w",
    "MONTH": "M",
    "YEAR": "y",
}
_SPECIAL = re.compile(r"[%=|~]").search
_ESCAPED = str.maketrans({letter: f"%{ord(letter):02x}" for letter in "%=|~"})


@dataclass(frozen=True, slots=True)
class Modes:
    """What envoyproxy/ratelimit takes from its environment, for all domains.

    ``together`` is ours: false counts each limit by itself, as envoyproxy/ratelimit does.
    """

    shadow: bool = False
    quota: bool = False
    together: bool = True
    headers: bool = False
    limit_header: str = "RateLimit-Limit"
    remaining_header: str = "RateLimit-Remaining"
    reset_header: str = "RateLimit-Reset"
    metadata: bool = False

    @classmethod
    def of(cls, settings: Envoy) -> "Modes":
        return cls(
            shadow=settings.shadow_mode,
            quota=settings.quota_mode,
            together=settings.counting == "together",
            headers=settings.response_headers,
            limit_header=settings.limit_header,
            remaining_header=settings.remaining_header,
            reset_header=settings.reset_header,
            metadata=settings.response_metadata,
        )


class Count(Struct, frozen=True, gc=False):
    """One counter to ask. ``place`` is that of its descriptor."""

    place: int
    match: Match
    policy: Policy
    limit: CurrentLimit
    key: str
    cost: int
    negative: bool
    by_itself: bool


class Plan(Struct, frozen=True, gc=False):
    """``statuses`` are those that no counter decides; ``counts`` fill the places that are left (None)."""

    domain: str
    descriptors: Sequence[Descriptor]
    hits_addend: int
    statuses: list[Status | None]
    counts: list[Count]
    known: bool = True
    """The configuration has this domain."""


class Meaning(Struct, frozen=True):
    """What a rule is to the engine and in an answer, made once for each."""

    policy: Policy
    limit: CurrentLimit
    unit: Unit
    by_itself: bool


class Planner:
    """Plans requests, and keeps what the rules mean."""

    def __init__(self, modes: Modes) -> None:
        self._modes = modes
        self._meanings: dict[Rule, Meaning] = {}
        self._policies: dict[tuple[str, Unit, int], Policy] = {}

    def plan(
        self, config: Config | None, domain: str, descriptors: Sequence[Descriptor], hits_addend: int
    ) -> Plan:
        """Raises InvalidRequest."""
        if config is None or not domain or not descriptors or len(descriptors) > DESCRIPTORS_MAX:
            raise InvalidRequest(_wrong(domain, descriptors))
        if domain not in config.domains:
            return Plan(domain, descriptors, hits_addend, [NO_LIMIT] * len(descriptors), [], known=False)
        statuses: list[Status | None] = []
        counts: list[Count] = []
        replaced: frozenset[str] = frozenset()
        for descriptor in descriptors:
            match = find(config, domain, descriptor)
            if match is None:
                statuses.append(NO_LIMIT)
            elif match.rule.unit is None:
                statuses.append(UNLIMITED)
                replaced |= match.rule.replaces
            else:
                counts.append(self._count(len(statuses), match, descriptor, domain, hits_addend))
                statuses.append(None)
                if match.rule.replaces:
                    replaced |= match.rule.replaces
        if replaced:
            counts = _leave_out(counts, replaced, statuses)
        return Plan(domain, descriptors, hits_addend, statuses, counts)

    def _count(
        self, place: int, match: Match, descriptor: Descriptor, domain: str, hits_addend: int
    ) -> Count:
        meaning = self._meanings.get(match.rule) or self._meaning(match.rule, domain)
        addend = descriptor.hits_addend
        if addend is None:
            addend = hits_addend or 1
        negative = descriptor.is_negative_hits
        return Count(
            place,
            match,
            meaning.policy,
            meaning.limit,
            counter_key(meaning.unit, match.counted or descriptor.entries),
            min(addend, COST_MAX),
            negative,
            negative or meaning.by_itself,
        )

    def _meaning(self, rule: Rule, domain: str) -> Meaning:
        assert rule.unit is not None
        modes = self._modes
        if len(self._meanings) >= MEANINGS_MAX:
            self._meanings.clear()
        meaning = Meaning(
            self._policy(domain, rule.unit, rule.requests_per_unit),
            CurrentLimit(rule.requests_per_unit, rule.unit, rule.name),
            rule.unit,
            not modes.together or modes.shadow or modes.quota or rule.shadow_mode or rule.quota_mode,
        )
        self._meanings[rule] = meaning
        return meaning

    def _policy(self, domain: str, unit: Unit, requests_per_unit: int) -> Policy:
        """The same value each time. Of a changed limit the counters go on: they belong to domain and key."""
        known = self._policies.get((domain, unit, requests_per_unit))
        if known is not None:
            return known
        if len(self._policies) >= MEANINGS_MAX:
            self._policies.clear()
        policy = Policy.fixed(policy_id(domain), requests_per_unit, SECONDS[unit], on_store_loss="closed")
        self._policies[domain, unit, requests_per_unit] = policy
        return policy


def counter_key(unit: Unit, counted: tuple[Entry, ...]) -> str:
    """No two lists of entries have the same key, whatever is in them; envoyproxy/ratelimit joins by ``_``."""
    if len(counted) == 1:  # the usual way, and four times as fast
        key, value = counted[0]
        if len(key) + len(value) < KEY_LETTERS_MAX and not _SPECIAL(key + value):
            return f"{_LETTER[unit]}|{key}={value}"
    joined = "|".join([f"{k.translate(_ESCAPED)}={v.translate(_ESCAPED)}" for k, v in counted])
    if len(joined) > KEY_LETTERS_MAX:
        joined = "~" + blake2b(joined.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return f"{_LETTER[unit]}|{joined}"


def policy_id(domain: str) -> str:
    """The domain's name in the store."""
    return f"envoy:{domain}".replace("{", "(").replace("}", ")").replace("\0", " ")


def _wrong(domain: str, descriptors: Sequence[Descriptor]) -> str:
    if not domain:
        return "rate limit domain must not be empty"
    if not descriptors:
        return "rate limit descriptor list must not be empty"
    if len(descriptors) > DESCRIPTORS_MAX:
        return f"rate limit descriptor list must not have more than {DESCRIPTORS_MAX}"
    return "no rate limit configuration loaded"


def _leave_out(counts: list[Count], replaced: frozenset[str], statuses: list[Status | None]) -> list[Count]:
    """The counts whose rule nobody replaces; the others' descriptors are as if they met no limit."""
    kept: list[Count] = []
    for count in counts:
        name = count.match.rule.name
        if name and name in replaced:
            statuses[count.place] = NO_LIMIT
        else:
            kept.append(count)
    return kept
