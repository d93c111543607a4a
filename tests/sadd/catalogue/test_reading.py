"""Every fault in the files is found, at its file and line."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from sadd.catalogue.fault import Fault
from sadd.catalogue.model import Service
from sadd.catalogue.reading import Reading, read_folder
from sadd.catalogue.writing import write_folder
from tests.sadd.catalogue.scene import TODAY, service, small


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small catalogue as files."""
    write_folder(small(), tmp_path / "files")
    return tmp_path / "files"


RESULTS, HEALTH = "services/moehe.yaml", "services/moph.yaml"
AGENCIES, APPS, CLASSES = "agencies.yaml", "apps.yaml", "classes.yaml"


@dataclass(frozen=True)
class Plant:
    """One line of a file replaced, and the message that must come for the line that is there then."""

    old: str
    new: str
    message: str
    below: int = 0
    """Lines from the first one of what was planted down to where the fault is."""
    file: str = RESULTS


KIND = "  category: education"
FIELD = "  capacity: {requests_per_second: 40, concurrent_users: 400}"
PEAK = "  peak: {event: results day, factor: 38}"

PLANTS = {
    "syntax": Plant(KIND, "  category: [education", "not YAML", 1),
    "tab": Plant(KIND, "\tcategory: education", "not YAML"),
    "duplicate field": Plant("  status: live", "  status: live\n  status: beta", "status: given twice", 1),
    "unknown field": Plant("  status: live", "  status: live\n  statis: x", "(nearest: status)", 1),
    "missing field": Plant("  category: education\n", "", "category: missing", -2),
    "no block": Plant("- id: moehe-results", "- moehe\n- id: moehe-results", "expected fields"),
    "text for number": Plant(FIELD, FIELD.replace("40,", "many,"), "expected a whole number, got 'many'"),
    "octal": Plant(FIELD, FIELD.replace("40,", "040,"), "expected a whole number, got '040'"),
    "fraction": Plant(FIELD, FIELD.replace("40,", "40.5,"), "expected a whole number"),
    "infinity": Plant(PEAK, PEAK.replace("38", ".inf"), "expected a number, got '.inf'"),
    "number for text": Plant(KIND, "  category: 7", "(put it in quotes)"),
    "yes for text": Plant(KIND, "  category: yes", "expected a text, got 'yes'"),
    "nothing": Plant(KIND, "  category:", "expected a text, got nothing"),
    "list for text": Plant(KIND, "  category: [a]", "expected a text, got a list"),
    "text for list": Plant("  channels: [web]", "  channels: web", "expected a list, got 'web'"),
    "unknown word": Plant("  status: live", "  status: alive", "one of beta, live, planned"),
    "unknown channel": Plant("[web]", "[web, fax]", "one of app, counter, web"),
    "empty channels": Plant("  channels: [web]", "  channels: []", "channels: empty"),
    "empty audience": Plant("  audience: [citizens, residents]", "  audience: []", "audience: empty"),
    "twice in a list": Plant("[web]", "[web, web]", "'web' stands twice"),
    "id of bad form": Plant("- id: moehe-results", "- id: Results_1", "'Results_1' is no id"),
    "no id": Plant("- id: moehe-results\n ", "-", "id: missing"),
    "agency in the block": Plant("  status: live", "  agency: moph\n  status: live", "the file says it"),
    "no Arabic": Plant("{ar: نتائج الشهادة الثانوية, ", "{", "name.ar: missing"),
    "empty Arabic": Plant("ar: نتائج الشهادة الثانوية", 'ar: " "', "name.ar: empty"),
    "Arabic in Latin": Plant("ar: نتائج الشهادة الثانوية", "ar: Nataij", "has no Arabic letter"),
    "English in Arabic": Plant("en: Secondary certificate results", "en: نتائج", "has no Latin letter"),
    "mixed English": Plant("en: Secondary", "en: ثانوي", "has Arabic letters"),
    "spaces": Plant("en: Secondary certificate", "en: Secondary  certificate", "two in a row"),
    "invisible": Plant("en: Secondary", "en: \u200fSecondary", "U+200F"),
    "no capacity": Plant(FIELD, FIELD.replace("40,", "0,"), "0 is not between 1 and 1,000,000"),
    "negative users": Plant(FIELD, FIELD.replace("400", "-1"), "-1 is not between 1 and 10,000,000"),
    "few users": Plant(FIELD, FIELD.replace("400", "39"), "39 users cannot send 40 requests a second"),
    "too much a year": Plant("yearly_volume: 420000", "yearly_volume: 9000000000", "more than 40 requests"),
    "negative volume": Plant("yearly_volume: 420000", "yearly_volume: -1", "-1 is not between 0"),
    "factor": Plant(PEAK, PEAK.replace("38", "0.9"), "0.9 is not between 1 and 1,000"),
    "no event": Plant(PEAK, PEAK.replace("results day", '""'), "peak.event: empty"),
    "no date": Plant("since: '2020-05-01'", "since: soon", "'soon' is no date"),
    "day that is none": Plant("'2020-05-01'", "'2023-02-29'", "'2023-02-29' is no date"),
    "unquoted bad day": Plant("'2020-05-01'", "2020-13-01", "'2020-13-01' is no date"),
    "other form": Plant("'2020-05-01'", "'20200501'", "'20200501' is no date of the form"),
    "before our time": Plant("'2020-05-01'", "'1620-05-01'", "before 1950-01-01"),
    "far future": Plant("'2020-05-01'", "'2120-05-01'", "more than two years ahead"),
    "live in future": Plant("'2020-05-01'", "'2027-05-01'", "in the future, and the status is not planned"),
    "http": Plant("https://results", "http://results", "is not https"),
    "credentials": Plant("https://results", "https://user:secret@results", "has credentials"),
    "path": Plant("moehe.gov.example", "moehe.gov.example/app", "has a path of its own"),
    "query": Plant("moehe.gov.example", "moehe.gov.example?a=1", "has a path of its own"),
    "bare host": Plant("https://results.moehe.gov.example", "https://results", "no full host name"),
    "bad port": Plant("moehe.gov.example", "moehe.gov.example:99999", "is no address"),
    "unknown limits": Plant("limits: standard", "limits: standart", "no limits class 'standart' (nearest"),
    "unknown queue": Plant("queue: surge", "queue: serge", "protection.queue: no queue class 'serge'"),
    "unknown cache": Plant("cache: page", "cache: pages", "protection.cache: no cache class"),
    "unknown session": Plant("session: citizen", "session: cit", "no session class 'cit'"),
    "no limits": Plant("limits: standard, ", "", "protection.limits: missing"),
    "room for nobody": Plant(FIELD, FIELD.replace("400", "1").replace("40,", "1,"), "lets nobody in", 3),
    "same name": Plant("en: Registration of new pupils", "en: Secondary certificate results", "also at"),
    "same id": Plant("- id: moehe-register", "- id: moehe-results", "id: also at"),
    "id of another file": Plant("- id: moph-vaccines", "- id: moehe-register", "id: also at", file=HEALTH),
    "e-mail": Plant("info@moehe.gov.example", "info@moehe", "is no e-mail address", file=AGENCIES),
    "phone": Plant("+974 4000 1100", "call us", "is no telephone number", file=AGENCIES),
    "short phone": Plant("+974 4000 1100", "+974 40", "is no telephone number", file=AGENCIES),
    "kind": Plant("  kind: ministry", "  kind: bureau", "expected one of authority", file=AGENCIES),
    "app's agency": Plant("agency: moehe", "agency: moe", "no agency 'moe' (nearest: moehe)", file=APPS),
    "app's service": Plant("moehe-register", "moehe-registre", "no service 'moehe-registre'", file=APPS),
    "platform": Plant("[ios]", "[palm]", "expected one of", file=APPS),
    "unknown map": Plant("queues:", "queue:", "unknown map 'queue' (nearest: queues)", file=CLASSES),
    "no limit": Plant("limit: 60", "limit: 0", "0 is not between 1", file=CLASSES),
    "no share": Plant("outflow_share: 0.15", "outflow_share: 1.5", "1.5 is no share", file=CLASSES),
    "no ttl": Plant("ttl_seconds: 300", "ttl_seconds: 0", "0 is not between 1", file=CLASSES),
    "short session": Plant(
        "absolute_seconds: 28800", "absolute_seconds: 60", "shorter than idle", file=CLASSES
    ),
    "loss": Plant("burst: 20", "burst: 20\n    on_store_loss: x", "one of closed, local", 1, CLASSES),
}


