"""The requirements on sessions of OWASP's ASVS 5.0 and NIST SP 800-63B-4, as far as the engine meets them.

Each test is named by its requirement. Cookies, headers and OpenID Connect are tested where HTTP is spoken.
"""

import asyncio
import io
import math

import pytest
import structlog

from sadd.session import finding
from sadd.session.ids import RANDOM_BYTES, Ids
from sadd.session.policy import LONGEST, Profile, SessionPolicy
from sadd.session.sessions import (
    ReadOnlySession,
    Sessions,
    SpentSession,
    TooManySessions,
    UnknownSession,
)
from sadd.session.sharing import only_of, shared_among
from sadd.session.valkey import ValkeyStore
from tests.waiting import eventually

HOUR = 3_600_000
POLICY = SessionPolicy(600_000, HOUR)


@pytest.fixture
def sessions(kept: Sessions) -> Sessions:
    return kept


async def signed_in(sessions: Sessions, subject: str = "citizen", policy: SessionPolicy = POLICY) -> str:
    session_id, _ = await sessions.create("moi", "portal", subject, policy, {"lang": "ar"})
    return session_id


async def signed_in_later(sessions: Sessions, subject: str, policy: SessionPolicy) -> str:
    """At a millisecond of its own: of several at one none is the oldest."""
    session_id = await signed_in(sessions, subject, policy)

    async def passed() -> bool:
        session = await sessions.get("moi", session_id)
        return session.read_ms > session.created_ms

    await eventually(passed)
    return session_id


async def unknown(sessions: Sessions, session_id: str) -> bool:
    try:
        await sessions.touch("moi", session_id)
    except UnknownSession:
        return True
    return False


# -- NIST SP 800-63B-4 ---------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "idle_ms", "absolute_ms"),
    [
        ("aal1", 720 * HOUR, 720 * HOUR),  # 2.1.3: reauthenticated at least every 30 days
        ("aal2", HOUR, 24 * HOUR),  # 2.2.3: 24 hours, inactivity of an hour
        ("aal3", HOUR // 4, 12 * HOUR),  # 2.3.3: 12 hours, inactivity of 15 minutes
    ],
)
def test_nist_800_63b_reauthentication(profile: Profile, idle_ms: int, absolute_ms: int) -> None:
    """A profile takes its longest times and refuses each that is longer by a millisecond."""
    assert SessionPolicy(idle_ms, absolute_ms, profile).profile == profile
    with pytest.raises(ValueError):
        SessionPolicy(idle_ms, absolute_ms + 1, profile)
    with pytest.raises(ValueError):
        SessionPolicy(idle_ms + 1, absolute_ms, profile)


def test_nist_800_63b_a_definite_overall_timeout_exists() -> None:
    """No profile, and no session, is without an absolute end."""
    assert all(0 < longest.absolute_ms <= 720 * HOUR for longest in LONGEST.values())


# -- 7.1 documentation ---------------------------------------------------------


async def test_asvs_7_1_2_the_number_of_parallel_sessions(sessions: Sessions) -> None:
    """At the cap a new one is refused with the time until one may end, or ends the oldest, as declared."""
    refusing = SessionPolicy(600_000, HOUR, parallel_max=3, when_full="refuse")
    held = [await signed_in(sessions, "a", refusing) for _ in range(3)]
    with pytest.raises(TooManySessions) as refused:
        await signed_in(sessions, "a", refusing)
    assert 0 < refused.value.retry_after_ms <= refusing.idle_ms + refusing.touch_ms
    await sessions.revoke("moi", held[1])
    await signed_in(sessions, "a", refusing)

    ending = SessionPolicy(600_000, HOUR, parallel_max=2, when_full="oldest")
    one, two, three = [await signed_in_later(sessions, "b", ending) for _ in range(3)]
    assert [await unknown(sessions, each) for each in (one, two, three)] == [True, False, False]
    feed = await sessions.revocations(0)
    assert [each.reason for each in feed.revocations] == ["signed-out", "too-many"]


async def test_asvs_7_1_2_many_sign_ins_at_once(sessions: Sessions) -> None:
    """Thirty of one subject at the same moment leave no more than the cap."""
    ending = SessionPolicy(600_000, HOUR, parallel_max=4)
    begun = await asyncio.gather(
        *(signed_in(sessions, "a", ending) for _ in range(30)), return_exceptions=True
    )
    assert all(isinstance(each, (str, TooManySessions)) for each in begun)
    assert 1 <= len(await sessions.listed("moi", "a")) <= 4


