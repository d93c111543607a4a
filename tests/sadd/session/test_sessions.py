"""The façade: what an agency sees, and what happens without a store."""

import asyncio
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.session.ids import Ids, of_ref
from sadd.session.payload import PayloadTooLarge, merged
from sadd.session.policy import SessionPolicy
from sadd.session.sessions import Sessions, UnknownSession
from sadd.session.store import StoreUnavailable, VersionConflict
from sadd.session.valkey import ValkeyStore
from tests.stores import StoppableValkey, connected
from tests.waiting import eventually

POLICY = SessionPolicy(600_000, 3_600_000)


@pytest.fixture
def sessions(store: ValkeyStore, ids: Ids) -> Sessions:
    return Sessions(store, ids)


async def signed_in(sessions: Sessions, subject: str = "citizen", agency: str = "moi") -> str:
    session_id, _ = await sessions.create(agency, "portal", subject, POLICY, {"lang": "ar"})
    return session_id


async def test_a_session_is_what_was_put_into_it(sessions: Sessions) -> None:
    """Subject, service, payload and the times that remain come back."""
    session_id = await signed_in(sessions)
    session = await sessions.touch("moi", session_id)
    assert (session.subject, session.service, session.version) == ("citizen", "portal", 1)
    assert msgspec.json.decode(session.payload) == {"lang": "ar"}
    assert 590_000 < session.expires_in_ms <= 600_000
    assert 3_590_000 < session.absolute_in_ms <= 3_600_000


async def test_another_agency_does_not_know_the_id(sessions: Sessions) -> None:
    """Reading, changing, rotating and ending it are answered as for an id that never was."""
    session_id = await signed_in(sessions)
    for call in (
        sessions.touch("moe", session_id),
        sessions.patch("moe", session_id, 1, {}),
        sessions.rotate("moe", session_id),
        sessions.revoke("moe", session_id),
    ):
        with pytest.raises(UnknownSession):
            await call
    assert (await sessions.touch("moi", session_id)).version == 1


@given(text=st.text(max_size=80) | st.from_regex(re.compile(r"[A-Za-z0-9_-]{54}"), fullmatch=True))
def test_no_text_can_break_the_naming(text: str) -> None:
    """An id that was not made here has no name or one that nothing bears; never an error."""
    for names in Ids(b"p" * 32).names("moi", text):
        assert re.fullmatch(rb"session:\{[\w-]{11}\}:[\w-]{22}", names.session)
        assert of_ref(names.ref) == names


async def test_unknown_ids_are_unknown(sessions: Sessions) -> None:
    """Malformed and merely wrong ids alike."""
    for session_id in ("", "x", "A" * 54, "ا" * 54, "A" * 55):
        with pytest.raises(UnknownSession):
            await sessions.touch("moi", session_id)


async def test_a_patch_merges_fields_of_its_version(sessions: Sessions) -> None:
    """Given fields replace, None removes, others stay; the version counts up; an old one conflicts."""
    session_id = await signed_in(sessions)
    patched = await sessions.patch("moi", session_id, 1, {"step": 2, "lang": None})
    assert (patched.version, msgspec.json.decode(patched.payload)) == (2, {"step": 2})
    with pytest.raises(VersionConflict) as conflict:
        await sessions.patch("moi", session_id, 1, {"step": 9})
    assert conflict.value.version == 2
    assert msgspec.json.decode((await sessions.touch("moi", session_id)).payload) == {"step": 2}


async def test_parallel_patches_lose_nothing(sessions: Sessions) -> None:
    """30 callers that retry on a conflict leave 30 fields: no silent last write wins."""
    session_id = await signed_in(sessions)

    async def add(name: str) -> None:
        while True:
            version = (await sessions.touch("moi", session_id)).version
            try:
                await sessions.patch("moi", session_id, version, {name: True})
            except VersionConflict:
                continue
            return

    await asyncio.gather(*(add(f"f{i}") for i in range(30)))
    session = await sessions.touch("moi", session_id)
    assert len(msgspec.json.decode(session.payload)) == 31
    assert session.version == 31


