"""The stored form of a session: what was packed comes back, for the right place and version only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.sealing import Sealer, SealKey, Unsealable
from sadd.session.ids import Names
from sadd.session.record import (
    HEAD,
    LABEL_BYTES_MAX,
    LEVEL_MAX,
    TEXT_BYTES_MAX,
    Body,
    idle_of,
    rewritten,
    tail,
    unpacked,
    used_at,
)

SEALER = Sealer([SealKey("0000000a", b"s" * 32)])
NAMES = Names("t" * 11, "d" * 22)
WORD = 1 << 32
LABELS = st.text(max_size=LABEL_BYTES_MAX).filter(lambda text: len(text.encode()) <= LABEL_BYTES_MAX)
SUBJECTS = st.text(min_size=1, max_size=60)
TIMES = st.integers(0, 2**48 - 1)
BODIES = st.builds(
    Body,
    SUBJECTS,
    st.binary(max_size=300),
    LABELS,
    LABELS,
    st.integers(0, LEVEL_MAX),
    TIMES,
    LABELS,
)


def packed(body: Body, used: int, absolute: int, created: int, version: int = 1) -> bytes:
    times = (*divmod(used, WORD), *divmod(absolute, WORD), *divmod(created, WORD))
    head = HEAD.pack(2, *times, 0, 600_000, 0, 30_000, 0, 7, version, 1, 500)
    return head + tail(SEALER, "moi", "portal", NAMES, version, body)


@given(BODIES, TIMES, TIMES, TIMES)
def test_a_session_comes_back(body: Body, used: int, absolute: int, created: int) -> None:
    """Each field, whatever is in it; a level that is none has no end."""
    session = unpacked(SEALER, "moi", NAMES, packed(body, used, absolute, created), 5)
    assert (session.subject, session.payload, session.service) == (body.subject, body.payload, "portal")
    assert (session.device, session.place, session.login) == (body.device, body.place, body.login)
    assert (session.used_ms, session.absolute_ms, session.created_ms) == (used, absolute, created)
    until = body.level_until_ms if body.level else 0
    assert (session.level, session.level_until_ms, session.durable) == (body.level, until, True)


@given(BODIES, TIMES, st.integers(2, 2**32 - 1))
def test_a_record_rewritten_here_is_as_a_script_writes_it(body: Body, used: int, version: int) -> None:
    """Another use, version and tail; all other fields of the head stay."""
    before = packed(body, 1, 2, 3)
    after = rewritten(before, version, used, tail(SEALER, "moi", "portal", NAMES, version, body))
    session = unpacked(SEALER, "moi", NAMES, after, 5)
    assert (session.version, session.used_ms, session.absolute_ms, session.created_ms) == (
        version,
        used,
        2,
        3,
    )
    assert idle_of(after) == session.idle_ms == 600_000
    assert unpacked(SEALER, "moi", NAMES, used_at(after, 9), 5).used_ms == 9
    assert len(after) == len(before)


def test_a_session_in_a_log_line_shows_nothing() -> None:
    """Its ref, and neither who it is nor what is kept."""
    body = Body("28412345678", b'{"note":"telltale"}', "phone")
    shown = repr(unpacked(SEALER, "moi", NAMES, packed(body, 1, 2, 3), 5)) + repr(body)
    assert NAMES.ref in shown
    for secret in ("28412345678", "telltale", "phone"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("agency", "names"),
    [("moe", NAMES), ("moi", Names("u" * 11, NAMES.digest)), ("moi", Names(NAMES.tag, "e" * 22))],
)
def test_it_opens_nowhere_else(agency: str, names: Names) -> None:
    """Another agency's, another subject's, another session's."""
    with pytest.raises(Unsealable):
        unpacked(SEALER, agency, names, packed(Body("a", b"{}"), 1, 2, 3), 5)


def test_a_service_is_part_of_the_seal() -> None:
    """The name in front of what is sealed cannot be changed for another of the same length."""
    stored = packed(Body("a", b"{}"), 1, 2, 3)
    assert stored.count(b"portal") == 1
    with pytest.raises(Unsealable):
        unpacked(SEALER, "moi", NAMES, stored.replace(b"portal", b"visas!"), 5)


@pytest.mark.parametrize(
    "body",
    [
        Body("", b"{}"),
        Body("s" * (TEXT_BYTES_MAX + 1), b"{}"),
        Body("a", b"{}", device="d" * (LABEL_BYTES_MAX + 1)),
        Body("a", b"{}", place="م" * 61),
        Body("a", b"{}", level=LEVEL_MAX + 1),
    ],
)
def test_what_is_out_of_bounds_is_refused(body: Body) -> None:
    """Before anything is written for it."""
    with pytest.raises(ValueError):
        body.packed()
