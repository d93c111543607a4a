"""Messages signed as the Standard Webhooks specification has it: any of its libraries verifies them."""

import hmac
import secrets
from base64 import b32encode, b64encode
from collections.abc import Callable

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105  # what every secret begins with
VERSION = "v1"


def shown(secret: bytes) -> str:
    """The secret as its receiver keeps it; shown once."""
    return SECRET_PREFIX + b64encode(secret).decode()


def headers(secret: bytes, message: str, sent_s: int, body: bytes) -> dict[str, str]:
    """The three fields of a message. Its id is the same at each attempt, its time is the attempt's."""
    signed = f"{message}.{sent_s}.".encode() + body
    mac = b64encode(hmac.digest(secret, signed, "sha256")).decode()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(sent_s),
        "webhook-signature": f"{VERSION},{mac}",
    }


def new_id(prefix: str, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """80 random bits, in letters and digits that nothing quotes."""
    return f"{prefix}_{b32encode(random_bytes(10)).decode().lower()}"
