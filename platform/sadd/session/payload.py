"""What a service keeps in a session: one small JSON object. Encrypting it comes with a later issue."""

from collections.abc import Mapping
from typing import Any

import msgspec

from sadd.session.policy import PAYLOAD_BYTES_MAX

Payload = Mapping[str, Any]
"""Values are JSON's, or ``msgspec.Raw``: what a service put is given back byte for byte, never read."""

NULL = (None, msgspec.Raw(b"null"))


class PayloadTooLarge(Exception):
    """The payload is above PAYLOAD_BYTES_MAX as JSON."""


def encoded(payload: Payload) -> bytes:
    raw = msgspec.json.encode(payload)
    if len(raw) > PAYLOAD_BYTES_MAX:
        raise PayloadTooLarge(f"{len(raw)} bytes, {PAYLOAD_BYTES_MAX} are allowed")
    return raw


def decoded(raw: bytes) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])


def merged(payload: Payload, changes: Payload) -> dict[str, Any]:
    """Each field of ``changes`` replaces that of ``payload``; null removes it. Top level only."""
    kept = {name: value for name, value in payload.items() if name not in changes}
    return kept | {name: value for name, value in changes.items() if value not in NULL}
