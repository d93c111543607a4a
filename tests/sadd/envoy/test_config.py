"""envoyproxy/ratelimit's YAML: what loads, what is refused, and in which words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.envoy import config
from sadd.envoy.config import ConfigError, load
from sadd.envoy.files import FILE_BYTES_MAX, Source
from sadd.envoy.rules import Config, Node


def one(text: str) -> Config:
    return load([Source("test.yaml", text)])


def faults(*texts: str, merge_domains: bool = False) -> list[str]:
    """Of files a.yaml, b.yaml …; the name is taken off those of the first."""
    sources = [Source(f"{letter}.yaml", text) for letter, text in zip("abc", texts, strict=False)]
    with pytest.raises(ConfigError) as refused:
        load(sources, merge_domains=merge_domains)
    return [fault.removeprefix("a.yaml: ") for fault in refused.value.faults]


def entry(**switches: str) -> str:
    """A file of one entry with the limit and switches given as YAML."""
    lines = "".join(f"    {name}: {value}\n" for name, value in switches.items())
    return f"domain: d\ndescriptors:\n  - key: k\n{lines}"


LIMIT = "{unit: minute, requests_per_unit: 5}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "config file cannot have empty domain"),
        ("descriptors: [{key: a}]", "config file cannot have empty domain"),
        ("domain: ~", "config file cannot have empty domain"),
        ("domain: d\ndescriptors: [{value: a}]", "descriptor has empty key"),
        (
            "domain: test-domain\ndescriptors: [{key: key1, value: value1}, {key: key1, value: value1}]",
            "duplicate descriptor composite key 'test-domain.key1_value1'",
        ),
        (
            "domain: d\ndescriptors: [{key: a, descriptors: [{key: b}, {key: b}]}]",
            "duplicate descriptor composite key 'd.a.b'",
        ),
        (entry(rate_limit="{unit: foo, requests_per_unit: 5}"), "invalid rate limit unit 'foo'"),
        (entry(rate_limit="{requests_per_unit: 5}"), "invalid rate limit unit ''"),
        (entry(rate_limit="{unit: unknown}"), "invalid rate limit unit 'unknown'"),
        (
            entry(rate_limit="{unlimited: true, unit: day}"),
            "should not specify rate limit unit when unlimited",
        ),
        (
            entry(rate_limit="{unit: day, name: x, replaces: [{name: x}]}"),
            "replaces should not contain name of same descriptor",
        ),
        (
            entry(rate_limit="{unit: day, replaces: [{name: ''}]}"),
            "should not have an empty replaces entry",
        ),
        ('"domain: x\n', "error loading config file: yaml: line 2: found unexpected end of stream"),
        ("domain: d\nratelimit: {}", "config error, unknown key 'ratelimit'"),
        (entry(rate_limit="{unit: day, unit_multiplier: 2}"), "config error, unknown key 'unit_multiplier'"),
        ("domain: d\n0.25: x", "config error, key is not of type string: 0.25"),
        (
            "domain: d\ndescriptors:\n  - a\n  - b",
            "config error, yaml file contains list of type other than map: a",
        ),
        (entry(value="1.5"), "error checking config"),
        (
            entry(share_threshold="true"),
            "share_threshold can only be used with wildcard values (containing '*'), but found key 'k'",
        ),
    ],
)
def test_a_load_error_is_word_for_word(text: str, words: str) -> None:
    """Each fault that envoyproxy/ratelimit has is found, in its words."""
    assert faults(text)[0] == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (entry(rate_limit="{requests_per_unit: -1}"), "line 4: cannot unmarshal !!int `-1` into uint32"),
        (entry(rate_limit="{requests_per_unit: '5'}"), "line 4: cannot unmarshal !!str `5` into uint32"),
        (
            entry(rate_limit="{requests_per_unit: 5000000000000}"),
            "line 4: cannot unmarshal !!int `5000000...` into uint32",
        ),
        (entry(shadow_mode="'true'"), "line 4: cannot unmarshal !!str `true` into bool"),
        (entry(shadow_mode="maybe this"), "line 4: cannot unmarshal !!str `maybe this` into bool"),
        (entry(value="{key: x}"), "line 4: cannot unmarshal !!map into string"),
        (entry(rate_limit="5"), "line 4: cannot unmarshal !!int `5` into config.YamlRateLimit"),
        (entry(metadata="[a]"), "line 4: cannot unmarshal !!seq into map[string]interface {}"),
        (
            "domain: d\ndescriptors: foo",
            "line 2: cannot unmarshal !!str `foo` into []config.YamlDescriptor",
        ),
        ("- {domain: d}", "line 1: cannot unmarshal !!seq into map[interface {}]interface {}"),
    ],
)
def test_a_misfit_is_in_the_words_of_yaml_v2(text: str, words: str) -> None:
    """As gopkg.in/yaml.v2 v2.4.0 said it of the same texts."""
    assert faults(text) == [f"error loading config file: yaml: unmarshal errors:\n  {words}"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("domain: x\n  y: z\n", "line 2: mapping values are not allowed in this context"),
        ("a: [1,2\n", "line 1: did not find expected ',' or ']'"),
        ("a: *b\n", "unknown anchor 'b' referenced"),
        ("\tdomain: x", "found character that cannot start any token"),
        ("- a\nb: c\n", "line 1: did not find expected '-' indicator"),
        ("domain: t\ndescriptors:\n- key: a\n value: b\n", "line 3: did not find expected key"),
        ("a: 'x", "found unexpected end of stream"),
        ("a\x01: b", "control characters are not allowed"),
        ("a: &a [*a]", "exceeded max depth of 64"),
    ],
)
def test_broken_yaml_is_told_with_yaml_v2s_lines(text: str, words: str) -> None:
    """Which begin at 0 for its parser, at 1 for its scanner, and are not said of the first."""
    assert faults(text) == [f"error loading config file: yaml: {words}"]


def test_all_faults_are_found_each_with_its_file() -> None:
    """Of every file, where envoyproxy/ratelimit stops at the first."""
    broken = "domain: d\ndescriptors: [{value: a}, {key: b, rate_limit: {unit: x}}]"
    assert faults(broken, '"x') == [
        "descriptor has empty key",
        "invalid rate limit unit 'x'",
        "b.yaml: error loading config file: yaml: found unexpected end of stream",
    ]


def test_an_unknown_key_hides_no_other_fault() -> None:
    """It is told first, as envoyproxy/ratelimit would, and the rest of the file is looked at all the same."""
    text = (
        "domain: d\ndescriptors: [{value: a}, {key: b, rate_limit: {unit: x, per: 5}}, {key: c, shadow: y}]"
    )
    assert faults(text) == [
        "config error, unknown key 'per'",
        "config error, unknown key 'shadow'",
        "descriptor has empty key",
        "invalid rate limit unit 'x'",
    ]
    assert faults("domain: d\nper: 5\ndescriptors: [{key: a, shadow_mode: 3}]") == [
        "config error, unknown key 'per'",
        "error loading config file: yaml: unmarshal errors:\n  line 3: cannot unmarshal !!int `3` into bool",
    ]


def test_a_value_that_is_none_is_told_once() -> None:
    """Of what stands where a map should be, no more is said than that."""
    assert faults("domain: d\ndescriptors: [x]") == [
        "config error, yaml file contains list of type other than map: x"
    ]


def test_a_domain_of_two_files_is_refused() -> None:
    """Unless they are to be merged; then their entries may not meet."""
    first = "domain: d\ndescriptors: [{key: a}]"
    assert faults(first, "domain: d") == ["b.yaml: duplicate domain 'd' in config file: a.yaml has it"]
    broken = "domain: d\ndescriptors: [{value: a}]"
    assert faults(broken, first) == [
        "descriptor has empty key",
        "b.yaml: duplicate domain 'd' in config file: a.yaml has it",
    ]
    assert faults(first, first, merge_domains=True) == ["b.yaml: duplicate descriptor composite key 'd.a'"]
    second = Source("b.yaml", "domain: d\ndescriptors: [{key: b}]")
    merged = load([Source("a.yaml", first), second], merge_domains=True)
    assert list(merged.domains["d"].children) == ["a", "b"]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("key: a, value: b_c", "key: a_b, value: c", '("a", "b_c") and ("a_b", "c")'),
        ("key: a, value: b", "key: a_b", '("a", "b") and ("a_b")'),
    ],
)
def test_entries_that_only_look_alike_when_joined_are_refused(first: str, second: str, told: str) -> None:
    """And both are named: envoyproxy/ratelimit's words alone do not tell which."""
    assert faults(f"domain: d\ndescriptors: [{{{first}}}, {{{second}}}]") == [
        f"duplicate descriptor composite key '{'d.a_b_c' if 'c' in first else 'd.a_b'}': "
        f"{told} are both joined to it"
    ]


