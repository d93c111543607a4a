"""One platform for the tests that leave it whole: each has a room, an agency's key or rules of its own."""

from collections.abc import Iterator

import pytest

from tests.conftest import free_port
from tests.e2e.platform import SADD, Platform, platform


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Of two workers. A test may kill one of them; whatever else it breaks it mends."""
    more = {"SADD_QUEUES_WEBHOOKS_TO_LOOPBACK": "true", "SADD_SHIELD_PORT": str(free_port())}
    with platform(tmp_path_factory.mktemp("platform"), command=SADD, **more) as started:
        yield started