# -- 7.2 tokens ------------------------------------------------------------------


async def test_asvs_7_2_1_verified_by_the_backend(sessions: Sessions) -> None:
    """Whatever a client makes up or changes in an id, nobody is signed in by it; nor by another agency's."""
    session_id = await signed_in(sessions)
    for at in range(len(session_id)):
        changed = "B" if session_id[at] == "A" else "A"
        assert await unknown(sessions, session_id[:at] + changed + session_id[at + 1 :])
    with pytest.raises(UnknownSession):
        await sessions.touch("moe", session_id)


async def test_asvs_7_2_2_tokens_are_made_for_each_session(sessions: Sessions) -> None:
    """No two are alike, none is told by its subject, and nothing static opens a session: the ref does not."""
    held = [await signed_in(sessions) for _ in range(50)]
    assert len({each[11:] for each in held}) == 50
    ref = (await sessions.get("moi", held[0])).ref
    assert await unknown(sessions, ref)


def test_asvs_7_2_3_entropy() -> None:
    """256 bits of the system's generator; each bit of many ids is set about half of the time."""
    assert RANDOM_BYTES * 8 >= 128
    ids = Ids(b"p" * 32)
    many = [ids.new("moi", "a")[11:] for _ in range(400)]
    for at in range(42):
        shown = {each[at] for each in many}
        assert len(shown) > 48, "each character takes nearly all of 64 values"
    assert math.log2(64) * 42 > 250


async def test_asvs_7_2_4_a_new_token_at_authentication(sessions: Sessions) -> None:
    """Signing in over an anonymous session, and stepping up, give another id; the one before is spent."""
    anonymous, _ = await sessions.create(
        "moi",
        "portal",
        "visitor-1",
        SessionPolicy(600_000, HOUR, "anonymous"),
        {"basket": 3, "role": "admin"},
    )
    signed, session = await sessions.sign_in(
        "moi", anonymous, "portal", "citizen", POLICY, {"lang": "ar"}, keep=["basket"]
    )
    assert (session.subject, session.payload) == ("citizen", b'{"basket":3,"lang":"ar"}')
    assert await unknown(sessions, anonymous)
    higher, session = await sessions.step_up("moi", signed, 2, 60_000)
    assert session.level_now == 2
    with pytest.raises(SpentSession):
        await sessions.touch("moi", signed)
    assert not await unknown(sessions, higher)


async def test_asvs_7_2_4_no_fixation(sessions: Sessions) -> None:
    """An id that somebody brings along is never adopted: a session begins under one made here."""
    brought = Ids(b"x" * 32).new("moi", "citizen")
    assert await unknown(sessions, brought)
    assert await signed_in(sessions) != brought
    assert await unknown(sessions, brought)


def test_no_id_and_no_ref_begins_as_a_flag_does() -> None:
    """A command would take it for one."""
    ids = Ids(b"x" * 32)
    for number in range(1_000):
        id_ = ids.new("moi", f"{number}")
        assert not id_.startswith("-")
        assert not ids.names("moi", id_)[0].ref.startswith("-")
        assert ids.names("moi", id_)[0].tag in ids.tags("moi", f"{number}")


