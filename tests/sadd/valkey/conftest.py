"""Servers of the store client's tests. A test that harms a server has one of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.servers import Server, free_ports
from tests.sadd.valkey.fleet import Watched, watched


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that the test may freeze and kill."""
    with Server(tmp_path / "valkey", free_ports(1)[0], ["--appendonly", "yes"]) as one:
        yield one


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Three sentinels over a primary and a replica, safely set."""
    with watched(tmp_path_factory.mktemp("sentinel")) as safe:
        yield safe
