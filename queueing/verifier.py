"""Who verifies passes offline: it needs the published keys, and asks nobody.

The head of a pass is never interpreted. Each key in force has one head, spelt in one way, and what does not
begin with one of these to the letter is refused: another algorithm, ``none``, an unknown or a made-up key id,
``jwk``, ``jku`` and ``crit`` alike. What does not verify raises InvalidPass and nothing else, whatever it is.
"""

import binascii
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from nacl.bindings import crypto_sign_open
from nacl.exceptions import CryptoError

ISSUER = "sadd"
ALGORITHM = "EdDSA"
SERVICE = "service:"
"""Before a service's id in the audience, so that no room is taken for a service that is called alike."""

TEXT_MAX = 2_048
SKEW_SECONDS = 60
"""A pass is issued by the store's clock, which may be ahead of this one. Its end bears no such leeway."""
SEEN_MAX = 16_384
"""Passes whose signature is known to be good; about 1 kB each, so at most 16 MB."""

Kind = Literal["JWT", "sadd-entry+jwt"]
"""The type in the head. An entry is what a pass was exchanged for: it is good again and again until it ends,
so it must never be taken for a pass, nor a pass for an entry, which would not have been spent."""
PASS: Kind = "JWT"  # noqa: S105  # no password
ENTRY: Kind = "sadd-entry+jwt"
_ROOM = {PASS: "", ENTRY: "entry:"}
"""Before the room in the audience, for libraries that do not look at the type."""

_SIGNATURE_BYTES = 64
_SIGNATURE_ENDS = frozenset("AQgw")
"""Two bits of the last of 86 letters count. The other four are 0, or there would be 16 spellings."""


class InvalidPass(Exception):
    """Not a pass for this room and service, or no longer one. Its text says which check failed."""


class Pass(msgspec.Struct, frozen=True):
    """What a pass says. Times are in seconds since the epoch. A struct since one is made for each.

    ``holder`` is nobody's name: the holder of the place. ``id`` is spent once. ``service`` is empty if the
    place is good for any service of the room. The entry that it is exchanged for may be renewed until
    ``cap_s``; 0 is not beyond ``ends_s``.
    """

    room: str
    holder: str
    id: str
    issued_s: int
    ends_s: int
    service: str = ""
    cap_s: int = 0


class _Claims(msgspec.Struct):
    """The claims of a pass. Types are strict: the number 1 is no text, and true is no number."""

    iss: str
    aud: str | list[str]
    sub: str
    jti: str
    iat: int
    exp: int
    cap: int = 0


class Verifier:
    """Verifies with any of ``keys``, public keys by their ids. ``clock`` is in seconds since the epoch."""

    def __init__(
        self, keys: Mapping[str, bytes], *, kind: Kind = PASS, clock: Callable[[], float] = time.time
    ) -> None:
        self._kind = kind
        self._keys = {head_of(key_id, kind): key for key_id, key in keys.items()}
        self._clock = clock
        self._seen: dict[str, Pass] = {}
        self._decode = msgspec.json.Decoder(_Claims).decode

    @classmethod
    def of_jwks(cls, published: Mapping[str, Any], *, clock: Callable[[], float] = time.time) -> "Verifier":
        """From what ``/.well-known/jwks.json`` says; keys of other kinds are none of ours."""
        keys = {
            str(key["kid"]): urlsafe_b64decode(f"{key['x']}==")
            for key in published["keys"]
            if (key.get("kty"), key.get("crv")) == ("OKP", "Ed25519")
        }
        return cls(keys, clock=clock)

    def renew(self, keys: Mapping[str, bytes]) -> None:
        """Take other keys; what a key that is gone has signed is no pass from now on."""
        self._keys = {head_of(key_id, self._kind): key for key_id, key in keys.items()}
        self._seen.clear()

    def read(self, text: str, room: str, service: str | None = None) -> Pass:
        """The pass, if it is in force for ``room`` and, where one is named, for ``service``.

        A pass that was seen before costs no second look at its signature. Raises InvalidPass.
        """
        found = self._seen.get(text)
        if found is None:
            found = self._verified(text)
            self._keep(text, found)
        now_s = self._clock()
        if now_s >= found.ends_s:
            self._seen.pop(text, None)
            raise InvalidPass("it has ended")
        if found.issued_s > now_s + SKEW_SECONDS:
            raise InvalidPass("it is of the future")
        if found.room != room:
            raise InvalidPass("it is another room's")
        if service and found.service and found.service != service:
            raise InvalidPass("it is another service's")
        return found

    @property
    def seen(self) -> int:
        """Passes that are remembered."""
        return len(self._seen)

    def _keep(self, text: str, found: Pass) -> None:
        """The oldest makes room: passes end in the order in which they were issued, or nearly so."""
        if len(self._seen) >= SEEN_MAX:
            del self._seen[next(iter(self._seen))]
        self._seen[text] = found

    def _verified(self, text: str) -> Pass:
        if len(text) > TEXT_MAX:
            raise InvalidPass("it is too long")
        head, _, rest = text.partition(".")
        payload, _, signature = rest.partition(".")
        key = self._keys.get(head)
        if key is None:
            raise InvalidPass("no key in force has this head")
        if signature[-1:] not in _SIGNATURE_ENDS:
            raise InvalidPass("the signature is not spelt as it is")
        try:
            raw = _bytes(signature)
            if len(raw) != _SIGNATURE_BYTES:
                raise InvalidPass("the signature has another length")
            crypto_sign_open(raw + f"{head}.{payload}".encode("ascii"), key)
            claims = self._decode(_bytes(payload))
        except (ValueError, CryptoError, msgspec.MsgspecError) as refused:
            raise InvalidPass(type(refused).__name__) from None
        return _pass_of(claims, _ROOM[self._kind])


def head_of(key_id: str, kind: Kind = PASS) -> str:
    """The first part of every pass, or entry, that this key signs."""
    head = f'{{"alg":"{ALGORITHM}","kid":"{key_id}","typ":"{kind}"}}'
    return urlsafe_b64encode(head.encode()).rstrip(b"=").decode()


def audience(room: str, service: str, kind: Kind = PASS) -> str | list[str]:
    """The claim ``aud``."""
    named = _ROOM[kind] + room
    return [named, SERVICE + service] if service else named


def key_set(keys: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
    """Public keys by their ids as a JSON Web Key Set (RFC 7517, RFC 8037)."""
    return {"keys": [_public(key_id, key) for key_id, key in keys]}


def _public(key_id: str, key: bytes) -> dict[str, str]:
    x = urlsafe_b64encode(key).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key_id, "use": "sig", "alg": ALGORITHM}


def _bytes(text: str) -> bytes:
    """Of base64url without padding (RFC 7515). Raises ValueError."""
    if "+" in text or "/" in text or "=" in text:
        raise ValueError(text)
    plain = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    return binascii.a2b_base64(plain, strict_mode=True)


def _pass_of(claims: _Claims, before_room: str) -> Pass:
    if claims.iss != ISSUER:
        raise InvalidPass("its issuer is another")
    room, *services = [claims.aud] if isinstance(claims.aud, str) else claims.aud or [""]
    if len(services) > 1 or not all(one.startswith(SERVICE) for one in services):
        raise InvalidPass("its audience is no room")
    if not room.startswith(before_room) or room == before_room or room.startswith(SERVICE):
        raise InvalidPass("its audience is no room")
    if not claims.jti or not claims.sub:
        raise InvalidPass("it names nothing")
    service = services[0][len(SERVICE) :] if services else ""
    return Pass(room[len(before_room) :], claims.sub, claims.jti, claims.iat, claims.exp, service, claims.cap)
