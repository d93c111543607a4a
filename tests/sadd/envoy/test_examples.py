"""envoyproxy/ratelimit's published configurations give the answers that its documentation states.

Asked of the service itself, and by a gRPC client.
"""

import pytest

from sadd.envoy.plan import Modes
from sadd.envoy.request import Code
from sadd.envoy.rules import UINT32_MAX
from tests.sadd.envoy.lanes import Asked, Lane, directly, over_grpc
from tests.sadd.envoy.scene import OK, OVER, asked, codes

# In the examples a window is a second or a minute. Where a test needs several requests in one window, it is
# longer here, so that no boundary comes between them.


@pytest.fixture(params=[directly, over_grpc], ids=["directly", "over gRPC"])
def service(request: pytest.FixtureRequest) -> Lane:
    """Each example is asked both ways."""
    lane: Lane = request.param
    return lane


async def spend(limits: Asked, domain: str, *entries: str, times: int) -> list[Code]:
    """The codes of as many equal requests."""
    return [(await limits.decide(domain, [asked(*entries)])).overall for _ in range(times)]


async def test_example_1_each_value_has_its_own_limit(service: Lane, valkey_url: str) -> None:
    """500 a second for users, 500 for default, none for what is not named."""
    text = """
    domain: mongo_cps
    descriptors:
      - {key: database, value: users, rate_limit: {unit: day, requests_per_unit: 500}}
      - {key: database, value: default, rate_limit: {unit: day, requests_per_unit: 500}}
    """
    async with service(valkey_url, text) as limits:
        outcome = await limits.decide(
            "mongo_cps", [asked("database=users"), asked("database=default"), asked("database=x")], 499
        )
        assert [status.limit_remaining for status in outcome.statuses] == [1, 1, 0]
        assert outcome.statuses[2].current_limit is None
        assert await spend(limits, "mongo_cps", "database=users", times=2) == [OK, OVER]
        assert await spend(limits, "mongo_cps", "database=x", times=2) == [OK, OK]


MESSAGING = """
    domain: messaging
    descriptors:
      - key: message_type
        value: marketing
        descriptors:
          - key: to_number
            rate_limit: {unit: day, requests_per_unit: 5}
      - key: to_number
        rate_limit: {unit: day, requests_per_unit: 100}
"""


async def test_example_2_all_matching_rules_hold(service: Lane, valkey_url: str) -> None:
    """Five marketing messages a day to a number, each number by itself; the answer is their logical or."""
    async with service(valkey_url, MESSAGING) as limits:
        for number, expected in (("2061111111", [OK] * 5 + [OVER]), ("2062222222", [OK])):
            both = [asked("message_type=marketing", f"to_number={number}"), asked(f"to_number={number}")]
            outcomes = [await limits.decide("messaging", both) for _ in expected]
            assert [outcome.overall for outcome in outcomes] == expected
        last = await limits.decide("messaging", [asked("to_number=2061111111")])
    # The sixth was refused, and is in no counter: envoyproxy/ratelimit would say 93.
    assert last.statuses[0].limit_remaining == 94


async def test_example_2_a_refused_request_counts_where_counting_is_independent(
    service: Lane, valkey_url: str
) -> None:
    """As envoyproxy/ratelimit does by default: six of a hundred are gone."""
    async with service(valkey_url, MESSAGING, modes=Modes(together=False)) as limits:
        both = [asked("message_type=marketing", "to_number=1"), asked("to_number=1")]
        outcomes = [await limits.decide("messaging", both) for _ in range(6)]
        assert codes(outcomes[-1]) == [OVER, OK]
        last = await limits.decide("messaging", [asked("to_number=1")])
    assert last.statuses[0].limit_remaining == 93


async def test_example_3_key_and_value_before_the_key_and_zero_is_a_ban(
    service: Lane, valkey_url: str
) -> None:
    """Ten a second for each address but 50.0.0.5, which has none."""
    text = """
    domain: edge_proxy_per_ip
    descriptors:
      - key: remote_address
        rate_limit: {unit: day, requests_per_unit: 10}
      - key: remote_address
        value: 50.0.0.5
        rate_limit: {unit: day, requests_per_unit: 0}
    """
    async with service(valkey_url, text) as limits:
        for address in ("50.0.0.1", "50.0.0.2"):
            told = await spend(limits, "edge_proxy_per_ip", f"remote_address={address}", times=11)
            assert told == [OK] * 10 + [OVER]
        banned = await limits.decide("edge_proxy_per_ip", [asked("remote_address=50.0.0.5")])
    (status,) = banned.statuses
    assert (status.code, status.limit_remaining) == (OVER, 0)
    assert status.current_limit is not None
    assert status.current_limit.requests_per_unit == 0
    assert 0 < (status.duration_until_reset_seconds or 0) <= 86_400


