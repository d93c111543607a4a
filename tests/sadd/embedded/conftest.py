"""Databases are made often here, so in memory where there is enough."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import fast_folder


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """As pytest's own, closed to other users, but gone after the test."""
    with fast_folder() as folder:
        yield folder
