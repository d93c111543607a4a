"""What is written is read back as the same catalogue."""

from datetime import date
from pathlib import Path

import pytest

from sadd.catalogue.importing import retired
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.catalogue.writing import write_folder
from tests.sadd.catalogue.scene import TODAY, service, small


def test_the_shipped_catalogue_survives_the_way_out_and_in(tmp_path: Path) -> None:
    """Written and read again, not a field of a thousand services differs."""
    catalogue = read_folder(SHIPPED, date.today()).catalogue
    assert catalogue is not None
    write_folder(catalogue, tmp_path)
    assert read_folder(tmp_path, date.today()).catalogue == catalogue


def test_what_is_retired_stays_retired(tmp_path: Path) -> None:
    """A retired service is written with its status: reading it back does not revive it."""
    catalogue = small(service("moehe-a"), retired(service("moehe-b")))
    write_folder(catalogue, tmp_path)
    assert read_folder(tmp_path, TODAY).catalogue == catalogue


def test_it_does_not_write_over_files(tmp_path: Path) -> None:
    """A folder that has catalogue files is left alone, unless that is asked for."""
    write_folder(small(), tmp_path)
    with pytest.raises(FileExistsError):
        write_folder(small(), tmp_path)


def test_overwriting_removes_the_file_of_an_agency_without_services(tmp_path: Path) -> None:
    """Otherwise reading the folder would bring its services back."""
    write_folder(small(), tmp_path)
    write_folder(small(service("moehe-a"), service("moehe-b")), tmp_path, overwrite=True)
    assert [path.name for path in (tmp_path / "services").iterdir()] == ["moehe.yaml"]


def test_every_file_says_that_it_is_synthetic(tmp_path: Path) -> None:
    """The note that nothing here is real goes along."""
    paths = write_folder(small(), tmp_path)
    assert all("Synthetic" in path.read_text() for path in paths)
