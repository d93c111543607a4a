"""Which rule holds for a descriptor, and under which names its numbers are kept and shown."""

import re
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sadd.envoy.lookup import find
from sadd.envoy.request import Descriptor
from sadd.envoy.rules import Config
from tests.sadd.envoy.scene import asked, config

BASIC = """
    domain: test-domain
    descriptors:
      - key: key1
        value: value1
        descriptors:
          - {key: subkey1, rate_limit: {unit: second, requests_per_unit: 5}}
          - {key: subkey1, value: subvalue1, rate_limit: {unit: second, requests_per_unit: 10}}
      - {key: key2, rate_limit: {unit: minute, requests_per_unit: 20}}
      - {key: key2, value: value2, rate_limit: {unit: minute, requests_per_unit: 30}}
      - {key: key2, value: value3}
      - {key: key3, rate_limit: {unit: hour, requests_per_unit: 1}}
      - key: key5
        value: value5
        rate_limit: {unit: day, requests_per_unit: 15}
        descriptors:
          - {key: subkey5, value: subvalue5, rate_limit: {unit: day, requests_per_unit: 25}}
"""


def limit(loaded: Config, *entries: str) -> int | None:
    match = find(loaded, "test-domain", asked(*entries))
    return match.rule.requests_per_unit if match else None


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["key1=value1", "subkey1=something"], 5),
        (["key1=value1", "subkey1=subvalue1"], 10),
        (["key2=something"], 20),
        (["key2=value2"], 30),
        (["key3=foo"], 1),
        (["key2=value3"], None),  # an entry without a limit lets its value through
        (["key1=value1"], None),  # shallower than the limit
        (["key1=other", "subkey1=x"], None),
        (["key1=value1", "subkey1=x", "more=y"], None),  # deeper than the limit
        (["key2=value2", "subkey=subvalue"], None),
        (["key5=value5"], 15),
        (["key5=value5", "subkey5=subvalue5"], 25),
        (["key5=value5", "subkey5=other"], None),
        (["foo=bar"], None),
        ([], None),
    ],
)
def test_the_most_specific_entry_of_the_requests_depth_holds(
    entries: list[str], expected: int | None
) -> None:
    """The cases of envoyproxy/ratelimit's basic_config.yaml."""
    assert limit(config(BASIC), *entries) == expected


def test_an_unknown_domain_has_no_limit() -> None:
    """Also where the request brings one."""
    brought = Descriptor((("key2", "x"),), None, ("MINUTE", 3))
    assert find(config(BASIC), "foo", asked("key2=x")) is None
    assert find(config(BASIC), "foo", brought) is None


def test_a_limit_that_the_request_brings_wins() -> None:
    """Over the file's, also where the file has none; its name in metrics has all values."""
    match = find(config(BASIC), "test-domain", Descriptor((("key2", "value3"), ("x", "")), None, ("WEEK", 7)))
    assert match is not None
    assert (match.rule.unit, match.rule.requests_per_unit, match.rule.shadow_mode) == ("WEEK", 7, False)
    assert match.metric == "test-domain.key2_value3.x"


WILD = """
    domain: test-domain
    descriptors:
      - {key: wild, value: foo*, rate_limit: {unit: minute, requests_per_unit: 1}}
      - {key: wild, value: "*bar", rate_limit: {unit: minute, requests_per_unit: 2}}
      - {key: wild, value: foobar, rate_limit: {unit: minute, requests_per_unit: 3}}
      - {key: wild, rate_limit: {unit: minute, requests_per_unit: 4}}
      - {key: route, value: "/api/*/resource/*/action", rate_limit: {unit: minute, requests_per_unit: 5}}
      - {key: any*, rate_limit: {unit: minute, requests_per_unit: 6}}
"""


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("wild=foobar", 3),
        ("wild=foo", 1),
        ("wild=fooxbar", 1),
        ("wild=xbar", 2),
        ("wild=bar", 2),
        ("wild=fo", 4),
        ("route=/api/v1/resource/123/action", 5),
        ("route=/api//resource//action", 5),
        ("route=/api/v1/resource/123/action/", None),
        ("route=/api/resource/action", None),
        ("anything=x", 6),
        ("any=x", 6),
    ],
)
def test_wildcards_come_after_the_exact_and_before_the_key(entry: str, expected: int | None) -> None:
    """In the file's order, each * for any letters or none, matched against key and value joined."""
    assert limit(config(WILD), entry) == expected


def test_an_asterisk_never_uses_a_letter_twice() -> None:
    """a*a does not match "a": first and last part may not overlap."""
    loaded = config("""
        domain: test-domain
        descriptors: [{key: k, value: aa*aa, rate_limit: {unit: day, requests_per_unit: 1}}]
    """)
    assert limit(loaded, "k=aaa") is None
    assert limit(loaded, "k=aaaa") == 1


SHARED = """
    domain: d
    descriptors:
      - key: files
        value: files/*
        share_threshold: true
        rate_limit: {unit: minute, requests_per_unit: 100}
      - key: path
        value: path/*
        share_threshold: true
        descriptors:
          - key: file
            value: file/*
            descriptors: [{key: type, rate_limit: {unit: minute, requests_per_unit: 120}}]
      - key: route
        value: api/*
        share_threshold: true
        value_to_metric: true
        descriptors: [{key: method, rate_limit: {unit: minute, requests_per_unit: 60}}]
      - key: service
        value: svc/*
        share_threshold: true
        descriptors: [{key: endpoint, detailed_metric: true, rate_limit: {unit: day, requests_per_unit: 80}}]
      - {key: file, value: test1, rate_limit: {unit: minute, requests_per_unit: 50}}
      - {key: file, value: test*, share_threshold: true, rate_limit: {unit: minute, requests_per_unit: 90}}
      - {key: mid, value: /api*v1, share_threshold: true, rate_limit: {unit: minute, requests_per_unit: 10}}
"""


