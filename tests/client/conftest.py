"""A platform for all tests of the client, and doors that are closed after each."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.client.catalogue import AGENCY, write_catalogue, write_rules
from tests.client.doors import AsyncDoor, BlockingDoor, Door
from tests.e2e.platform import Platform, platform

Open = Callable[..., Door]


@pytest.fixture(params=["asyncio", "threads"])
def door(request: pytest.FixtureRequest) -> Iterator[Open]:
    """``door(url, **words)`` is a client of either kind; the test runs with both."""
    opened: list[Door] = []

    def open_door(url: str, **words: Any) -> Door:
        made: Door = (AsyncDoor if request.param == "asyncio" else BlockingDoor)(url, **words)
        opened.append(made)
        return made

    yield open_door
    for made in opened:
        made.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """``sadd up``, once for all, with two workers and the services of ``catalogue``."""
    folder = tmp_path_factory.mktemp("client")
    catalogue = write_catalogue(folder / "catalogue")
    with platform(folder, SADD_CATALOGUE_PATH=str(catalogue)) as started:
        applied = started.sadd("limits", "apply", str(write_rules(folder / "rules")))
        assert applied.returncode == 0, applied.stderr
        yield started


@pytest.fixture(scope="session")
def key(running: Platform) -> str:
    return running.key("limits:check", agency=AGENCY)


@pytest.fixture
def caller(request: pytest.FixtureRequest) -> str:
    """A citizen whom no other test asks for."""
    return str(request.node.name)
