"""The token by which a connector lets a visitor in, as it checks it::

    e_<event>~q_<queue id>~ts_<ends, s>~ce_<extendable>[~cv_<minutes>]~rt_<kind>[~hip_<address>]~h_<hash>

The hash is HMAC-SHA-256 over all in front of ``~h_``, keyed with the customer's secret. Nothing is escaped in
it, so no field may have a separator: that is checked here, and by what an event's id may be.
"""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256

FIELD = re.compile(r"[A-Za-z0-9-]{1,100}")
PASS_ID = re.compile(r"[A-Za-z0-9_-]{16,48}")
LAST = "p"
QUEUE_ID = re.compile(f"([0-9a-f]{{2}}){{16,48}}{LAST}")
KIND = "queue"
"""How the visitor came. Never ``debug``, which makes a connector tell its inside in a cookie."""


@dataclass(frozen=True, slots=True)
class Token:
    """``cookie_minutes`` is how long the site keeps the visitor, not to be extended; None is the site's own
    time, extended with each page. Raises ValueError for a field that could run into its neighbour."""

    event: str
    queue_id: str
    ends_s: int
    cookie_minutes: int | None
    address: str | None = None

    def __post_init__(self) -> None:
        for name in (self.event, self.queue_id):
            if not FIELD.fullmatch(name):
                raise ValueError(f"{name!r} has a character that a token is cut at")


def sign(token: Token, secret: str) -> str:
    parts = [
        f"e_{token.event}",
        f"q_{token.queue_id}",
        f"ts_{token.ends_s}",
        f"ce_{'true' if token.cookie_minutes is None else 'false'}",
    ]
    if token.cookie_minutes is not None:
        parts.append(f"cv_{token.cookie_minutes}")
    parts.append(f"rt_{KIND}")
    if token.address is not None:
        parts.append(f"hip_{_keyed(secret, token.address)}")
    body = "~".join(parts)
    return f"{body}~h_{_keyed(secret, body)}"


def queue_id_of(pass_id: str) -> str:
    """A pass's id as connectors know queue ids, in hex digits. Nobody guesses one: 96 bits of it are a hash.

    It ends with a letter that is none, since the connector's own cookie is signed without separators, with
    the minutes of its validity behind the queue id: digits at the end would lengthen them, with a valid hash.
    """
    return pass_id.encode().hex() + LAST


def pass_id_of(queue_id: str) -> str | None:
    """The pass that a queue id is of; None: it is none of ours."""
    if not QUEUE_ID.fullmatch(queue_id):
        return None
    pass_id = bytes.fromhex(queue_id.removesuffix(LAST)).decode("ascii", "replace")
    return pass_id if PASS_ID.fullmatch(pass_id) else None


def _keyed(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()