@pytest.mark.parametrize(
    ("entries", "counted", "metric"),
    [
        (["files=files/a.pdf"], ["files=files/*"], "d.files_files/*"),
        (
            ["path=path/1", "file=file/2", "type=x"],
            ["path=path/*", "file=file/2", "type=x"],
            "d.path_path/*.file_file/*.type",
        ),
        (["route=api/v1", "method=GET"], ["route=api/*", "method=GET"], "d.route_api/*.method"),
        (
            ["service=svc/a", "endpoint=get"],
            ["service=svc/*", "endpoint=get"],
            "d.service_svc/*.endpoint_get",
        ),
        (["file=test1"], ["file=test1"], "d.file_test1"),
        (["file=test2"], ["file=test*"], "d.file_test*"),
        (["mid=/api/x/v1"], ["mid=/api*v1"], "d.mid_/api*v1"),
    ],
)
def test_shared_thresholds_count_under_the_pattern(
    entries: list[str], counted: list[str], metric: str
) -> None:
    """At each level that says so, in the counter's key as in the metric's name."""
    match = find(config(SHARED), "d", asked(*entries))
    assert match is not None
    assert (match.counted or asked(*entries).entries) == asked(*counted).entries
    assert match.metric == metric


SHOWN = """
    domain: d
    descriptors:
      - {key: key1, detailed_metric: true, rate_limit: {unit: minute, requests_per_unit: 10}}
      - {key: key1, value: value1, rate_limit: {unit: minute, requests_per_unit: 20}}
      - {key: key9, value: value*, rate_limit: {unit: minute, requests_per_unit: 20}}
      - key: route
        value_to_metric: true
        descriptors:
          - key: http_method
            value_to_metric: true
            descriptors: [{key: subject_id, rate_limit: {unit: minute, requests_per_unit: 60}}]
      - key: user
        value_to_metric: true
        descriptors:
          - key: action
            value: read*
            value_to_metric: true
            descriptors: [{key: resource, rate_limit: {unit: minute, requests_per_unit: 100}}]
      - key: plain
        descriptors: [{key: sub, rate_limit: {unit: minute, requests_per_unit: 1}}]
"""


@pytest.mark.parametrize(
    ("entries", "metric"),
    [
        (["key1=unspecified_value"], "d.key1_unspecified_value"),
        (["key1=value1"], "d.key1_value1"),
        (["key9=value7"], "d.key9_value*"),
        (["route=api", "http_method=GET", "subject_id=123"], "d.route_api.http_method_GET.subject_id"),
        (["user=alice", "action=readfile", "resource=doc"], "d.user_alice.action_readfile.resource"),
        (["plain=x", "sub=y"], "d.plain.sub"),
    ],
)
def test_the_name_in_metrics(entries: list[str], metric: str) -> None:
    """Examples 8 to 10 of envoyproxy/ratelimit's README."""
    match = find(config(SHOWN), "d", asked(*entries))
    assert match is not None
    assert match.metric == metric


# -- against a plain model ----------------------------------------------------


class Said(NamedTuple):
    """What the model says of one entry of the configuration."""

    key: str
    value: str
    limit: int | None
    below: list["Said"]


def model(entries: list[Said], request: list[tuple[str, str]]) -> int | None:
    """The look-up as a person would write it down: try each way in turn, level by level."""
    (key, value), *rest = request
    found = (
        [entry for entry in entries if joined(entry) == f"{key}_{value}"]
        or [entry for entry in entries if "*" in joined(entry) and like(joined(entry), f"{key}_{value}")]
        or [entry for entry in entries if joined(entry) == key]
    )
    if not found:
        return None
    return model(found[0].below, rest) if rest else found[0].limit


def joined(entry: Said) -> str:
    return f"{entry.key}_{entry.value}" if entry.value else entry.key


def like(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def document(entries: list[Said]) -> list[dict[str, Any]]:
    return [
        {
            "key": entry.key,
            **({"value": entry.value} if entry.value else {}),
            **({"rate_limit": {"unit": "day", "requests_per_unit": entry.limit}} if entry.limit else {}),
            "descriptors": document(entry.below),
        }
        for entry in entries
    ]


def levels(depth: int) -> st.SearchStrategy[list[Said]]:
    one = st.builds(
        Said,
        st.sampled_from(["a", "b", "a_b"]),
        st.text("ab_*", max_size=4),
        st.none() | st.integers(1, 9),
        levels(depth - 1) if depth else st.just([]),
    )
    return st.lists(one, max_size=5, unique_by=joined)


requests = st.lists(
    st.tuples(st.sampled_from(["a", "b", "a_b"]), st.text("ab_", max_size=5)), min_size=1, max_size=3
)


@given(levels(2), requests)
def test_the_look_up_is_that_of_a_plain_model(entries: list[Said], request: list[tuple[str, str]]) -> None:
    """For random trees with wildcards anywhere, and random requests."""
    text = yaml.safe_dump({"domain": "d", "descriptors": document(entries)})
    match = find(config(text), "d", Descriptor(tuple(request)))
    assert (match.rule.requests_per_unit if match else None) == model(entries, request)
