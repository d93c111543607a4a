"""Passes and entries, verified offline with the published keys. Needs PyNaCl (``sadd-client[passes]``).

The head is never interpreted: each published key has one head for passes and one for entries, and what does
not begin with it to the letter is refused, whatever algorithm or key it names.
"""

import binascii
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sadd_client.errors import InvalidPass

Kind = Literal["JWT", "sadd-entry+jwt"]
_ROOM = {"JWT": "", "sadd-entry+jwt": "entry:"}
_SERVICE = "service:"
_ISSUER = "sadd"

TEXT_MAX = 2_048
SEEN_MAX = 16_384
SKEW_SECONDS = 60
_SIGNATURE_BYTES = 64
_SIGNATURE_ENDS = frozenset("AQgw")
"""The last of 86 letters carries two bits; the other four are 0, or a pass had 16 spellings."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass or an entry says; times in seconds since the epoch. ``holder`` is nobody's name."""

    room: str
    holder: str
    id: str
    issued_s: int
    ends_s: int
    service: str = ""


class PassVerifier:
    """Of one room and, where it is named, one service. ``published`` is the platform's key set."""

    def __init__(
        self,
        published: Mapping[str, Any],
        room: str,
        service: str = "",
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        from nacl.bindings import crypto_sign_open

        self._open = crypto_sign_open
        self._room = room
        self._service = service
        self._clock = clock
        keys = _keys_of(published)
        self._heads: dict[Kind, dict[str, bytes]] = {
            "JWT": {_head(key_id, "JWT"): key for key_id, key in keys.items()},
            "sadd-entry+jwt": {_head(key_id, "sadd-entry+jwt"): key for key_id, key in keys.items()},
        }
        self._seen: dict[tuple[Kind, str], Pass] = {}

    def read(self, text: str) -> Pass:
        """The pass, if it is in force here. It is to be let through once: exchange it. Raises InvalidPass."""
        return self._checked("JWT", text)

    def read_entry(self, text: str) -> Pass:
        """The entry that a pass was exchanged for, if it is in force here. Raises InvalidPass."""
        found = self._checked("sadd-entry+jwt", text)
        if not found.service:
            raise InvalidPass("it is of no service")
        return found

    def knows(self, text: str) -> bool:
        """Whether it begins as those that some key signs: else there may be a newer key."""
        head = text.partition(".")[0]
        return any(head in heads for heads in self._heads.values())

    def _checked(self, kind: Kind, text: str) -> Pass:
        found = self._seen.get((kind, text))
        if found is None:
            found = self._verified(kind, text)
            if len(self._seen) >= SEEN_MAX:
                self._seen.pop(next(iter(self._seen)), None)
            self._seen[kind, text] = found
        now_s = self._clock()
        if now_s >= found.ends_s or found.issued_s > now_s + SKEW_SECONDS:
            raise InvalidPass("it is not in force now")
        if found.room != self._room or (self._service and found.service not in ("", self._service)):
            raise InvalidPass("it is for somewhere else")
        return found

    def _verified(self, kind: Kind, text: str) -> Pass:
        if len(text) > TEXT_MAX:
            raise InvalidPass("it is too long")
        head, _, rest = text.partition(".")
        payload, _, signature = rest.partition(".")
        key = self._heads[kind].get(head)
        if key is None or signature[-1:] not in _SIGNATURE_ENDS:
            raise InvalidPass("no known key has signed this")
        try:
            raw = _bytes(signature)
            if len(raw) != _SIGNATURE_BYTES:
                raise InvalidPass("no known key has signed this")
            self._open(raw + f"{head}.{payload}".encode("ascii"), key)
            claims = json.loads(_bytes(payload))
        except InvalidPass:
            raise
        except Exception as refused:  # PyNaCl's own errors too: whatever it is, it is no pass
            raise InvalidPass(type(refused).__name__) from None
        return _pass_of(claims, _ROOM[kind])


def _keys_of(published: Mapping[str, Any]) -> dict[str, bytes]:
    """ValueError: not a key set."""
    try:
        return {
            str(key["kid"]): urlsafe_b64decode(f"{key['x']}==")
            for key in published["keys"]
            if (key.get("kty"), key.get("crv")) == ("OKP", "Ed25519")
        }
    except (KeyError, TypeError, AttributeError) as wrong:
        raise ValueError(f"not a key set: {wrong!r}") from None


def _head(key_id: str, kind: Kind) -> str:
    head = f'{{"alg":"EdDSA","kid":"{key_id}","typ":"{kind}"}}'
    return urlsafe_b64encode(head.encode()).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    if "+" in text or "/" in text or "=" in text:
        raise ValueError(text)
    plain = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    return binascii.a2b_base64(plain, strict_mode=True)


def _pass_of(claims: Any, before_room: str) -> Pass:
    if not isinstance(claims, dict):
        raise InvalidPass("its claims are none")
    named: Any = claims.get("aud")
    audience: list[Any] = named if isinstance(named, list) and named else [named]
    room, services = audience[0], audience[1:]
    texts = [claims.get("iss"), claims.get("sub"), claims.get("jti"), room, *services]
    times = [claims.get("iat"), claims.get("exp")]
    if not all(isinstance(one, str) and one for one in texts) or claims["iss"] != _ISSUER:
        raise InvalidPass("a claim is none")
    if not all(type(one) is int for one in times):  # True is an int too
        raise InvalidPass("a claim is none")
    if len(services) > 1 or not all(one.startswith(_SERVICE) for one in services):
        raise InvalidPass("its audience is no room")
    if not room.startswith(before_room) or room == before_room or room.startswith(_SERVICE):
        raise InvalidPass("its audience is no room")
    service = services[0][len(_SERVICE) :] if services else ""
    return Pass(room[len(before_room) :], claims["sub"], claims["jti"], claims["iat"], claims["exp"], service)
