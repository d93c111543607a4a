"""Decisions of Envoy's rate limit service on a real store."""

from pathlib import Path
from typing import Any

import pytest

from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore
from sadd.envoy.lookup import find
from sadd.envoy.plan import DESCRIPTORS_MAX, Modes
from sadd.envoy.request import CountersUnavailable, Descriptor, InvalidRequest
from sadd.envoy.service import RateLimits
from sadd.envoy.stats import DETAILED_SHOWN_MAX, OTHER, RULES_SHOWN_MAX, sanitised
from tests.sadd.envoy.scene import OK, OVER, asked, codes, config, service
from tests.stores import connected, stoppable_valkey

TWO = """
    domain: d
    descriptors:
      - {key: few, rate_limit: {unit: day, requests_per_unit: 2, name: few}}
      - {key: many, rate_limit: {unit: year, requests_per_unit: 10}}
      - {key: ban, rate_limit: {unit: week, requests_per_unit: 0}}
      - {key: try, shadow_mode: true, rate_limit: {unit: month, requests_per_unit: 1}}
"""
FEW, MANY, BAN, TRY = asked("few=x"), asked("many=x"), asked("ban=x"), asked("try=x")


async def left(limits: RateLimits, *descriptors: Descriptor) -> list[int]:
    """What remains of each now, without taking any."""
    looks = [Descriptor(one.entries, 0) for one in descriptors]
    return [status.limit_remaining for status in (await limits.decide("d", looks)).statuses]


@pytest.mark.parametrize(
    ("domain", "descriptors", "words"),
    [
        ("", [FEW], "rate limit domain must not be empty"),
        ("d", [], "rate limit descriptor list must not be empty"),
        (
            "d",
            [FEW] * (DESCRIPTORS_MAX + 1),
            f"rate limit descriptor list must not have more than {DESCRIPTORS_MAX}",
        ),
    ],
)
async def test_what_cannot_be_decided_is_an_error(
    valkey_url: str, domain: str, descriptors: list[Descriptor], words: str
) -> None:
    """In envoyproxy/ratelimit's words, and counted; nothing is answered later."""
    async with service(valkey_url, TWO) as limits:
        with pytest.raises(InvalidRequest, match=words):
            limits.ask(domain, descriptors, 1, lambda answer: pytest.fail("answered"))
        assert limits.stats().service_error == 1


async def test_before_a_configuration_is_loaded(valkey_url: str) -> None:
    """Every request is an error: nobody knows the limits."""
    async with service(valkey_url) as limits:
        with pytest.raises(InvalidRequest, match="no rate limit configuration loaded"):
            await limits.decide("d", [FEW])


async def test_an_unknown_domain_is_ok_and_counted(valkey_url: str) -> None:
    """As often as it was asked for."""
    async with service(valkey_url, TWO) as limits:
        outcome = await limits.decide("nobody", [FEW, MANY])
        assert (outcome.overall, codes(outcome)) == (OK, [OK, OK])
        assert limits.stats().domain_not_found == 2


async def test_one_limit_over_leaves_the_others_as_they_were(valkey_url: str) -> None:
    """All or nothing; the statuses say what each would have said alone."""
    async with service(valkey_url, TWO) as limits:
        outcomes = [await limits.decide("d", [MANY, FEW]) for _ in range(4)]
        remaining = [[status.limit_remaining for status in outcome.statuses] for outcome in outcomes]
        assert [codes(outcome) for outcome in outcomes] == [[OK, OK], [OK, OK], [OK, OVER], [OK, OVER]]
        assert remaining == [[9, 1], [8, 0], [8, 0], [8, 0]]
        assert await left(limits, MANY) == [8]


async def test_a_ban_beside_other_limits(valkey_url: str) -> None:
    """Needs no store to refuse, and still each descriptor has its status and keeps its count."""
    async with service(valkey_url, TWO) as limits:
        await limits.decide("d", [MANY])
        outcome = await limits.decide("d", [MANY, BAN, FEW])
        assert (outcome.overall, codes(outcome)) == (OVER, [OK, OVER, OK])
        assert [status.limit_remaining for status in outcome.statuses] == [9, 0, 2]
        assert await left(limits, MANY, FEW) == [9, 2]


async def test_a_shadow_rule_neither_refuses_nor_is_spared(valkey_url: str) -> None:
    """Beside a limit that is over it counts on: it tells what it would have done."""
    async with service(valkey_url, TWO) as limits:
        outcomes = [await limits.decide("d", [TRY, FEW]) for _ in range(3)]
        assert [codes(outcome) for outcome in outcomes] == [[OK, OK], [OK, OK], [OK, OVER]]
        assert limits.stats().shadow_mode["d.try"] == 2


