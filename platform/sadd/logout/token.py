"""Logout tokens of OpenID Connect Back-Channel Logout 1.0: read strictly, and written.

A token says that a session (``sid``) or all sessions of somebody (``sub`` alone) are over. It is a JWT that
only its issuer can have signed, is good for two minutes at most, and counts once (ASVS 5.0, 10.5.5): the
caller remembers ``jti`` until ``counts_until_s``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jwt

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MEDIA_TYPE = "logout+jwt"
LIFE_SECONDS_MAX = 120
LEEWAY_SECONDS = 10
"""By which the issuer's clock may be off."""
TOKEN_BYTES_MAX = 8_192
NAME_LENGTH_MAX = 255
"""Of ``sub``, ``sid`` and ``jti``: OpenID Connect's own bound of ``sub``."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures only: with ``none`` or a shared secret, whoever knows our client's id could log people out."""

_REQUIRED = ("iss", "aud", "iat", "exp", "jti", "events")


class InvalidToken(ValueError):
    """Not a logout token of this issuer for us, now. The text says what is wrong and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """The only issuer and audience that a provider's tokens may have."""

    issuer: str
    audience: str


@dataclass(frozen=True, slots=True)
class Logout:
    """What a token asks for. ``session`` is the provider's own name of one session."""

    id: str
    subject: str | None
    session: str | None
    counts_until_s: int
    """Seconds since the epoch; from then on the token is refused anyhow."""


class Signer(Protocol):
    """What signs: sadd.logout.keys."""

    def sign(self, claims: Mapping[str, Any], media_type: str) -> str: ...


def key_id_of(text: str) -> str | None:
    """Which key a token says it was signed with; None if it does not. InvalidToken: it is no token."""
    if len(text) > TOKEN_BYTES_MAX or not text.isascii():
        raise InvalidToken("it is too long or no JWT")
    try:
        header = jwt.get_unverified_header(text)
    except jwt.PyJWTError:
        raise InvalidToken("it is no JWT") from None
    if str(header.get("typ", "")).lower().removeprefix("application/") != MEDIA_TYPE:
        raise InvalidToken(f"its typ is not {MEDIA_TYPE}")
    if header.get("alg") not in ALGORITHMS:
        raise InvalidToken("its alg is none that is accepted")
    return header.get("kid")


def read(text: str, key: jwt.PyJWK, pinned: Pinned, now_s: float) -> Logout:
    """What the token asks for, if it is in force. ``key`` is the issuer's own. Raises InvalidToken."""
    key_id_of(text)
    try:
        # Times are judged below, by the caller's clock.
        claims = jwt.decode(
            text,
            key,
            algorithms=[key.algorithm_name],
            options={
                "require": list(_REQUIRED),
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_aud": False,
                "verify_iss": False,
            },
        )
    except (jwt.PyJWTError, TypeError, ValueError) as wrong:
        raise InvalidToken(f"its signature or form is wrong: {type(wrong).__name__}") from None
    if key.algorithm_name not in ALGORITHMS:
        raise InvalidToken("its alg is none that is accepted")
    _check_parties(claims, pinned)
    _check_event(claims)
    expires_s = _check_times(claims, now_s)
    return _asked(claims, expires_s + LEEWAY_SECONDS)


def written(signer: Signer, issuer: str, audience: str, asked: Logout, now_s: int) -> str:
    """A token that tells ``audience``. The same ``asked.id`` at each attempt lets it count once."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "iat": now_s,
        "exp": now_s + LIFE_SECONDS_MAX,
        "jti": asked.id,
        "events": {EVENT: {}},
    }
    if asked.subject is not None:
        claims["sub"] = asked.subject
    if asked.session is not None:
        claims["sid"] = asked.session
    return signer.sign(claims, MEDIA_TYPE)


def _check_parties(claims: Mapping[str, Any], pinned: Pinned) -> None:
    if claims["iss"] != pinned.issuer:
        raise InvalidToken("it is of another issuer")
    # A list is the same thing in another form; a second audience in it is somebody we do not know.
    if claims["aud"] not in (pinned.audience, [pinned.audience]):
        raise InvalidToken("it is for another audience")


def _check_event(claims: Mapping[str, Any]) -> None:
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise InvalidToken("it tells of no logout")
    if "nonce" in claims:
        raise InvalidToken("it has a nonce, which makes it an ID token")


def _check_times(claims: Mapping[str, Any], now_s: float) -> int:
    issued, expires = claims["iat"], claims["exp"]
    if not _is_time(issued) or not _is_time(expires):
        raise InvalidToken("its times are none")
    if not 0 < expires - issued <= LIFE_SECONDS_MAX:
        raise InvalidToken(f"it is good for longer than {LIFE_SECONDS_MAX} s")
    if not issued - LEEWAY_SECONDS <= now_s < expires + LEEWAY_SECONDS:
        raise InvalidToken("it is not in force")
    if "nbf" in claims and not (_is_time(claims["nbf"]) and claims["nbf"] - LEEWAY_SECONDS <= now_s):
        raise InvalidToken("it is not in force")
    return int(expires)


def _asked(claims: Mapping[str, Any], counts_until_s: int) -> Logout:
    for name in ("jti", "sub", "sid"):
        if name in claims and not _is_name(claims[name]):
            raise InvalidToken(f"its {name} is no text of 1 to {NAME_LENGTH_MAX} characters")
    if "sub" not in claims and "sid" not in claims:
        raise InvalidToken("it names neither a subject nor a session")
    return Logout(claims["jti"], claims.get("sub"), claims.get("sid"), counts_until_s)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_LENGTH_MAX and value.isprintable()