def plant(folder: Path, what: Plant) -> int:
    """Replaces the first ``old`` of the file; the line where the fault is expected."""
    path = folder / what.file
    text = path.read_text()
    assert what.old in text, "the plant must have its ground"
    path.write_text(text.replace(what.old, what.new, 1))
    return text.count("\n", 0, text.index(what.old)) + 1 + what.below


def read(folder: Path) -> Reading:
    return read_folder(folder, TODAY)


@pytest.mark.parametrize("name", PLANTS)
def test_a_fault_is_found_at_its_line(folder: Path, name: str) -> None:
    """Each kind of fault is told with its file and line, and no catalogue comes of the files."""
    line = plant(folder, PLANTS[name])
    reading = read(folder)
    assert reading.catalogue is None
    file = str(folder / PLANTS[name].file)
    assert [
        f for f in reading.faults if f.file == file and f.line == line and PLANTS[name].message in f.message
    ], f"wanted line {line}, got {list(map(str, reading.faults))}"


def test_every_fault_is_found_at_once(folder: Path) -> None:
    """Faults in one block, in other blocks and in other files are all told by one check."""
    for name in ("no capacity", "factor", "http", "e-mail", "app's service", "no ttl"):
        plant(folder, PLANTS[name])
    assert len(read(folder).faults) == 6


def test_a_misfit_hides_no_other_fault_of_its_block(folder: Path) -> None:
    """An unknown word, a date that is none, a wrong origin and an unknown class: four faults."""
    plant(folder, Plant("[citizens, residents]", "[martians]", ""))
    plant(folder, Plant("since: '2020-05-01'", "since: '2020-13-01'", ""))
    plant(folder, Plant("origin: https", "origin: http", ""))
    plant(folder, Plant("limits: standard", "limits: standart", ""))
    told = " ".join(fault.message for fault in read(folder).faults)
    assert len(read(folder).faults) == 4, told
    for word in ("martians", "2020-13-01", "http", "standart"):
        assert word in told