@pytest.mark.parametrize("unit", ["second", "Minute", "HOUR", "day", "week", "month", "year"])
def test_units_from_second_to_year_in_any_case(unit: str) -> None:
    """README.md of envoyproxy/ratelimit lists four; its code takes these seven."""
    (rule,) = one(entry(rate_limit=f"{{unit: {unit}, requests_per_unit: 4294967295}}")).rules()
    assert (rule.unit, rule.requests_per_unit) == (unit.upper(), 4_294_967_295)


def test_every_switch_is_read() -> None:
    """And stands where it belongs."""
    text = """
    domain: d
    descriptors:
      - key: k
        value: v*
        shadow_mode: true
        quota_mode: on
        detailed_metric: yes
        value_to_metric: true
        share_threshold: true
        metadata: {tier: gold, n: 3, deep: {x: [1.5, null, no]}}
        rate_limit:
          unit: hour
          requests_per_unit: 0x10
          name: mine
          replaces: [{name: a}, {name: b}]
        descriptors:
          - key: sub
            rate_limit: {unlimited: true}
    """
    node = one(text).domains["d"].children["k_v*"]
    assert node.rule is not None
    assert (node.share_threshold, node.value_to_metric, node.plain) == (True, True, False)
    assert node.metadata == {"tier": "gold", "n": 3.0, "deep": {"x": [1.5, None, False]}}
    assert (node.rule.full_key, node.rule.unit, node.rule.requests_per_unit) == ("d.k_v*", "HOUR", 16)
    assert (node.rule.shadow_mode, node.rule.quota_mode, node.rule.detailed_metric) == (True, True, True)
    assert (node.rule.name, node.rule.replaces) == ("mine", frozenset("ab"))
    below = node.children["sub"].rule
    assert below is not None
    assert below.unlimited


