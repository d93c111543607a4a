"""Files of rules: what they say, and every fault with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.limits.findings import findings, findings_of
from sadd.limits.pattern import Networks, Texts, prefix_of
from sadd.limits.reading import Reading, read_rules
from sadd.limits.rule import Limit, Override, Rule, When
from tests.sadd.limits.scene import catalogue, rule

GOOD = """\
- id: flood
  note: one address, whoever sits behind it
  by: [ip]
  ipv6_prefix: 56
  limit: {limit: 100, period_seconds: 10, burst: 50, on_store_loss: open}
- id: daily
  agency: moehe
  name: quota
  by: [citizen, service]
  without: deny
  limit: {limit: 50, algorithm: calendar, unit: day, zone: Asia/Qatar}
  overrides:
    - keys: ["28512345678|moehe-results"]
      unlimited: true
- id: robots
  effect: deny
  priority: 10
  shadow: true
  when:
    - descriptor: header:user-agent
      any_of: ["*bot*", "*crawler*"]
"""


def read(folder: Path, **files: str) -> Reading:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return read_rules([folder], catalogue())


def said(reading: Reading) -> list[str]:
    return [f"{Path(fault.file).name}:{fault.line}: {fault.message}" for fault in reading.faults]


def test_a_file_is_a_list_of_rules(tmp_path: Path) -> None:
    """Read in the order of ids, with what is not said as it is by default."""
    reading = read(tmp_path, rules=GOOD)
    assert said(reading) == []
    assert reading.rules is not None
    daily, flood, robots = reading.rules.rules
    assert flood.limit == Limit(100, period_seconds=10, burst=50, on_store_loss="open")
    assert daily.overrides == (Override(("28512345678|moehe-results",), unlimited=True),)
    assert robots.when == (When("header:user-agent", ("*bot*", "*crawler*")),)
    assert (robots.by, robots.without, robots.shadow) == (("key",), "skip", True)


def test_a_folder_is_all_of_its_files(tmp_path: Path) -> None:
    """Those of its folders too; an empty file says nothing, and other files are not read."""
    (tmp_path / "moehe").mkdir()
    (tmp_path / "moehe" / "own.yml").write_text("- {id: own, limit: {limit: 1, period_seconds: 1}}")
    (tmp_path / "README.md").write_text("- no rule")
    reading = read(tmp_path, rules=GOOD, empty="# nothing yet\n")
    assert reading.rules is not None
    assert [one.id for one in reading.rules.rules] == ["daily", "flood", "own", "robots"]


def test_every_fault_has_its_line(tmp_path: Path) -> None:
    """Also those behind another fault of the same rule, and those between files."""
    bad = """\
- id: bad
  servce: moehe-results
  service: moehe-result
  limit: {limit: -1, period_seconds: 10, unit: day}
  by: [citzen]
- id: other
  effect: dney
  agency: moehee
  when: [{descriptor: header:X, any_of: [28]}]
  ipv6_prefix: 200
- id: flood
  limit: {limit: 5, algorithm: calendar, unit: day, zone: Asia/Qatr}