@pytest.mark.parametrize("wrong", [{"a": 1}, "?", None], ids=["fields", "a text", "missing"])
@pytest.mark.parametrize(
    "field", [f for f in Service.__struct_fields__ if f not in ("id", "agency", "contact", "hosts")]
)
def test_a_misfit_is_one_fault_and_breeds_no_other(folder: Path, field: str, wrong: object) -> None:
    """What a field should have said is nobody's guess: nothing is told but that field, or what is in it."""
    path = folder / RESULTS
    blocks = yaml.safe_load(path.read_text())
    blocks[0] = {key: value for key, value in blocks[0].items() if key != field}
    if wrong is not None:
        blocks[0][field] = wrong
    path.write_text(yaml.safe_dump(blocks, allow_unicode=True))
    faults = read(folder).faults
    assert faults
    # The app that names it, and the name in the other block, are right.
    assert all(f.message.startswith(f"moehe-results: {field}") for f in faults), faults


def test_a_category_of_one_is_a_warning_if_it_looks_like_another(tmp_path: Path) -> None:
    """A slip in a category makes a category of its own; that is told, and forbids nothing."""
    slipped = service("moehe-c", category="edukation")
    write_folder(small(service("moehe-a"), service("moehe-b"), slipped), tmp_path)
    reading = read(tmp_path)
    told = [warning.message for warning in reading.warnings if "category" in warning.message]
    assert told == ["moehe-c: category: no other service is in 'edukation' (nearest: education)"]
    assert reading.catalogue is not None


def test_a_valid_folder_has_no_fault(folder: Path) -> None:
    """The small catalogue is read as it was written."""
    reading = read(folder)
    assert (reading.catalogue, reading.faults, reading.warnings) == (small(), (), ())


@pytest.mark.parametrize("file", ["agencies.yaml", "classes.yaml", "apps.yaml"])
def test_a_missing_file_is_one_fault(folder: Path, file: str) -> None:
    """Without the agencies there is one fault, and not one more for each service that names one."""
    (folder / file).unlink()
    assert read(folder).faults == (Fault(str(folder / file), 1, "the file is missing"),)


def test_a_file_of_an_unknown_agency_is_one_fault(folder: Path) -> None:
    """The name of a services file is an agency's id; said once for the file, with the nearest one."""
    path = folder / "services/mophe.yaml"
    (folder / "services/moph.yaml").rename(path)
    (fault,) = (f for f in read(folder).faults if f.file == str(path))
    assert (fault.line, fault.message) == (1, "the file's name is no agency's id: 'mophe' (nearest: moph)")


@pytest.mark.parametrize("name", ["services/moph.yml", "service/moph.yaml", "extra.yaml"])
def test_a_stray_file_is_a_fault(folder: Path, name: str) -> None:
    """A file that nobody would read is told, rather than its services be missed."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("[]")
    (fault,) = read(folder).faults
    assert (fault.file, fault.message) == (str(folder / name), "no file of this name belongs to a catalogue")


def test_text_that_is_not_utf8_is_a_fault_at_its_line(folder: Path) -> None:
    """A file in another encoding names the line of its first wrong byte."""
    path = folder / "apps.yaml"
    path.write_bytes(path.read_bytes() + "# تم".encode("cp1256"))
    (fault,) = read(folder).faults
    assert (fault.line, fault.message) == (path.read_bytes().count(b"\n") + 1, "not UTF-8 text")


def test_an_unused_class_is_a_warning(folder: Path) -> None:
    """A class that protects nothing may stay, and is told with its line."""
    path = folder / "classes.yaml"
    spare = "  - {id: spare, ttl_seconds: 5}\n"
    path.write_text(path.read_text().replace("caches:\n", "caches:\n" + spare))
    reading = read(folder)
    (warning,) = reading.warnings
    assert reading.catalogue is not None
    assert path.read_text().splitlines()[warning.line - 1] == spare.rstrip()


def test_a_live_service_needs_a_live_class(folder: Path) -> None:
    """A class can be retired only once nothing that lives refers to it."""
    path = folder / "classes.yaml"
    path.write_text(path.read_text().replace("ttl_seconds: 300", "ttl_seconds: 300\n    status: retired"))
    faults = read(folder).faults
    assert len(faults) == 4
    assert all("the cache class 'page' is retired" in fault.message for fault in faults)


def test_a_fault_prints_as_editors_click_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``file:line: message``, the file as it is typed from here."""
    monkeypatch.chdir(folder)
    line = plant(folder, PLANTS["factor"])
    (fault,) = read(folder).faults
    assert str(fault) == f"{RESULTS}:{line}: moehe-results: peak.factor: 0.9 is not between 1 and 1,000"


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """A path that is wrong altogether is no fault of a catalogue."""
    with pytest.raises(NotADirectoryError):
        read(tmp_path / "nowhere")