async def test_the_addend_of_the_descriptor_before_that_of_the_request(valkey_url: str) -> None:
    """And 1 where neither is given, or the request's is 0."""
    async with service(valkey_url, TWO) as limits:
        await limits.decide("d", [asked("many=x", hits=4), asked("many=y"), asked("many=z", hits=0)], 3)
        await limits.decide("d", [asked("many=w")], 0)
        rest = await left(limits, *(asked(f"many={name}") for name in "xyzw"))
    assert rest == [6, 7, 10, 9]


async def test_a_look_takes_nothing_and_tells_what_is_full(valkey_url: str) -> None:
    """An addend of 0: OK while one more would pass."""
    async with service(valkey_url, TWO) as limits:
        look = asked("few=x", hits=0)
        seen = []
        for _ in range(3):
            seen.append((await limits.decide("d", [look])).overall)
            await limits.decide("d", [FEW])
    assert seen == [OK, OK, OVER]


async def test_hits_that_no_longer_fit_use_up_the_rest(valkey_url: str) -> None:
    """As envoyproxy/ratelimit's counter goes over: hits reported after the fact would else never count."""
    async with service(valkey_url, TWO) as limits:
        await limits.decide("d", [asked("many=x", hits=8)])
        refused = await limits.decide("d", [asked("many=x", hits=5), asked("few=x")])
        assert codes(refused) == [OVER, OK]
        assert await left(limits, MANY, FEW) == [0, 2]
        assert (await limits.decide("d", [MANY])).overall is OVER


async def test_hits_are_given_back(valkey_url: str) -> None:
    """Never below nothing used, always OK, also where the counter is full, and counted as given back."""
    async with service(valkey_url, TWO) as limits:
        await limits.decide("d", [asked("few=x", hits=2)])
        outcome = await limits.decide("d", [asked("few=x", hits=1, back=True), asked("ban=x", back=True)])
        assert (outcome.overall, codes(outcome)) == (OK, [OK, OK])
        assert outcome.statuses[0].limit_remaining == 1
        assert (await limits.decide("d", [FEW])).overall is OK
        assert (await limits.decide("d", [FEW])).overall is OVER
        await limits.decide("d", [asked("few=x", hits=9, back=True)])
        assert await left(limits, FEW) == [2]
        assert limits.stats().total_negative_hits["d.few"] == 10


async def test_the_same_counter_twice_in_a_request(valkey_url: str) -> None:
    """Counts twice."""
    async with service(valkey_url, TWO) as limits:
        outcome = await limits.decide("d", [MANY, MANY])
        assert outcome.overall is OK
        assert await left(limits, MANY) == [8]


async def test_a_limit_that_the_request_brings(valkey_url: str) -> None:
    """Holds instead of the file's, and is no shadow."""
    brought = Descriptor(TRY.entries, None, ("HOUR", 3))
    async with service(valkey_url, TWO) as limits:
        outcomes = [await limits.decide("d", [brought]) for _ in range(4)]
    assert [outcome.overall for outcome in outcomes] == [OK, OK, OK, OVER]
    limit = outcomes[0].statuses[0].current_limit
    assert limit is not None
    assert (limit.unit, limit.requests_per_unit, limit.name) == ("HOUR", 3, "")


async def test_descriptors_that_look_alike_when_joined_have_their_own_counters(valkey_url: str) -> None:
    """Where envoyproxy/ratelimit's first two are one counter: d_a_x_b_c_."""
    text = """
    domain: d
    descriptors:
      - key: a
        rate_limit: {unit: day, requests_per_unit: 5}
        descriptors: [{key: b, rate_limit: {unit: day, requests_per_unit: 5}}]
      - {key: a_b, rate_limit: {unit: day, requests_per_unit: 5}}
    """
    same = [asked("a=x_b_c"), asked("a=x", "b=c"), asked("a=x|b=c"), asked("a_b=c")]
    async with service(valkey_url, text) as limits:
        await limits.decide("d", same)
        assert await left(limits, *same) == [4, 4, 4, 4]


async def test_values_of_any_length_and_letters(valkey_url: str) -> None:
    """Long ones are kept as a digest: two that differ in their last letter are two."""
    long = ["x" * 5_000 + letter for letter in "ab"] + ["ملف" * 300, "{b}\0%=|~"]
    async with service(valkey_url, TWO) as limits:
        outcome = await limits.decide("d", [asked(f"many={value}") for value in long])
        assert [status.limit_remaining for status in outcome.statuses] == [9, 9, 9, 9]