- 7
"""
    assert said(read(tmp_path, a=GOOD, b=bad)) == [
        "b.yaml:2: bad: servce: unknown field (nearest: service)",
        "b.yaml:3: bad: service: no such service: 'moehe-result' (nearest: moehe-results)",
        "b.yaml:4: bad: limit.unit: not of gcra",
        "b.yaml:4: bad: limit: limit is -1, not 0..1000000 a second",
        "b.yaml:5: bad: by.0: no such descriptor: 'citzen' (nearest: citizen)",
        "b.yaml:7: other: effect: expected one of allow, deny, limit, unlimited, got 'dney'",
        "b.yaml:8: other: agency: no such agency: 'moehee' (nearest: moehe)",
        "b.yaml:9: other: when.0.any_of.0: expected a text, got '28' (put it in quotes)",
        "b.yaml:9: other: when.0.descriptor: 'header:X' names no header: header:<name>, in small letters",
        "b.yaml:10: other: ipv6_prefix: 200 is not between 1 and 128",
        f"b.yaml:11: flood: id: also at {tmp_path}/a.yaml:1",
        "b.yaml:12: flood: limit: zone 'Asia/Qatr' is not known",
        "b.yaml:13: rule: expected fields (id), got '7'",
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("- id: [", 2, "not YAML"),
        ("id: flood\n", 1, "expected a list of rules"),
        ("- id: x\n  limit: {limit: 1}\n", 2, "x: limit.period_seconds: missing: gcra needs it"),
        ("- id: x\n", 1, "x: limit: missing: without it there is nothing to count"),
        ("- id: x\n  effect: deny\n  limit: {limit: 1, period_seconds: 1}\n", 3, "says nothing where"),
        ("- id: x\n  effect: allow\n  shadow: true\n", 3, "has nothing to try"),
        ("- id: x\n  effect: deny\n  when: [{descriptor: ip, any_of: [nowhere]}]\n", 3, "no network"),
        (
            "- id: x\n  limit: {limit: 9, period_seconds: 1}\n  overrides: [{keys: [a]}]\n",
            3,
            "changes nothing",
        ),
        (
            "- id: x\n  limit: {limit: 9, period_seconds: 1}\n  overrides: [{keys: [a], limit: 2000000}]\n",
            3,
            "limit is 2000000",
        ),
        ("- id: x\n  effect: deny\n  route: /a?b=*\n", 3, "compared as '/a'"),
        ("- id: x\n  limit: {limit: 1, algorithm: concurrency, on_store_loss: local}\n", 2, "slots know"),
        ("- id: X y\n  effect: deny\n", 1, "is no id"),
        ("- id: x\n  effect: deny\n  priority: 5000\n", 3, "is not between"),
        ("- id: x\n  agency: moph\n  service: moehe-results\n  effect: deny\n", 2, "belongs to moehe"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, line: int, message: str) -> None:
    """With one sentence at its line."""
    reading = read(tmp_path, one=text)
    assert reading.rules is None
    (fault,) = reading.faults
    assert fault.line == line
    assert message in fault.message


def test_a_path_with_nothing_is_told(tmp_path: Path) -> None:
    """It is a mistake in the command, not in the rules."""
    with pytest.raises(FileNotFoundError, match="there is no file or folder"):
        read_rules([tmp_path / "absent"])


def test_rules_that_were_read_have_no_findings(tmp_path: Path) -> None:
    """Whoever publishes them elsewhere asks the same question of values."""
    reading = read(tmp_path, rules=GOOD)
    assert reading.rules is not None
    assert list(findings_of(reading.rules.rules, catalogue())) == []
    twice = [rule("same"), rule("same")]
    assert [str(finding) for _, finding in findings_of(twice)] == ["id: another rule has this id"] * 2


def test_too_many_limits_for_one_request_are_refused() -> None:
    """More than the engine decides together would fail at the request."""
    many = [rule(f"r{i}", agency="moehe") for i in range(40)]
    assert "41 limits" in " ".join(str(finding) for _, finding in findings_of(many, catalogue()))
    named = [rule(f"r{i}", agency="moehe", name="one") for i in range(40)]
    assert list(findings_of(named, catalogue())) == []


def test_more_than_a_worker_can_take_in_at_once_is_refused() -> None:
    """A list, the overrides, and the rules themselves have their bounds."""
    addresses = tuple(f"10.{i // 256}.{i % 256}.1" for i in range(10_001))
    long = rule(when=(When("ip", any_of=addresses),))
    assert "10,001 values" in str(*findings(long))
    assert list(findings(rule(when=(When("ip", any_of=addresses[1:]),)))) == []
    assert "10,001 keys" in str(*findings(rule(overrides=(Override(addresses, limit=1),))))
    many = [rule(f"r{i}") for i in range(2_001)]
    assert [str(finding) for _, finding in findings_of(many)] == ["2,001 rules; at most 2,000 are taken"]


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_a_star_is_any_letters(pattern: str, text: str) -> None:
    """Against the definition, tried letter by letter."""

    def fits(p: str, t: str) -> bool:
        if not p:
            return not t
        if p[0] == "*":
            return any(fits(p[1:], t[i:]) for i in range(len(t) + 1))
        return t[:1] == p[0] and fits(p[1:], t[1:])

    assert Texts.of([pattern]).hold(text) == fits(pattern, text)


@given(st.ip_addresses(), st.integers(1, 32))
def test_an_address_is_in_the_network_that_stands_for_it(address: object, length: int) -> None:
    """And the network is found among others."""
    network = prefix_of(str(address), length, 4 * length)
    assert network is not None
    assert Networks.of([network, "10.0.0.0/8", "2001:db8::/32"]).hold(str(address))


def test_what_is_no_address_is_in_no_network() -> None:
    """Nor has it a prefix."""
    assert not Networks.of(["0.0.0.0/0", "::/0"]).hold("nowhere")
    assert prefix_of("nowhere", 32, 64) is None
    assert list(findings(rule(when=(When("ip", any_of=("::/0",)),)), None)) == []
    assert Rule("x").policy_id == "rule.x"


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("route", 'route: "/a\\0"'),
        ("note", 'note: "a\\0"'),
        ("when.0.any_of.0", 'when: [{descriptor: app, any_of: ["a\\0"]}]'),
        ("overrides.0.keys.0", 'overrides: [{keys: ["a\\0"], limit: 1}]'),
    ],
)
def test_a_nul_is_found_before_the_database_is_asked(tmp_path: Path, field: str, more: str) -> None:
    """It cannot hold one, and would say so in words of its own, when all else was right."""
    file = tmp_path / "a.yaml"
    file.write_text(f"- id: flood\n  limit: {{limit: 1, period_seconds: 1}}\n  {more}\n")
    (fault,) = read_rules([file]).faults
    assert f"{field}: has a NUL in it" in str(fault)
