"""The replay's counters decide as the engine does, and its clock is the log's."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from sadd.envoy.conclusion import conclude
from sadd.envoy.plan import Modes, Planner
from sadd.envoy.replay import BadLine, Counters, replay, verdict
from sadd.envoy.request import Descriptor, Outcome
from tests.sadd.envoy.scene import asked, config, service

TEXT = """
    domain: d
    descriptors:
      - {key: a, rate_limit: {unit: year, requests_per_unit: 6, name: a}}
      - {key: b, rate_limit: {unit: year, requests_per_unit: 9}}
      - {key: s, shadow_mode: true, rate_limit: {unit: year, requests_per_unit: 3}}
      - {key: q, quota_mode: true, rate_limit: {unit: year, requests_per_unit: 4}}
      - {key: r, rate_limit: {unit: year, requests_per_unit: 4, replaces: [{name: a}]}}
      - {key: none}
      - {key: ban, rate_limit: {unit: year, requests_per_unit: 0}}
"""

entries = st.sampled_from(["a=1", "a=2", "b=1", "b=2", "s=1", "q=1", "q=2", "r=1", "none=1", "ban=1"])
descriptors = st.builds(
    lambda entry, hits: asked(entry, hits=hits), entries, st.sampled_from([None, None, None, 0, 1, 2, 7])
)
requests = st.lists(st.tuples(st.lists(descriptors, min_size=1, max_size=4), st.integers(0, 3)), max_size=12)


@pytest.mark.parametrize("together", [True, False])
@given(requests=requests)
@settings(max_examples=150)
async def test_the_counters_decide_as_the_engine_does(
    valkey_url: str, together: bool, requests: Sequence[tuple[list[Descriptor], int]]
) -> None:
    """Request by request, on a real store: codes, and what remains."""
    with redis.Redis.from_url(valkey_url) as store:
        store.flushall()
    modes, loaded = Modes(together=together), config(TEXT)
    planner, counters = Planner(modes), Counters()
    async with service(valkey_url, TEXT, modes=modes) as limits:
        for asked_for, addend in requests:
            plan = planner.plan(loaded, "d", asked_for, addend)
            mine, _ = conclude(plan, counters.ask(plan.counts, 1_000), modes, 1_000)
            theirs = await limits.decide("d", asked_for, addend)
            assert shown(mine) == shown(theirs)
        # What is used up by nobody's leave is in the store before the next example empties it.
        await limits.decide("d", [asked("b=last", hits=0)])


def shown(outcome: Outcome) -> list[tuple[str, int]]:
    each = [(status.code.name, status.limit_remaining) for status in outcome.statuses]
    return [(outcome.overall.name, -1), *each]


def line(time: Any, *entries: str, hits: int = 1) -> str:
    pairs = [dict(zip(("key", "value"), entry.split("="), strict=True)) for entry in entries]
    return json.dumps({"time": time, "domain": "d", "descriptors": [{"entries": pairs}], "hitsAddend": hits})


def limit(number: int, unit: str = "minute") -> str:
    return f"domain: d\ndescriptors: [{{key: k, rate_limit: {{unit: {unit}, requests_per_unit: {number}}}}}]"


def test_only_what_the_new_one_decides_otherwise_is_changed() -> None:
    """Five requests in one minute and one in the next, under two a minute and under three."""
    log = [line(1_200 + second, "k=v") for second in (0, 1, 2, 3, 59, 60)]
    played = list(replay(log, config(limit(2)), config(limit(3)), Modes()))
    assert [verdict(one.old) for one in played] == ["OK", "OK", *["OVER_LIMIT"] * 3, "OK"]
    assert [one.line for one in played if one.changed] == [3]


def test_windows_begin_where_the_engines_do() -> None:
    """A week on Thursday, a day at midnight UTC."""
    log = [
        line(text, "k=v") for text in ("2026-11-25T23:59:59Z", "2026-11-26T00:00:00Z", "2026-11-26T09:00:00")
    ]
    for unit in ("week", "day"):
        played = list(replay(log, config(limit(1, unit)), config(limit(1, unit)), Modes()))
        assert [verdict(one.new) for one in played] == ["OK", "OK", "OVER_LIMIT"]


def test_hits_given_back_may_be_taken_again() -> None:
    """Never below nothing taken."""
    text = config(limit(2))
    back = json.dumps(
        {
            "time": 0,
            "domain": "d",
            "descriptors": [
                {"entries": [{"key": "k", "value": "v"}], "hitsAddend": 9, "isNegativeHits": True}
            ],
        }
    )
    played = list(replay([line(0, "k=v"), back, *[line(0, "k=v")] * 3], text, text, Modes()))
    assert [verdict(one.new) for one in played] == ["OK", "OK", "OK", "OK", "OVER_LIMIT"]


def test_an_error_is_a_decision_too() -> None:
    """A domain that is empty under both has not changed."""
    (played,) = replay(['{"time": 1, "domain": ""}'], config(limit(1)), config(limit(2)), Modes())
    assert (verdict(played.old), played.changed) == ("rate limit domain must not be empty", False)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"time": "soon", "domain": "d"}',
        '{"time": -1, "domain": "d"}',
        '{"time": true, "domain": "d"}',
        '{"time": 1, "domain": "d", "descriptors": [{"entries": 5}]}',
        '{"time": 1e300, "domain": "d"}',
    ],
)
def test_a_line_that_is_no_request_is_named(text: str) -> None:
    """By its number; empty lines are counted and passed over."""
    with pytest.raises(BadLine, match=r"^line 3: "):
        list(replay(["\n", line(0, "k=v"), text], config(limit(1)), config(limit(1)), Modes()))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", "no JSON: Expecting value at character 1"),
        ('{"time": 1, "domain": "d}', "no JSON: Unterminated string starting at character 23"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", 'a request has "time", "domain" and "descriptors"'),
        ('{"time": "soon", "domain": "d"}', "'soon' is no time: seconds since 1970, or 2026-11-24T10:00:00Z"),
        ('{"time": 1, "domain": "\\ud800"}', "half a surrogate pair is no character"),
        ('{"time": 1, "domain": "d", "descriptors": 5}', "5 is no list"),
    ],
)
def test_why_a_line_is_no_request(text: str, why: str) -> None:
    """In words of the log: there is one line of JSON, not a "line 1" in each."""
    with pytest.raises(BadLine, match=rf"^line 2: {re.escape(why)}$"):
        list(replay([line(0, "k=v"), text], config(limit(1)), config(limit(1)), Modes()))
