"""What a connector writes into the address that it sends a visitor to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sadd.queueit.connection import CUSTOMER, EVENT
from sadd.queueit.token import pass_id_of

Lang = Literal["ar", "en"]

ERRORS = ("hash", "eventid", "timestamp", "ip", "qidlimit", "connector/sessionstate")
"""Why a connector refused a token or a cookie; what else stands there is ``other``."""

CANCELLED_MOST = 16
EVENT_SEPARATOR, QUEUE_ID_SEPARATOR = "_", "~"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A visitor sent to a room. ``target_url`` is as it was written: it must be compared, never followed.

    The versions of the connector and of its configuration (``ver``, ``kupver``, ``cver``), action (``man``),
    layout (``l``), reason of a refused cookie (``icr``) and enqueue token say nothing that is acted on.
    """

    customer: str
    event: str
    target_url: str
    lang: Lang | None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """One place that a site gives back."""

    event: str
    pass_id: str


def arrival_of(query: Mapping[str, str]) -> Arrival | None:
    """None: customer or event are missing or can be none of ours."""
    customer, event = query.get("c", "").lower(), query.get("e", "")
    if not CUSTOMER.fullmatch(customer) or not EVENT.fullmatch(event):
        return None
    return Arrival(customer, event, query.get("t", ""), _lang(query.get("cid", "")))


def cancelled_of(places: str) -> Iterator[Cancelled]:
    """The places of ``wrl``: ``event~queue id`` joined by ``_``. Those without a queue id hold no slot."""
    for place in places.split(EVENT_SEPARATOR, CANCELLED_MOST)[:CANCELLED_MOST]:
        event, _, queue_id = place.partition(QUEUE_ID_SEPARATOR)
        pass_id = pass_id_of(queue_id)
        if EVENT.fullmatch(event) and pass_id is not None:
            yield Cancelled(event, pass_id)


def error_of(code: str) -> str:
    """The reason, in a word that is known."""
    plain = code.strip("/").lower()
    return plain if plain in ERRORS else "other"


def _lang(culture: str) -> Lang | None:
    language = culture[:2].lower()
    if language == "ar":
        return "ar"
    return "en" if language == "en" else None