async def test_a_change_of_the_limit_goes_on_counting(valkey_url: str) -> None:
    """The counter belongs to domain, keys and unit, not to the number."""
    async with service(valkey_url, TWO) as limits:
        await limits.decide("d", [FEW], 2)
        assert (await limits.decide("d", [FEW])).overall is OVER
        limits.use(config(TWO.replace("requests_per_unit: 2,", "requests_per_unit: 4,")))
        outcome = await limits.decide("d", [FEW])
    assert (outcome.overall, outcome.statuses[0].limit_remaining) == (OK, 1)


# -- modes ----------------------------------------------------------------------


async def test_global_shadow_mode_refuses_nothing(valkey_url: str) -> None:
    """The statuses say what would be, and it is counted."""
    async with service(valkey_url, TWO, modes=Modes(shadow=True)) as limits:
        outcomes = [await limits.decide("d", [FEW, MANY]) for _ in range(3)]
        assert [outcome.overall for outcome in outcomes] == [OK, OK, OK]
        assert codes(outcomes[2]) == [OVER, OK]
        assert limits.stats().global_shadow_mode == 1
        assert await left(limits, MANY) == [7]


async def test_global_quota_mode(valkey_url: str) -> None:
    """Over when every descriptor is; one without a limit never is."""
    async with service(valkey_url, TWO, modes=Modes(quota=True)) as limits:
        assert [(await limits.decide("d", [FEW, MANY], 2)).overall for _ in range(3)] == [OK, OK, OK]
        assert (await limits.decide("d", [FEW])).overall is OVER
        assert (await limits.decide("d", [FEW, asked("unknown=x")])).overall is OK


async def test_quotas_beside_a_limit(valkey_url: str) -> None:
    """A limit that is over refuses, whatever the quotas say."""
    text = """
    domain: d
    descriptors:
      - {key: q, quota_mode: true, rate_limit: {unit: day, requests_per_unit: 1}}
      - {key: few, rate_limit: {unit: day, requests_per_unit: 2}}
    """
    async with service(valkey_url, text) as limits:
        both = [asked("q=1"), asked("q=2"), FEW]
        assert (await limits.decide("d", both)).overall is OK
        assert (await limits.decide("d", [asked("q=1"), asked("q=3"), FEW])).overall is OK
        assert (await limits.decide("d", [asked("q=4"), FEW])).overall is OVER


HEADERS = Modes(headers=True)


async def test_headers_are_of_the_descriptor_with_least_left(valkey_url: str) -> None:
    """One that is over wins, and the last of several; without a limit there are none."""
    async with service(valkey_url, TWO, modes=HEADERS) as limits:
        fine = dict((await limits.decide("d", [MANY, FEW])).response_headers)
        over = dict((await limits.decide("d", [FEW, asked("few=y", hits=3), BAN])).response_headers)
        none = (await limits.decide("d", [asked("unknown=x")])).response_headers
    assert (fine["RateLimit-Limit"], fine["RateLimit-Remaining"]) == ("2", "1")
    assert 0 < int(fine["RateLimit-Reset"]) <= 86_400
    assert (over["RateLimit-Limit"], over["RateLimit-Remaining"]) == ("0", "0")
    assert none == ()


async def test_headers_may_have_other_names(valkey_url: str) -> None:
    """LIMIT_LIMIT_HEADER and its two sisters."""
    modes = Modes(headers=True, limit_header="A", remaining_header="B", reset_header="C")
    async with service(valkey_url, TWO, modes=modes) as limits:
        outcome = await limits.decide("d", [MANY])
    assert [name for name, _ in outcome.response_headers] == ["A", "B", "C"]


async def test_dynamic_metadata_is_that_of_the_rules_that_were_passed(valkey_url: str) -> None:
    """The first rule's word stays, maps are merged, a rule that is over says nothing."""
    text = """
    domain: d
    descriptors:
      - {key: a, metadata: {tier: gold, deep: {x: 1}}, rate_limit: {unit: day, requests_per_unit: 5}}
      - {key: b, metadata: {tier: iron, deep: {x: 2, z: 3}}, rate_limit: {unit: day, requests_per_unit: 5}}
      - {key: c, metadata: {over: true}, rate_limit: {unit: day, requests_per_unit: 0}}
    """
    brought = Descriptor((("k", "v"),), 7, ("DAY", 9))
    async with service(valkey_url, text, modes=Modes(metadata=True)) as limits:
        outcome = await limits.decide("d", [asked("a=1"), asked("b=2"), asked("c=3"), brought], 4)
        plain: Any = (await limits.decide("d", [asked("none=1")])).dynamic_metadata
    assert outcome.dynamic_metadata == {
        "domain": "d",
        "descriptors": [
            {"entries": ["a=1"]},
            {"entries": ["b=2"]},
            {"entries": ["c=3"]},
            {"entries": ["k=v"], "limit": "requests_per_unit:9 unit:DAY", "hitsAddend": 7.0},
        ],
        "hitsAddend": 4.0,
        "metadata": {"tier": "gold", "deep": {"x": 1.0, "z": 3.0}},
    }
    assert "metadata" not in plain