async def test_example_4_the_depth_must_be_the_same(service: Lane, valkey_url: str) -> None:
    """Two entries do not match a limit one level deep, and do match one two levels deep."""
    shallow = """
    domain: example4
    descriptors: [{key: key, value: value, rate_limit: {unit: day, requests_per_unit: 1}}]
    """
    deep = """
    domain: example4
    descriptors:
      - {key: key, value: value, descriptors: [{key: subkey, rate_limit: {requests_per_unit: 1, unit: day}}]}
    """
    for text, expected in ((shallow, [OK, OK]), (deep, [OK, OVER])):
        async with service(valkey_url, text) as limits:
            assert await spend(limits, "example4", "key=value", "subkey=subvalue", times=2) == expected


async def test_example_5_unlimited(service: Lane, valkey_url: str) -> None:
    """OK, with the largest number remaining and no limit; one that is not there has 0."""
    text = """
    domain: internal
    descriptors:
      - {key: ldap, rate_limit: {unlimited: true}}
      - {key: azure, rate_limit: {unit: day, requests_per_unit: 100}}
    """
    async with service(valkey_url, text) as limits:
        outcome = await limits.decide("internal", [asked("ldap"), asked("azure"), asked("other")])
    assert codes(outcome) == [OK, OK, OK]
    assert [status.limit_remaining for status in outcome.statuses] == [UINT32_MAX, 99, 0]
    assert [status.current_limit is None for status in outcome.statuses] == [True, False, True]


async def test_example_6_a_shadow_rule_never_refuses(service: Lane, valkey_url: str) -> None:
    """user-a is over and served, which is counted; user-b is refused."""
    text = """
    domain: example6
    descriptors:
      - key: service
        descriptors:
          - {key: user, value: user-a, rate_limit: {requests_per_unit: 10, unit: day}, shadow_mode: true}
          - {key: user, value: user-b, rate_limit: {requests_per_unit: 20, unit: day}}
    """
    async with service(valkey_url, text) as limits:
        assert set(await spend(limits, "example6", "service=auth-service", "user=user-a", times=12)) == {OK}
        told = await spend(limits, "example6", "service=auth-service", "user=user-b", times=21)
        shadowed = await limits.decide("example6", [asked("service=auth-service", "user=user-a")])
        stats = limits.stats()
    assert told == [OK] * 20 + [OVER]
    assert (shadowed.statuses[0].code, shadowed.statuses[0].limit_remaining) == (OK, 0)
    assert stats.shadow_mode["example6.service.user_user-a"] == 3
    assert stats.over_limit["example6.service.user_user-a"] == 3


EXAMPLE_7 = """
    domain: example7
    descriptors:
      - key: key_1
        value: value_1
        descriptors:
          - key: user
            value: bkthomps
            rate_limit: {name: specific_limit, requests_per_unit: 5, unit: day}
      - key: key_2
        value: value_2
        descriptors:
          - key: user
            value: bkthomps
            rate_limit: {replaces: [{name: specific_limit}], requests_per_unit: 10, unit: day}
"""


async def test_example_7_a_replaced_limit_is_not_touched(service: Lane, valkey_url: str) -> None:
    """Both together: ten, and the five of the replaced one are still there."""
    first, second = asked("key_1=value_1", "user=bkthomps"), asked("key_2=value_2", "user=bkthomps")
    async with service(valkey_url, EXAMPLE_7) as limits:
        outcomes = [await limits.decide("example7", [first, second]) for _ in range(11)]
        alone = [await limits.decide("example7", [first]) for _ in range(6)]
    assert [outcome.overall for outcome in outcomes] == [OK] * 10 + [OVER]
    assert outcomes[-1].statuses[0].current_limit is None
    assert [outcome.overall for outcome in alone] == [OK] * 5 + [OVER]
    assert alone[0].statuses[0].name == "specific_limit"


