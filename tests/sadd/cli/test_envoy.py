"""``sadd limits import-envoy`` and ``sadd limits replay``."""

import json
from pathlib import Path

from tests.sadd.cli.conftest import Sadd

OLD = """
domain: messaging
descriptors:
  - key: message_type
    value: marketing
    descriptors:
      - {key: to_number, rate_limit: {unit: day, requests_per_unit: 2, name: few, replaces: [{name: all}]}}
  - {key: to_number, rate_limit: {unit: day, requests_per_unit: 1000, name: all}, shadow_mode: true}
  - {key: free, rate_limit: {unlimited: true}}
  - {key: staff}
  - {key: ip, value: 50.0.0.5, rate_limit: {unit: second, requests_per_unit: 0}}
"""


def test_what_would_be_served_is_printed(sadd: Sadd, tmp_path: Path) -> None:
    """A line for each entry that decides something, in the file's order; exit code 0."""
    (tmp_path / "limits.yaml").write_text(OLD)
    ended = sadd("limits", "import-envoy", "limits.yaml")
    assert ended.code == 0
    assert [row.split(maxsplit=1) for row in ended.out.splitlines()] == [
        ["RULE", "LIMIT                SWITCHES"],
        ["messaging.message_type_marketing.to_number", "2 a day              name few, replaces all"],
        ["messaging.to_number", "1,000 a day          shadow_mode, name all"],
        ["messaging.free", "unlimited"],
        ["messaging.staff", "none: lets all pass"],
        ["messaging.ip_50.0.0.5", "0 a second (a ban)"],
    ]
    assert ended.err == "fine: 1 domain, 5 entries\n"


def test_faults_are_printed_word_for_word(sadd: Sadd, tmp_path: Path) -> None:
    """All of them, each with its file; exit code 1."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/a.yaml").write_text("domain: a\ndescriptors: [{value: x}]")
    (tmp_path / "config/b.yaml").write_text("domain: b\nratelimit: 1")
    ended = sadd("limits", "import-envoy", "config")
    assert (ended.code, ended.err) == (1, "2 faults\n")
    assert ended.out == ("a.yaml: descriptor has empty key\nb.yaml: config error, unknown key 'ratelimit'\n")
    told = json.loads(sadd("limits", "import-envoy", "config", "--json").out)
    assert told["faults"] == ended.out.splitlines()
    assert sadd("limits", "import-envoy", "nowhere").out == "nowhere: no such file or folder\n"


def test_domains_are_merged_if_the_setting_says_so(sadd: Sadd, tmp_path: Path) -> None:
    """The setting is the one that the platform serves by."""
    (tmp_path / "config").mkdir()
    for name, key in (("a", "x"), ("b", "y")):
        (tmp_path / f"config/{name}.yaml").write_text(f"domain: d\ndescriptors: [{{key: {key}}}]")
    assert sadd("limits", "import-envoy", "config").out == (
        "b.yaml: duplicate domain 'd' in config file: a.yaml has it\n"
    )
    assert sadd("limits", "import-envoy", "config", "--envoy-merge-domains", "true").code == 0


def test_what_was_surely_not_meant_is_noticed(sadd: Sadd, tmp_path: Path) -> None:
    """On standard error, and it is no fault."""
    (tmp_path / "a.yaml").write_text("domain: d\ndescriptors: [{key: a, unit: day}]")
    ended = sadd("limits", "import-envoy", "a.yaml")
    assert ended.code == 0
    assert "notice: a.yaml: line 2: 'unit' means nothing here and is ignored\n" in ended.err


def log(folder: Path) -> None:
    one = {
        "domain": "messaging",
        "descriptors": [
            {"entries": [{"key": "message_type", "value": "marketing"}, {"key": "to_number", "value": "1"}]}
        ],
    }
    lines = [json.dumps({"time": f"2026-11-24T10:00:0{second}Z", **one}) for second in range(4)]
    (folder / "requests.jsonl").write_text("\n".join(lines))


def test_replay_lists_the_decisions_that_change(sadd: Sadd, tmp_path: Path) -> None:
    """With their line, time, and the limit that made the difference; exit code 1 as for any difference."""
    log(tmp_path)
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(OLD.replace("requests_per_unit: 2,", "requests_per_unit: 1,"))
    ended = sadd("limits", "replay", "requests.jsonl", "--old", "old.yaml", "--new", "new.yaml")
    assert ended.code == 1
    assert ended.out == (
        "line 2 2026-11-24T10:00:01Z messaging OK -> OVER_LIMIT: "
        "message_type=marketing,to_number=1 2 a day -> 1 a day\n"
    )
    assert ended.err == "4 requests, 1 decision changed (1 refused now, 0 passing now)\n"
    again = sadd("limits", "replay", "requests.jsonl", "--old", "new.yaml", "--new", "old.yaml", "--json")
    assert [(one["line"], one["old"], one["new"]) for one in json.loads(again.out)] == [
        (2, "OVER_LIMIT", "OK")
    ]


def test_replay_of_no_difference(sadd: Sadd, tmp_path: Path) -> None:
    """Exit code 0."""
    log(tmp_path)
    (tmp_path / "old.yaml").write_text(OLD)
    ended = sadd("limits", "replay", "requests.jsonl", "--old", "old.yaml", "--new", "old.yaml")
    assert (ended.code, ended.out, ended.err) == (0, "", "4 requests, 0 decisions changed\n")


def test_replay_of_what_is_no_log_or_no_configuration(sadd: Sadd, tmp_path: Path) -> None:
    """Bad usage names the line; faults of a configuration are printed as ever."""
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "bad.yaml").write_text("domain: ~")
    (tmp_path / "log").write_text("nonsense")
    both = ("--old", "old.yaml", "--new")
    ended = sadd("limits", "replay", "log", *both, "old.yaml")
    assert (ended.code, ended.err) == (
        2,
        "sadd limits replay: log: line 1: no JSON: Expecting value at character 1\n",
    )
    ended = sadd("limits", "replay", "log", *both, "bad.yaml")
    assert (ended.code, ended.err) == (1, "bad.yaml: config file cannot have empty domain\n")
    ended = sadd("limits", "replay", "nowhere", *both, "old.yaml")
    assert (ended.code, ended.err) == (2, "sadd limits replay: nowhere: No such file or directory\n")
