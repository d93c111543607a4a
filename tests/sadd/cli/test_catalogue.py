"""``sadd catalogue`` on the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sadd.catalogue.writing import write_folder
from tests.sadd.catalogue.scene import service, small
from tests.sadd.cli.conftest import Sadd


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small catalogue as files under ``files/``, seen from where the command runs."""
    write_folder(small(), tmp_path / "files")
    return tmp_path / "files"


def break_it(folder: Path) -> None:
    path = folder / "services/moph.yaml"
    path.write_text(path.read_text().replace("factor: 38", "factor: 0", 1))


def test_the_shipped_catalogue_is_fine(sadd: Sadd) -> None:
    """Without a path the check is of the catalogue that Sadd ships; it prints what was counted."""
    ended = sadd("catalogue", "check")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("fine: ")


def test_a_fault_is_printed_as_file_and_line(sadd: Sadd, folder: Path) -> None:
    """One line a fault on standard output, in the form that editors click; exit code 1."""
    break_it(folder)
    ended = sadd("catalogue", "check", "files")
    assert ended.code == 1
    assert ended.out == (
        "files/services/moph.yaml:14: moph-appointment: peak.factor: 0 is not between 1 and 1,000\n"
    )
    assert ended.err == "1 fault\n"


def test_a_check_for_programs(sadd: Sadd, folder: Path) -> None:
    """--json has faults and warnings with file, line and message."""
    break_it(folder)
    told = json.loads(sadd("catalogue", "check", "files", "--json").out)
    assert told["counts"] is None
    assert told["faults"][0]["file"] == "files/services/moph.yaml"
    assert told["faults"][0]["line"] == 14


def test_a_path_that_is_none_is_bad_usage(sadd: Sadd) -> None:
    """Exit code 2, and one line."""
    ended = sadd("catalogue", "check", "nowhere")
    assert (ended.code, ended.err) == (
        2,
        "sadd catalogue: nowhere is not a folder of catalogue files\n",
    )


def test_the_setting_says_which_files(sadd: Sadd, folder: Path) -> None:
    """``--catalogue-path`` (SADD_CATALOGUE_PATH) stands for PATH where none is given."""
    assert "4 services" in sadd("catalogue", "check", "--catalogue-path", "files").err


def test_everything_is_listed_and_counted(sadd: Sadd) -> None:
    """``list --json`` on a fresh clone, with no store: the promised numbers, and an entry for each."""
    told = json.loads(sadd("catalogue", "list", "--json").out)
    counts = told["counts"]
    assert counts["agencies"] >= 50
    assert counts["services"] >= 1000
    assert counts["apps"] == 40
    assert {kind: len(told[kind]) for kind in counts} == counts


def test_a_list_is_filtered(sadd: Sadd, folder: Path) -> None:
    """Rows for people, with the Arabic name last, and the count under them."""
    lines = sadd(
        "catalogue", "list", "services", "--agency", "moph", "--catalogue-path", "files"
    ).out.splitlines()
    assert [line.split()[0] for line in lines] == ["service", "moph-appointment", "moph-vaccines", "2"]
    assert lines[1].endswith("حجز موعد")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--agency", "mophe"], "nearest: moph"),
        (["list", "--category", "sport"], "known: education, health"),
        (["list", "apps", "--category", "health"], "--category is for services"),
        (["list", "--new", "soon"], "neither a number of days"),
        (["list", "planets"], "invalid choice"),
        (["search", "x", "--limit", "0"], "1 to 1000"),
    ],
)
def test_an_unknown_choice_is_bad_usage(sadd: Sadd, folder: Path, words: list[str], said: str) -> None:
    """Exit code 2, with what would be accepted."""
    ended = sadd("catalogue", *words, "--catalogue-path", "files")
    assert ended.code == 2
    assert said in ended.err


def test_a_misspelt_arabic_word_finds_its_service(sadd: Sadd) -> None:
    """One letter wrong, taa marbuta as ha: still the first of the shipped services."""
    told = json.loads(sadd("catalogue", "search", "نتايج", "الثنوية", "--json").out)
    assert told["services"][0]["id"] == "moehe-secondary-results"


def test_a_search_that_finds_nothing_fails(sadd: Sadd) -> None:
    """Exit code 1 and no output, as with grep; a person reads why."""
    ended = sadd("catalogue", "search", "xqzwv")
    assert (ended.code, ended.out, ended.err) == (1, "", "nothing found\n")


def test_an_import_tells_what_it_did(sadd: Sadd, folder: Path, migrated_database_url: str) -> None:
    """Added, changed and retired by kind; again it is nothing; then the database can be listed."""
    database = ("--database-url", migrated_database_url)
    assert "added 4 services" in sadd("catalogue", "import", "files", *database).out
    assert sadd("catalogue", "import", "files", *database).out == "nothing to change\nversion 1\n"
    write_folder(small(service("moehe-results"), service("moehe-register")), folder, overwrite=True)
    told = json.loads(sadd("catalogue", "import", "files", "--json", *database).out)
    assert told["version"] == 2
    assert told["added"]["services"] == []
    assert told["retired"]["services"] == ["moph-appointment", "moph-vaccines"]
    listed = json.loads(sadd("catalogue", "list", "services", "--database", "--json", *database).out)
    assert listed["counts"] == {"services": 2}


def test_nothing_is_imported_when_anything_is_wrong(
    sadd: Sadd, folder: Path, migrated_database_url: str
) -> None:
    """The faults are printed, exit code 1, and the database stays empty."""
    break_it(folder)
    ended = sadd("catalogue", "import", "files", "--database-url", migrated_database_url)
    assert ended.code == 1
    assert "files/services/moph.yaml:14: " in ended.err
    assert "nothing was imported" in ended.err
    ended = sadd("catalogue", "list", "--database", "--database-url", migrated_database_url)
    assert (ended.code, "no catalogue yet" in ended.err) == (1, True)


def test_what_is_exported_can_be_checked_and_imported(
    sadd: Sadd, folder: Path, migrated_database_url: str
) -> None:
    """The round trip changes nothing, also for what was retired; a second export needs --overwrite."""
    database = ("--database-url", migrated_database_url)
    sadd("catalogue", "import", "files", *database)
    write_folder(small(service("moehe-results"), service("moehe-register")), folder, overwrite=True)
    sadd("catalogue", "import", "files", *database)
    assert sadd("catalogue", "export", "out", *database).code == 0
    assert sadd("catalogue", "check", "out").out == ""
    assert sadd("catalogue", "import", "out", *database).out == "nothing to change\nversion 2\n"
    assert sadd("catalogue", "export", "out", *database).code == 2
    assert sadd("catalogue", "export", "out", "--overwrite", *database).code == 0


def test_a_terminal_that_knows_no_arabic_still_gets_its_list() -> None:
    """Letters that the terminal's encoding lacks are shown by number."""
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "sadd", "catalogue", "list", "agencies"]

    ended = subprocess.run(command, capture_output=True, env=environment, check=True, timeout=60)

    assert ended.stderr == b""
    assert b"Ministry of Interior" in ended.stdout
    assert rb"\u0648" in ended.stdout
