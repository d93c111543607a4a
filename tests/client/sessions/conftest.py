"""A key for sessions, and a subject whom no other test signs in."""

import pytest

from tests.client.catalogue import AGENCY
from tests.e2e.platform import Platform


@pytest.fixture(scope="session")
def session_key(running: Platform) -> str:
    return running.key("sessions:read", "sessions:write", agency=AGENCY)


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)