@pytest.mark.parametrize(
    ("written", "value"),
    [("5", "5"), ("007", "007"), ("yes", "yes"), ("1:30", "1:30"), ("2026-01-01", "2026-01-01"), ("~", "")],
)
def test_a_value_is_the_files_own_letters(written: str, value: str) -> None:
    """Whatever YAML would make of them: descriptors are texts."""
    (node,) = one(entry(value=written)).domains["d"].children.values()
    assert node.written == ("k", value)


def test_anchors_and_merge_keys_are_followed() -> None:
    """A map's own fields win over those it merges in."""
    text = """
    domain: d
    descriptors:
      - &first {key: a, rate_limit: {unit: day, requests_per_unit: 1}}
      - <<: *first
        key: b
    """
    assert [rule.full_key for rule in one(text).rules()] == ["d.a", "d.b"]


def test_aliases_cannot_blow_a_small_file_up() -> None:
    """Nine levels of ten aliases are a billion nodes: refused early."""
    levels = "".join(
        f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" if n else "l0: &l0 [x, x]\n" for n in range(9)
    )
    assert faults(levels) == ["error loading config file: yaml: document contains excessive aliasing"]


def test_what_is_read_and_not_meant_is_noticed() -> None:
    """A switch where it means nothing, a key given twice, a second document: no fault, a notice."""
    text = "domain: d\ndescriptors:\n- key: a\n  key: b\n  rate_limit: {unit: day, shadow_mode: true}\n---\n"
    assert one(text).notices == (
        "test.yaml: only the first of its YAML documents is read",
        "test.yaml: line 4: 'key' is given twice, the last one counts",
        "test.yaml: line 5: 'shadow_mode' means nothing here and is ignored",
    )