async def test_example_8_detailed_metrics_change_no_limit(service: Lane, valkey_url: str) -> None:
    """Ten for each value that is not named, twenty for the one that is; each is shown by its value."""
    text = """
    domain: example8
    descriptors:
      - {key: key1, detailed_metric: true, rate_limit: {unit: day, requests_per_unit: 10}}
      - {key: key1, value: value1, rate_limit: {unit: day, requests_per_unit: 20}}
    """
    values = {"unspecified_value": 10, "unspecified_value2": 10, "value1": 20}
    async with service(valkey_url, text) as limits:
        for value, limit in values.items():
            told = await spend(limits, "example8", f"key1={value}", times=limit + 1)
            assert told == [OK] * limit + [OVER]
        stats = limits.stats()
    assert dict(stats.total_hits) == {f"example8.key1_{value}": limit + 1 for value, limit in values.items()}


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("value*", ["value1", "value2", "valueXYZ"], "valu"),
        ("/api/*/action", ["/api/123/action", "/api/user-id/action"], "/api/123/other"),
        (
            "/api/*/resource/*/action",
            ["/api/v1/resource/123/action", "/api/v2/resource/456/action"],
            "/api/v1/resource/action",
        ),
    ],
)
async def test_example_9_wildcards(
    service: Lane, valkey_url: str, pattern: str, matching: list[str], other: str
) -> None:
    """Each value that matches has the limit for itself."""
    text = f"""
    domain: example9
    descriptors: [{{key: key1, value: "{pattern}", rate_limit: {{unit: day, requests_per_unit: 2}}}}]
    """
    async with service(valkey_url, text) as limits:
        for value in matching:
            assert await spend(limits, "example9", f"key1={value}", times=3) == [OK, OK, OVER]
        assert await spend(limits, "example9", f"key1={other}", times=3) == [OK] * 3


async def test_example_11_a_shared_threshold(service: Lane, valkey_url: str) -> None:
    """Five of one file and five of another: the third is over. Not shared, each file has its ten."""
    text = """
    domain: example11
    descriptors:
      - {key: files, value: files/*, share_threshold: true, rate_limit: {unit: day, requests_per_unit: 10}}
      - {key: files_no_share, value: files_no_share/*, rate_limit: {unit: day, requests_per_unit: 10}}
    """
    async with service(valkey_url, text) as limits:
        for name, expected in (("a.pdf", [OK] * 5), ("b.csv", [OK] * 5), ("c.txt", [OVER])):
            told = await spend(limits, "example11", f"files=files/{name}", times=len(expected))
            assert told == expected
        for name, times in (("a.pdf", 10), ("b.csv", 10)):
            told = await spend(limits, "example11", f"files_no_share=files_no_share/{name}", times=times)
            assert told == [OK] * times


PROXY = """
    domain: rl
    descriptors:
      - key: source_cluster
        value: proxy
        descriptors:
          - {key: destination_cluster, value: mock, rate_limit: {unit: day, requests_per_unit: 1}}
      - key: foo
        rate_limit: {unit: day, requests_per_unit: 2}
        descriptors:
          - {key: bar, rate_limit: {unit: day, requests_per_unit: 3}}
          - {key: bar, value: banned, rate_limit: {unit: day, requests_per_unit: 0}}
          - {key: baz, rate_limit: {unit: day, requests_per_unit: 1}}
          - {key: bay, rate_limit: {unlimited: true}}
          - {key: baz, value: shady, rate_limit: {unit: day, requests_per_unit: 1}, shadow_mode: true}
      - {key: qux, rate_limit: {unlimited: true}}
"""


async def test_the_example_of_the_proxy(service: Lane, valkey_url: str) -> None:
    """examples/ratelimit/config/example.yaml, with the requests that its README tells to send."""
    cases = {
        ("source_cluster=proxy", "destination_cluster=mock"): [OK, OVER],
        ("foo=foo",): [OK, OK, OVER],
        ("foo=foo", "bar=bar"): [OK, OK, OK, OVER],
        ("foo=foo", "bar=banned"): [OVER],
        ("foo=foo", "baz=baz"): [OK, OVER],
        ("foo=foo", "baz=shady"): [OK, OK, OK],
        ("foo=foo", "baz=not-so-shady"): [OK, OVER],
        ("foo=foo", "bay=x"): [OK, OK],
        ("qux=x",): [OK, OK],
        ("nothing=x",): [OK, OK],
    }
    async with service(valkey_url, PROXY) as limits:
        for entries, expected in cases.items():
            assert await spend(limits, "rl", *entries, times=len(expected)) == expected


QUOTA = """
    domain: quota
    descriptors:
      - {key: service, value: service_1, quota_mode: true, rate_limit: {unit: day, requests_per_unit: 1}}
      - {key: service, value: service_2, quota_mode: true, rate_limit: {unit: day, requests_per_unit: 2}}
"""


async def test_the_example_of_quotas(service: Lane, valkey_url: str) -> None:
    """examples/ratelimit/config/quota.yaml: over only when both are."""
    both = [asked("service=service_1"), asked("service=service_2")]
    async with service(valkey_url, QUOTA) as limits:
        outcomes = [await limits.decide("quota", both) for _ in range(3)]
    assert [codes(outcome) for outcome in outcomes] == [[OK, OK], [OVER, OK], [OVER, OVER]]
    assert [outcome.overall for outcome in outcomes] == [OK, OK, OVER]
