"""The catalogue that Sadd ships is whole, and as large as a Gulf state's portal."""

import re
import shutil
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from sadd.catalogue.model import Catalogue
from sadd.catalogue.reading import SHIPPED, read_folder


@cache
def shipped() -> Catalogue:
    reading = read_folder(SHIPPED, date.today())
    assert reading.faults == ()
    assert reading.warnings == ()
    assert reading.catalogue is not None
    return reading.catalogue


def test_it_has_no_fault_and_no_warning() -> None:
    """``sadd catalogue check`` has nothing to say: each class is used, each agency has services."""
    assert shipped().version == 0


def test_it_is_as_large_as_promised() -> None:
    """At least 50 agencies and 1,000 services, and 40 apps."""
    catalogue = shipped()
    assert len(catalogue.agencies) >= 50
    assert len(catalogue.services) >= 1000
    assert len(catalogue.apps) == 40


@pytest.mark.parametrize("kind", ["agencies", "services", "apps"])
@pytest.mark.parametrize("language", ["ar", "en"])
def test_no_two_names_are_the_same(kind: str, language: str) -> None:
    """Every name is meant: none occurs twice, in either language."""
    names = Counter(getattr(entry.name, language) for entry in getattr(shipped(), kind).values())
    assert [name for name, count in names.items() if count > 1] == []


def test_no_name_is_a_numbered_filler() -> None:
    """No entry is called "Service 12" or "خدمة ٣", nor has such an id."""
    filler = re.compile(
        r"(service|app|agency|item|test|خدمة|تطبيق|جهة)[ -]*[0-9٠-٩]+$|[ -][0-9٠-٩]{1,3}$", re.IGNORECASE
    )
    entries = [e for kind in ("agencies", "services", "apps") for e in getattr(shipped(), kind).values()]
    texts = [text for entry in entries for text in (entry.name.ar, entry.name.en, entry.id)]
    assert [text for text in texts if filler.search(text)] == []


def test_every_file_says_that_it_is_synthetic() -> None:
    """Nobody can take an entry for a real agency's: each file says so on top."""
    files = sorted(SHIPPED.rglob("*.yaml"))
    assert [f.name for f in files if "synthetic" not in f.read_text()[:500].lower()] == []


def test_a_fault_in_the_shipped_files_is_found(tmp_path: Path) -> None:
    """A reference broken in one of a thousand services is told at its line, and nothing else is."""
    shutil.copytree(SHIPPED, tmp_path / "data")
    path = tmp_path / "data/services/moehe.yaml"
    text = path.read_text()
    path.write_text(text.replace("queue: surge-", "queue: sturge-", 1))
    (fault,) = read_folder(tmp_path / "data", date.today()).faults
    assert fault.line == text[: text.index("queue: surge-")].count("\n") + 1
    assert "no queue class 'sturge-" in fault.message


def test_the_example_in_the_docs_is_valid(tmp_path: Path) -> None:
    """The blocks that docs/catalogue.md shows can be put into the shipped files as they stand."""
    docs = (Path(__file__).parents[3] / "docs/catalogue.md").read_text()
    queues, caches, service = re.findall(r"```yaml\n(.*?)```", docs, re.DOTALL)
    shutil.copytree(SHIPPED, tmp_path / "data")
    path = tmp_path / "data/services/moehe.yaml"
    path.write_text(f"{path.read_text()}\n{service}")
    classes = tmp_path / "data/classes.yaml"
    said = re.sub(r"(?m)^queues:\n", queues, classes.read_text())
    classes.write_text(re.sub(r"(?m)^caches:\n", caches, said))
    reading = read_folder(tmp_path / "data", date.today())
    assert reading.faults == ()
    assert reading.catalogue is not None
    assert "moehe-example-equivalence" in reading.catalogue.services
    assert reading.catalogue.classes.queues["surge"].method == "lottery"
