"""One question of a proxy: may the request that I hold go on to this service?"""

from collections.abc import Iterator, Mapping

import msgspec

from sadd.gate.original import Headers, Original
from sadd.limits.asked import HEADER

_NONE: list[str] = []


class Knock(msgspec.Struct, frozen=True):
    """What the gate was called with. A struct since one is made for each request.

    ``peer`` is the address that called us, ``method`` and ``rest`` (the raw path behind the service's id) are
    of the call itself; what the visitor asked of the service is told in ``headers``.
    """

    service: str
    peer: str
    headers: Headers
    method: str = "GET"
    rest: str = ""


class Caller(msgspec.Struct, frozen=True):
    """Who wants what: the visitor's address and request, and the names that a proxy of ours vouches for."""

    address: str
    original: Original
    subject: str = ""
    app: str = ""


class Descriptors(Mapping[str, str]):
    """What is known of a caller, by the names that rules use. Header fields are looked up when asked for."""

    __slots__ = ("_headers", "_known")

    def __init__(self, known: Mapping[str, str], headers: Headers) -> None:
        self._known = known
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]  # one default
        """As of any mapping, without an exception on the way to nothing."""
        value = self._known.get(name)
        if value is None and name.startswith(HEADER):
            found = self._headers.getall(name[len(HEADER) :], _NONE)
            value = ",".join(found) if found else None  # twice is a list (RFC 9110 §5.3); Envoy joins so too
        return default if value is None else value

    def __iter__(self) -> Iterator[str]:
        """The names that are known without a look at the header."""
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
