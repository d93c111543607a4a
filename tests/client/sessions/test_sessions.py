"""Sessions of a real platform, by clients of both kinds."""

from functools import partial
from typing import Any

import pytest

from sadd_client import PlatformAway, Session, VersionConflict
from tests.client.catalogue import DEEP, NARROW
from tests.client.conftest import Open
from tests.conftest import free_port
from tests.e2e.platform import Platform

NEVER_OURS = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def test_from_sign_in_to_sign_out(door: Open, running: Platform, session_key: str, subject: str) -> None:
    """Made, read, changed, rotated, ended; the id is in no repr."""
    opened = door(running.url, key=session_key)
    made: Session = opened.do(
        lambda client: client.sessions(NARROW).create(subject, {"lang": "ar", "step": 1}, device="phone")
    )
    read: Session = opened.do(lambda client: client.sessions(NARROW).touch(made.id))
    changed: Session = opened.do(
        lambda client: client.sessions(NARROW).patch(made.id, {"step": 2, "lang": None})
    )
    rotated: Session = opened.do(lambda client: client.sessions(NARROW).rotate(made.id))

    assert (read.subject, read.data, read.device) == (subject, {"lang": "ar", "step": 1}, "phone")
    assert (changed.data, changed.version) == ({"step": 2}, read.version + 1)
    assert rotated.id != made.id
    assert opened.do(lambda client: client.sessions(NARROW).read(made.id)) is None
    assert made.id not in repr(made)
    assert subject not in repr(made)

    opened.do(lambda client: client.sessions(NARROW).end(rotated.id))
    assert opened.do(lambda client: client.sessions(NARROW).read(rotated.id)) is None


def test_a_version_that_is_gone_is_not_written_over(
    door: Open, running: Platform, session_key: str, subject: str
) -> None:
    """Whoever says which version he means is told; whoever does not has his fields merged."""
    opened = door(running.url, key=session_key)
    made = opened.do(lambda client: client.sessions(NARROW).create(subject))
    opened.do(lambda client: client.sessions(NARROW).patch(made.id, {"a": 1}))
    with pytest.raises(VersionConflict):
        opened.do(lambda client: client.sessions(NARROW).patch(made.id, {"b": 1}, version=made.version))
    with pytest.raises(VersionConflict):
        opened.do(lambda client: client.sessions(NARROW).replace(made.id, {"b": 1}, version=made.version))
    merged = opened.do(lambda client: client.sessions(NARROW).patch(made.id, {"b": 2}))

    assert merged.data == {"a": 1, "b": 2}


def test_a_person_sees_and_ends_his_sessions(
    door: Open, running: Platform, session_key: str, subject: str
) -> None:
    """ASVS 7.5.2 and 7.4.3: the list says which one is shown; one goes by its ref, all others at once."""
    opened = door(running.url, key=session_key)
    phone, desk, lost = (opened.do(partial(_create, subject, device)) for device in ("phone", "desk", "lost"))
    listed = opened.do(lambda client: client.sessions(NARROW).listed(phone.id))
    assert {(one.device, one.current) for one in listed} == {
        ("phone", True),
        ("desk", False),
        ("lost", False),
    }
    assert opened.do(lambda client: client.sessions(NARROW).end_one(lost.ref))
    assert opened.do(lambda client: client.sessions(NARROW).read(lost.id)) is None
    opened.do(lambda client: client.sessions(NARROW).end_all(subject, except_id=phone.id))

    assert opened.do(lambda client: client.sessions(NARROW).read(desk.id)) is None
    assert opened.do(lambda client: client.sessions(NARROW).read(phone.id)) is not None


def _create(subject: str, device: str, client: Any) -> Any:
    return client.sessions(NARROW).create(subject, device=device)


def test_a_level_comes_with_a_new_id(door: Open, running: Platform, session_key: str, subject: str) -> None:
    """ASVS 7.2.4: after one more factor."""
    opened = door(running.url, key=session_key)
    made = opened.do(lambda client: client.sessions(NARROW).create(subject))
    raised = opened.do(lambda client: client.sessions(NARROW).step_up(made.id, 2, seconds=60))

    assert (made.level, raised.level) == (0, 2)
    assert raised.id != made.id


def test_another_service_reads_it_only_where_declared(
    door: Open, running: Platform, session_key: str, subject: str
) -> None:
    """The class of these services does not say so."""
    opened = door(running.url, key=session_key)
    made = opened.do(lambda client: client.sessions(NARROW).create(subject))

    assert opened.do(lambda client: client.sessions(DEEP).touch(made.id)) is None
    assert opened.do(lambda client: client.sessions(NARROW).touch(made.id)) is not None


@pytest.mark.parametrize("shown", ["", "short", "a b" * 20, "ض" * 40, "a\r\nb" * 10])
def test_what_is_no_id_is_nobody(door: Open, shown: str) -> None:
    """And is not even sent: there is no platform at this address."""
    opened = door(f"http://127.0.0.1:{free_port()}")
    assert opened.do(lambda client: client.sessions(NARROW).touch(shown)) is None


def test_nobody_to_ask_is_never_signed_out(door: Open) -> None:
    """The answer is that nobody knows, and never that the session has ended."""
    opened = door(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(PlatformAway):
        opened.do(lambda client: client.sessions(NARROW).touch(NEVER_OURS))