async def test_a_spent_id_that_is_shown_again_raises_one_event(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a rotated id: whoever shows it is refused each time, counted and logged once, without the id."""
    said = io.StringIO()  # where logs go to else depends on what ran before
    monkeypatch.setattr(finding, "_log", structlog.wrap_logger(structlog.PrintLogger(said)))
    old = await signed_in(sessions)
    await sessions.rotate("moi", old)
    for _ in range(3):
        with pytest.raises(SpentSession):
            await sessions.touch("moi", old)
        with pytest.raises(SpentSession):
            await sessions.patch("moi", old, None, {"x": 1})
    assert sessions.stats().reused == 1
    logged = said.getvalue()
    assert logged.count("old id was shown again") == 1
    assert old[11:] not in logged


async def test_a_grace_reads_and_writes_nothing(sessions: Sessions) -> None:
    """Requests that were on their way with the old id are answered; none of them changes anything."""
    old = await signed_in(sessions, policy=SessionPolicy(600_000, HOUR, grace_ms=10_000))
    new, session = await sessions.rotate("moi", old)
    assert (await sessions.touch("moi", old)).ref == session.ref
    for call in (sessions.patch("moi", old, None, {"x": 1}), sessions.rotate("moi", old)):
        with pytest.raises(ReadOnlySession):
            await call
    assert (await sessions.get("moi", new)).version == session.version


# -- 7.3 time-outs (the store's clock moved by hand: test_store.py) --------------


async def test_asvs_7_3_1_and_7_3_2_times_come_from_the_class(sessions: Sessions) -> None:
    """Idle and absolute remainders are those of the policy, and a rotation lengthens none."""
    session_id = await signed_in(sessions)
    before = await sessions.touch("moi", session_id)
    assert 590_000 < before.expires_in_ms <= 600_000
    assert HOUR - 10_000 < before.absolute_in_ms <= HOUR
    _, after = await sessions.rotate("moi", session_id)
    assert (after.absolute_ms, after.created_ms) == (before.absolute_ms, before.created_ms)


# -- 7.4 ending -------------------------------------------------------------------


async def test_asvs_7_4_1_no_use_after_termination(sessions: Sessions) -> None:
    """After a sign-out no operation works with the id, whatever was read before."""
    session_id = await signed_in(sessions)
    version = (await sessions.get("moi", session_id)).version
    await sessions.revoke("moi", session_id)
    for call in (
        sessions.get("moi", session_id),
        sessions.touch("moi", session_id),
        sessions.patch("moi", session_id, version, {"x": 1}),
        sessions.replace("moi", session_id, version, {}),
        sessions.rotate("moi", session_id),
        sessions.step_up("moi", session_id, 2, 60_000),
        sessions.revoke("moi", session_id),
    ):
        with pytest.raises(UnknownSession):
            await call


async def test_asvs_7_4_1_a_logout_is_not_undone_by_a_parallel_rotation(sessions: Sessions) -> None:
    """Signed out and rotated at the same moment, in whatever order: no id of the session is left alive."""
    for _ in range(20):
        session_id = await signed_in(sessions, "a")
        ended, rotated = await asyncio.gather(
            sessions.revoke("moi", session_id), sessions.rotate("moi", session_id), return_exceptions=True
        )
        if isinstance(ended, BaseException):  # the rotation was first: the caller's id was spent
            assert isinstance(ended, SpentSession)
            assert not isinstance(rotated, BaseException)
            await sessions.revoke("moi", rotated[0])
        elif not isinstance(rotated, BaseException):
            assert await unknown(sessions, rotated[0])
    assert await sessions.listed("moi", "a") == ()


async def test_asvs_7_4_2_all_end_when_the_account_is_disabled(sessions: Sessions) -> None:
    """All of the subject, those of other services of the agency as well, and nobody else's."""
    held = [await signed_in(sessions) for _ in range(5)]
    other_service, _ = await sessions.create("moi", "passports", "citizen", POLICY, {})
    neighbour = await signed_in(sessions, "neighbour")
    await sessions.revoke_all("moi", "citizen", reason="account-disabled")
    assert all([await unknown(sessions, each) for each in [*held, other_service]])
    assert not await unknown(sessions, neighbour)


async def test_asvs_7_4_3_all_others_end_after_a_factor_change(sessions: Sessions) -> None:
    """The one in use goes on, and may be rotated and changed; all others are over."""
    others = [await signed_in(sessions) for _ in range(3)]
    mine = await signed_in(sessions)
    await sessions.revoke_all("moi", "citizen", except_id=mine)
    assert all([await unknown(sessions, each) for each in others])
    renewed, _ = await sessions.rotate("moi", mine)
    assert (await sessions.patch("moi", renewed, None, {"x": 1})).subject == "citizen"
    assert len(await sessions.listed("moi", "citizen")) == 1
    again = await signed_in(sessions)
    await sessions.revoke_all("moi", "citizen", except_id=again)
    assert await unknown(sessions, renewed)


async def test_asvs_7_4_5_administrators_end_one_or_all(sessions: Sessions) -> None:
    """By what the list calls it, which is no id; another agency's administrator cannot."""
    session_id, other = await signed_in(sessions), await signed_in(sessions)
    ref = (await sessions.get("moi", session_id)).ref
    with pytest.raises(UnknownSession):
        await sessions.revoke_ref("moe", ref)
    await sessions.revoke_ref("moi", ref)
    assert await unknown(sessions, session_id)
    assert not await unknown(sessions, other)
    with pytest.raises(UnknownSession):
        await sessions.revoke_ref("moi", ref)


# -- 7.5 and 7.6 ------------------------------------------------------------------


async def test_asvs_7_5_1_and_7_5_3_a_level_has_its_own_end(sessions: Sessions) -> None:
    """A stepped-up level is told while it lasts, no longer than the session, and is gone after a rotation."""
    session_id, session = await sessions.step_up("moi", await signed_in(sessions), 3, 60_000)
    assert session.level_now == 3
    assert session.level_until_ms - session.read_ms <= 60_000
    short, brief = await sessions.step_up("moi", session_id, 2, 1)
    await asyncio.wait_for(_lapses(sessions, short), 5)
    long, lasting = await sessions.step_up("moi", short, 2, 10**12)
    assert lasting.level_until_ms == lasting.absolute_ms
    assert brief.level == 2
    _, rotated = await sessions.rotate("moi", long)
    assert rotated.level_now == 0


async def _lapses(sessions: Sessions, session_id: str) -> None:
    while (await sessions.get("moi", session_id)).level_now:
        continue


async def test_asvs_7_5_2_a_user_sees_his_sessions(sessions: Sessions) -> None:
    """With service, device, place and times; those that ended are not among them, however they ended."""
    first, _ = await sessions.create(
        "moi", "portal", "citizen", POLICY, {}, device="Firefox on Linux", place="Doha", login="idp:7"
    )
    second, _ = await sessions.create("moi", "passports", "citizen", POLICY, {}, device="Phone")
    ended = await signed_in(sessions)
    await sessions.revoke("moi", ended)
    await sessions.create("moe", "portal", "citizen", POLICY, {})
    renewed, _ = await sessions.rotate("moi", second)
    first, _ = await sessions.rotate("moi", first)
    seen = {one.ref: one for one in await sessions.listed("moi", "citizen")}
    one = seen[(await sessions.get("moi", first)).ref]
    assert set(seen) == {one.ref, (await sessions.get("moi", renewed)).ref}
    assert (one.service, one.device, one.place, one.login) == ("portal", "Firefox on Linux", "Doha", "idp:7")
    assert one.created_ms <= one.used_ms <= one.read_ms < one.absolute_ms


async def test_asvs_7_5_2_a_list_of_many(sessions: Sessions) -> None:
    """120 sessions are listed whole."""
    policy = SessionPolicy(600_000, HOUR, parallel_max=200)
    await asyncio.gather(*(signed_in(sessions, "a", policy) for _ in range(120)))
    assert len(await sessions.listed("moi", "a")) == 120


async def test_asvs_7_6_2_no_session_without_action(store: ValkeyStore, sessions: Sessions) -> None:
    """Looking begins none: whatever id is shown, nothing is in the store afterwards."""
    for agency in ("moi", "moe"):
        with pytest.raises(UnknownSession):
            await sessions.touch(agency, Ids(b"x" * 32).new(agency, "anyone"))
    assert await sessions.listed("moi", "nobody") == ()


async def test_anonymous_sessions_have_a_quota_by_network(sessions: Sessions) -> None:
    """A network that began its number is told when it may begin the next; another may."""
    policy = SessionPolicy(600_000, HOUR, "anonymous", network_max=3)

    async def begin(network: str, agency: str = "moi") -> None:
        await sessions.create(agency, "portal", f"visitor-{network}", policy, {}, network=network)

    for _ in range(3):
        await begin("203.0.113.0/24")
    with pytest.raises(TooManySessions) as refused:
        await begin("203.0.113.0/24")
    assert 0 < refused.value.retry_after_ms <= HOUR
    await begin("198.51.100.0/24")
    await begin("203.0.113.0/24", "moe")


async def test_a_session_is_read_by_another_service_only_where_declared(sessions: Sessions) -> None:
    """Its own service, and those that share with it; for any other there is no such session."""
    session_id = await signed_in(sessions)
    assert await sessions.get("moi", session_id, sharing=only_of("portal"))
    assert await sessions.touch("moi", session_id, sharing=shared_among(frozenset({"portal", "visas"})))
    for sharing in (only_of("visas"), shared_among(frozenset({"visas"}))):
        with pytest.raises(UnknownSession):
            await sessions.touch("moi", session_id, sharing=sharing)
