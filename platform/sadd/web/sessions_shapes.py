"""What goes in and out of the sessions' endpoints."""

from typing import Annotated

from msgspec import Meta, Raw, Struct, field

from sadd.session.listed import Listed
from sadd.session.policy import ABSOLUTE_MS_MAX, PAYLOAD_BYTES_MAX
from sadd.session.record import LABEL_BYTES_MAX, LEVEL_MAX, TEXT_BYTES_MAX, Session
from sadd.web.sessions_cookie import SameSite, set_cookie

FIELDS_MAX = 1_000
SECONDS_MAX = ABSOLUTE_MS_MAX // 1000

ServiceId = Annotated[str, Meta(min_length=1, max_length=200)]
Subject = Annotated[
    str, Meta(min_length=1, max_length=TEXT_BYTES_MAX, description="Who is signed in, in your own terms.")
]
Fields = Annotated[
    dict[str, Raw],
    Meta(description=f"A JSON object of at most {PAYLOAD_BYTES_MAX} bytes; its values are yours."),
]
ENTRY_LENGTH_MAX = 2_048
Label = Annotated[str, Meta(max_length=LABEL_BYTES_MAX, description="For the person's own list of sessions.")]
Address = Annotated[
    str, Meta(max_length=45, description="The visitor's; counted by network where the class has a quota.")
]
Kept = Annotated[
    tuple[str, ...], Meta(max_length=FIELDS_MAX, description="Fields of `data` that go along; else none.")
]
Level = Annotated[int, Meta(ge=0, le=LEVEL_MAX, description="Of assurance, in your own terms; 0 is none.")]
Seconds = Annotated[int, Meta(ge=1, le=SECONDS_MAX)]
Entry = Annotated[
    str,
    Meta(
        max_length=ENTRY_LENGTH_MAX,
        description="The entry, or the pass, with which the visitor came through the waiting room: his slot "
        "is the next one's as soon as the session is ended.",
    ),
]
Version = Annotated[int, Meta(ge=1, le=2**32 - 1)]


class Login(Struct, frozen=True, forbid_unknown_fields=True):
    """Which session of which OpenID provider this is, so that its logout token ends it."""

    provider: Annotated[str, Meta(min_length=1, max_length=64)]
    sid: Annotated[str, Meta(min_length=1, max_length=255)]


class CreateRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``service`` is one of your agency's; its class in the catalogue has the time-outs.

    Without ``subject`` nobody is signed in: only where the class is anonymous.
    """

    service: ServiceId
    subject: Subject | None = None
    data: Fields = field(default_factory=dict)
    device: Label = ""
    place: Label = ""
    address: Address = ""
    level: Level = 0
    level_seconds: Seconds = 300
    login: Login | None = None
    entry: Entry = ""
    same_site: SameSite = "lax"


class SignInRequest(CreateRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """As to create a session; the shown one ends, and what ``keep`` names of its data goes along."""

    keep: Kept = ()


class PatchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Each field of ``data`` replaces that of the session, null removes it.

    With ``version`` only onto that one; without, onto whichever there is.
    """

    data: Fields
    version: Version | None = None


class ReplaceRequest(Struct, frozen=True, forbid_unknown_fields=True):
    version: Version
    data: Fields


class RotateRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Without ``keep`` all of the data goes along. ``same_site`` is the cookie's."""

    keep: Kept | None = None
    same_site: SameSite = "lax"


class StepUpRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The level that was just proven, and for how long."""

    level: Annotated[int, Meta(ge=1, le=LEVEL_MAX)]
    seconds: Seconds = 300
    same_site: SameSite = "lax"


class RevokeAllRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``subject``, or who has the shown session. ``keep_current``: the shown one goes on."""

    subject: Subject | None = None
    keep_current: bool = False


class ListRequest(Struct, frozen=True, forbid_unknown_fields=True):
    subject: Subject


class SessionAnswer(Struct, frozen=True):
    """A session. It ends after ``idle_expires_in_ms`` unless used, after ``expires_in_ms`` in any case.

    ``ref`` names it in lists and in the feed, and opens nothing. ``level`` drops to 0 at its own end.
    """

    service: str
    subject: str
    version: int
    data: Raw
    idle_expires_in_ms: int
    expires_in_ms: int
    ref: str
    device: str
    place: str
    level: int
    level_expires_in_ms: int


class NamedSessionAnswer(SessionAnswer, frozen=True):
    """As ``SessionAnswer``, with the new id: keep it, it cannot be asked for again. ``set_cookie`` is a
    ``Set-Cookie`` field for your own answer to the browser."""

    session: str
    set_cookie: str


class ListedAnswer(Struct, frozen=True):
    """A session as its subject sees it. ``current``: it is the one that was shown."""

    ref: str
    service: str
    device: str
    place: str
    created_ms: int
    used_ms: int
    expires_in_ms: int
    level: int
    current: bool


class SessionsAnswer(Struct, frozen=True):
    sessions: list[ListedAnswer]


def session_answer(session: Session) -> SessionAnswer:
    return SessionAnswer(*_told(session))


def named_answer(session_id: str, session: Session, same_site: SameSite) -> NamedSessionAnswer:
    cookie = set_cookie(session_id, session.absolute_in_ms, same_site)
    return NamedSessionAnswer(*_told(session), session_id, cookie)


def listed_answer(listed: Listed, current: str) -> ListedAnswer:
    return ListedAnswer(
        listed.ref,
        listed.service,
        listed.device,
        listed.place,
        listed.created_ms,
        listed.used_ms,
        max(0, listed.absolute_ms - listed.read_ms),
        listed.level,
        listed.ref == current,
    )


def _told(session: Session) -> tuple[str, str, int, Raw, int, int, str, str, str, int, int]:
    """The fields of a SessionAnswer, in its order. Made for each read, so nothing is looked up twice."""
    now, ends = session.read_ms, session.absolute_ms
    idle_ends = session.used_ms + session.idle_ms
    level_ms = session.level_until_ms - now if session.level else 0
    return (
        session.service,
        session.subject,
        session.version,
        Raw(session.payload),
        max(0, (idle_ends if idle_ends < ends else ends) - now),
        max(0, ends - now),
        session.ref,
        session.device,
        session.place,
        session.level if level_ms > 0 else 0,
        max(0, level_ms),
    )
