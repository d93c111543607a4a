"""What a class of caches says of a namespace, and which hosts a service may have."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from sadd.catalogue import rules
from sadd.catalogue.model import CacheClass, Service
from sadd.catalogue.reading import read_folder
from sadd.catalogue.writing import write_folder
from tests.sadd.catalogue.scene import TODAY, service, small

PAGE = (Path(__file__).parents[3] / "docs/catalogue.md").read_text("utf-8")
OLD = CacheClass("page", 300, 900)


def test_an_old_class_is_read_as_before() -> None:
    """A row of the database from before the new fields."""
    row = b'{"id": "page", "ttl_seconds": 300, "stale_seconds": 900, "shared": true, "status": "live"}'
    assert msgspec.json.decode(row, type=CacheClass) == OLD


def test_an_old_service_has_no_hosts() -> None:
    """A row of the database from before the field."""
    row = msgspec.to_builtins(service())
    del row["hosts"]
    assert msgspec.json.decode(msgspec.json.encode(row), type=Service).hosts == ()


def test_the_class_of_the_page_has_no_fault() -> None:
    """And it has every field."""
    (block,) = (one for one in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "caches:" in one)
    (said,) = yaml.safe_load(block)["caches"]
    class_ = msgspec.convert(said, CacheClass)
    assert list(rules.findings(class_, rules.Known(), TODAY)) == []
    assert set(said) == {*CacheClass.__struct_fields__} - {"status"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ttl_seconds", 0),
        ("stale_seconds", -1),
        ("stale_error_seconds", -1),
        ("negative_seconds", 3_601),
        ("jitter", 0.51),
        ("jitter", float("nan")),
        ("lease_seconds", 0),
        ("lease_seconds", 301),
        ("compress_above_bytes", -1),
        ("entry_bytes_max", 0),
        ("bytes_max", 1_023),
        ("entries_max", 0),
        ("uncacheable_seconds", -1),
    ],
)
def test_a_number_out_of_bounds_is_refused(field: str, value: float) -> None:
    """By the catalogue's check, with the field's name."""
    class_ = msgspec.structs.replace(OLD, **{field: value})
    assert (field,) in [finding.path for finding in rules.findings(class_, rules.Known(), TODAY)]


@pytest.mark.parametrize("route", ["results", "", "/a/../b", "/a b", "/a%2fb", "/*/a", "/a?b", "/a#b", "/é"])
def test_a_route_is_a_plain_path(route: str) -> None:
    """What could be read in two ways makes nothing public."""
    class_ = msgspec.structs.replace(OLD, public_routes=("/", route))
    (finding,) = rules.findings(class_, rules.Known(), TODAY)
    assert finding.path == ("public_routes", 1)


@pytest.mark.parametrize("route", ["/", "/*", "/results", "/results/*", "/a.css", "/~x/;v=1,2/@b"])
def test_a_plain_route_is_taken(route: str) -> None:
    """Exact, or all below."""
    class_ = msgspec.structs.replace(OLD, public_routes=(route,))
    assert list(rules.findings(class_, rules.Known(), TODAY)) == []


@pytest.mark.parametrize(
    "host", ["Results.example", "results", "a..b", "a.example:80", "a.example.", "*.b.example"]
)
def test_a_host_is_a_full_name(host: str) -> None:
    """In small letters, without a port."""
    findings = list(rules.findings(service(hosts=(host,)), rules.Known(), TODAY))
    assert [finding.path for finding in findings] == [("hosts", 0)]


def test_a_host_leads_to_one_service(tmp_path: Path) -> None:
    """Two services of files with the same host are a fault of the second; what is retired has none."""
    first, second = (
        service("moehe-a", hosts=("a.example.gov",)),
        service("moph-b", "moph", hosts=("a.example.gov",)),
    )
    write_folder(small(first, second), tmp_path)
    assert [fault.message for fault in read_folder(tmp_path, TODAY).faults if "hosts" in str(fault)]
    write_folder(small(first, msgspec.structs.replace(second, status="retired")), tmp_path, overwrite=True)
    assert not [fault for fault in read_folder(tmp_path, TODAY).faults if "hosts" in str(fault)]


def test_hosts_and_routes_survive_the_files(tmp_path: Path) -> None:
    """Written and read back: the same."""
    there = small(service("moehe-a", hosts=("a.example.gov", "b.example.gov")))
    write_folder(there, tmp_path)
    catalogue = read_folder(tmp_path, TODAY).catalogue
    assert catalogue is not None
    assert catalogue.services["moehe-a"].hosts == ("a.example.gov", "b.example.gov")
