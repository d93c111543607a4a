"""Whom a place is for, where a room has one place for each: a keyed hash, so that no store holds a name."""

import hmac

HOLDER_BYTES = 16
PURPOSE = b"sadd queue holder\0"


class Holders:
    """Makes holders with one ``secret``; whoever has another one cannot tell whose they are."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, room: str, agency: str, subject: str) -> bytes:
        """The same subject of the same agency is the same holder in a room, and another one elsewhere."""
        parts = (part.encode() for part in (room, agency, subject))
        said = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._secret, PURPOSE + said, "sha256")[:HOLDER_BYTES]