# -- numbers ---------------------------------------------------------------------


async def test_hits_are_counted_on_their_side_of_each_threshold(valkey_url: str) -> None:
    """Near is above four fifths; an addend that crosses a threshold is split."""
    async with service(valkey_url, TWO) as limits:
        for hits in (7, 2, 4, 1):
            await limits.decide("d", [asked("many=x", hits=hits)])
        stats = limits.stats()
    counted = {name: getattr(stats, name)["d.many"] for name in ("total_hits", "within_limit", "near_limit")}
    assert counted == {"total_hits": 14, "within_limit": 9, "near_limit": 2}
    assert stats.over_limit["d.many"] == 3 + 1


async def test_names_in_metrics_are_bounded(valkey_url: str) -> None:
    """Where they hold values of requests; the rules of the file keep theirs."""
    text = """
    domain: d
    descriptors:
      - {key: each, detailed_metric: true, rate_limit: {unit: day, requests_per_unit: 5}}
      - {key: plain, rate_limit: {unit: day, requests_per_unit: 5}}
    """
    async with service(valkey_url, text) as limits:
        for start in range(0, DETAILED_SHOWN_MAX + 100, 20):
            await limits.decide("d", [asked(f"each={start + n}") for n in range(20)])
        await limits.decide("d", [asked("plain=x")])
        shown = limits.stats().total_hits
    assert len(shown) == DETAILED_SHOWN_MAX + 2
    assert shown[OTHER] == 100
    assert shown["d.plain"] == 1


def brought(value: str) -> Descriptor:
    return Descriptor((("path", value),), limit=("SECOND", 1_000))


async def test_limits_that_requests_bring_leave_the_rules_their_names(valkey_url: str) -> None:
    """Their names hold values of requests too, and could be millions."""
    async with service(valkey_url, TWO) as limits:
        for start in range(0, RULES_SHOWN_MAX + 100, 20):
            await limits.decide("d", [brought(f"{start + n}") for n in range(20)])
        await limits.decide("d", [MANY])
        shown = limits.stats().total_hits
    assert len(shown) == DETAILED_SHOWN_MAX + 2
    assert shown["d.many"] == 1


async def test_a_name_in_metrics_is_short(valkey_url: str) -> None:
    """A value of a request can be as long as a header."""
    async with service(valkey_url, TWO) as limits:
        await limits.decide("d", [brought("x" * 60_000)])
        assert set(limits.stats().total_hits) == {OTHER}


def test_what_rules_mean_is_not_kept_for_each_value() -> None:
    """100,000 of them, as long as headers, would be gigabytes."""
    loaded = config(TWO)
    rules = {match.rule for n in range(10) if (match := find(loaded, "d", brought(str(n))))}
    assert len(rules) == 1


def test_names_in_metrics_have_no_letters_that_mean_something_there() -> None:
    """As envoyproxy/ratelimit changes them."""
    assert sanitised("d.ip_10.0.0.1.path_a:b|c") == "d.ip_10_0_0_1.path_a_b_c"


# -- the store away ---------------------------------------------------------------


async def test_without_a_store_nobody_knows(tmp_path: Path) -> None:
    """CountersUnavailable for what needs a counter; what needs none is answered as ever, and a ban holds."""
    with stoppable_valkey(tmp_path) as valkey:
        async with connected(valkey.url, deadline_ms=2_000) as client:
            limits = RateLimits(Limiter(ValkeyStore(client)))
            limits.use(config(TWO))
            valkey.stop()
            for descriptors in ([FEW], [FEW, MANY], [TRY], [asked("few=x", back=True)]):
                with pytest.raises(CountersUnavailable):
                    await limits.decide("d", descriptors)
            assert (await limits.decide("d", [asked("unknown=x")])).overall is OK
            assert (await limits.decide("d", [BAN])).overall is OVER
            assert (await limits.decide("d", [FEW, BAN])).overall is OVER
            assert limits.stats().store_error == 4