def test_an_entry_that_takes_anothers_requests_is_noticed() -> None:
    """The look-up joins key and value, so ("user", "id") meets the entry for the key user_id."""
    text = "domain: d\ndescriptors: [{key: user}, {key: user_id}, {key: a, value: b_c}, {key: a, value: b}]"
    assert one(text).notices == (
        'test.yaml: \'d.user_id\' is also found for ("user", "id"), since they are joined',
    )


def test_a_folder_is_read_as_kubernetes_mounts_it(tmp_path: Path) -> None:
    """Links to the current generation are followed, the generations themselves (``..data``) are not read."""
    generation = tmp_path / "..2026_11_24"
    generation.mkdir()
    (generation / "a.yaml").write_text("domain: a")
    (tmp_path / "..data").symlink_to(generation)
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    (tmp_path / "README.md").write_text("not ours")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/b.yml").write_text("domain: b")
    assert list(config.read(tmp_path).domains) == ["a", "b"]
    assert list(config.read(tmp_path / "a.yaml").domains) == ["a"]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """Nothing there, no file in it, too large, no UTF-8."""

    def told(path: Path) -> str:
        with pytest.raises(ConfigError) as refused:
            config.read(path)
        (fault,) = refused.value.faults
        return fault

    assert told(tmp_path / "none") == f"{tmp_path / 'none'}: no such file or folder"
    assert told(tmp_path) == f"{tmp_path}: no file of a rate limit configuration (.yaml, .yml)"
    (tmp_path / "a.yaml").write_bytes(b"domain: \xff")
    assert told(tmp_path) == "a.yaml: error loading config file: yaml: invalid leading UTF-8 octet"
    (tmp_path / "a.yaml").write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    assert told(tmp_path) == f"a.yaml: larger than {FILE_BYTES_MAX} bytes"


def test_the_loaded_tree_is_what_the_file_says() -> None:
    """Each node under its joined key, wildcards in the file's order."""
    top: Node = one("domain: d\ndescriptors: [{key: a, value: x*}, {key: a, value: '*y'}, {key: a}]").domains[
        "d"
    ]
    assert list(top.children) == ["a_x*", "a_*y", "a"]
    assert [wildcard.joined for wildcard in top.wildcards] == ["a_x*", "a_*y"]


WORDS = [
    *("domain", "descriptors", "key", "value", "rate_limit", "unit", "requests_per_unit", "unlimited"),
    *("name", "replaces", "shadow_mode", "metadata", "day", "5", "-1", "1.5", "true", "~", "a_b", "x*"),
    *('"q"', "'r'", "&", "*", "<<", ":", "-", ",", "{", "}", "[", "]", "|", ">", "#", "!", "%", "@", "`"),
    *("---", "...", "?", "\t", "\x00", "ع"),
]
words = st.sampled_from(WORDS)


@given(st.lists(st.tuples(words, st.sampled_from(["", " ", "\n", "\n  ", ": "])), max_size=40))
def test_any_text_is_loaded_or_refused(pairs: list[tuple[str, str]]) -> None:
    """With faults that have words, and never by an error of ours."""
    text = "".join(word + space for word, space in pairs)
    told: tuple[str, ...] = ()
    try:
        one(text)
    except ConfigError as refused:
        told = refused.faults
    assert all(fault.startswith("test.yaml: ") and len(fault) > 12 for fault in told)


@pytest.mark.parametrize("number", ["9" * 19, "9" * 20, "9" * 5_000, "-" + "9" * 5_000])
def test_numbers_beyond_64_bits_are_refused(number: str) -> None:
    """As Go sees them: floats, which have no place in a configuration."""
    assert faults(entry(value=number)) == ["error checking config"]