async def test_a_rotated_id_is_spent(sessions: Sessions) -> None:
    """The new id has the session with its payload and its absolute end; the old one is unknown."""
    session_id = await signed_in(sessions)
    before = await sessions.touch("moi", session_id)
    renewed, session = await sessions.rotate("moi", session_id)
    assert (session.payload, session.absolute_ms) == (before.payload, before.absolute_ms)
    assert (await sessions.touch("moi", renewed)).subject == "citizen"
    with pytest.raises(UnknownSession):
        await sessions.touch("moi", session_id)


async def test_revoking_one_leaves_the_others(sessions: Sessions) -> None:
    """Signed out here, signed in there; a second sign-out is unknown."""
    one, other = await signed_in(sessions), await signed_in(sessions)
    await sessions.revoke("moi", one)
    with pytest.raises(UnknownSession):
        await sessions.revoke("moi", one)
    assert (await sessions.touch("moi", other)).subject == "citizen"


async def test_revoking_all_ends_a_subject_everywhere(sessions: Sessions) -> None:
    """All of one subject's end at once, rotated ones too; another's, another agency's and new ones live."""
    held = [await signed_in(sessions) for _ in range(20)]
    renewed, _ = await sessions.rotate("moi", held.pop())
    neighbour, abroad = await signed_in(sessions, "other"), await signed_in(sessions, agency="moe")
    await sessions.revoke_all("moi", "citizen")
    for session_id in [*held, renewed]:
        with pytest.raises(UnknownSession):
            await sessions.touch("moi", session_id)
    assert (await sessions.touch("moi", neighbour)).subject == "other"
    assert (await sessions.touch("moe", abroad)).subject == "citizen"
    assert (await sessions.touch("moi", await signed_in(sessions))).subject == "citizen"


async def test_a_payload_is_bounded(sessions: Sessions) -> None:
    """Above 16 KiB neither a creation nor a patch is taken, and a refused patch changes nothing."""
    with pytest.raises(PayloadTooLarge):
        await sessions.create("moi", "portal", "citizen", POLICY, {"x": "y" * 16_384})
    session_id = await signed_in(sessions)
    with pytest.raises(PayloadTooLarge):
        await sessions.patch("moi", session_id, 1, {"x": "y" * 16_384})
    assert (await sessions.touch("moi", session_id)).version == 1


@pytest.mark.parametrize("subject", ["", "s" * 257, "م" * 129])
async def test_a_subject_is_bounded(sessions: Sessions, subject: str) -> None:
    """1 to 256 bytes."""
    with pytest.raises(ValueError, match="subject"):
        await sessions.create("moi", "portal", subject, POLICY, {})


async def test_the_session_says_so_when_the_store_is_gone(own_valkey: StoppableValkey, ids: Ids) -> None:
    """Store killed: every call says that it cannot know; none says unknown. It recovers by itself."""
    async with connected(own_valkey.url, deadline_ms=5_000) as client:
        sessions = Sessions(ValkeyStore(client), ids)
        session_id = await signed_in(sessions)
        own_valkey.stop()
        for call in (
            sessions.create("moi", "portal", "citizen", POLICY, {}),
            sessions.touch("moi", session_id),
            sessions.patch("moi", session_id, 1, {}),
            sessions.rotate("moi", session_id),
            sessions.revoke("moi", session_id),
            sessions.revoke_all("moi", "citizen"),
        ):
            with pytest.raises(StoreUnavailable):
                await call
        assert sessions.stats().unavailable == 6
        assert sessions.stats().unknown == 0

        own_valkey.start()
        await eventually(lambda: _signs_in(sessions))


async def _signs_in(sessions: Sessions) -> bool:
    try:
        return bool(await signed_in(sessions))
    except StoreUnavailable:
        return False


@given(
    st.dictionaries(st.text(max_size=3), st.integers() | st.none()),
    st.dictionaries(st.text(max_size=3), st.integers() | st.none()),
)
def test_merging_is_by_field(held: dict[str, int | None], changes: dict[str, int | None]) -> None:
    """A field is the changed one where there is a change, not there when that is null, else as it was."""
    both = merged(held, changes)
    for name in {*held, *changes}:
        if name not in changes:
            assert both[name] == held[name]
        elif changes[name] is None:
            assert name not in both
        else:
            assert both[name] == changes[name]
    assert both == merged(
        held, {name: msgspec.Raw(msgspec.json.encode(v)) if v is None else v for name, v in changes.items()}
    )
