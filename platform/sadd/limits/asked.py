"""One question to the desk: who wants what of which service."""

from collections.abc import Mapping

import msgspec

HEADER = "header:"
"""Descriptors that are request headers are called ``header:x-device``, in small letters."""

CALLERS = ("key", "citizen", "app", "ip")
"""Descriptors that can stand for the caller where no key is given, the surest first."""


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A request as the limits see it. A struct since one is made for each request.

    ``service`` is a service's id, or the id of one policy of a rule (``rule.flood``), which is then the only
    one that is asked. ``descriptors`` are what is known of the caller: ``app``, ``citizen``, ``ip``,
    ``header:<name>``. ``cost`` 0 only looks.
    """

    service: str
    key: str = ""
    route: str = ""
    descriptors: Mapping[str, str] = msgspec.field(default_factory=dict)
    cost: int = 1

    def caller(self) -> str:
        """Whom a limit without partitions of its own counts; empty if nothing is known."""
        if self.key:
            return self.key
        for name in CALLERS:
            if value := self.descriptors.get(name):
                return value
        return ""


class UnknownService(LookupError):
    """There is no such service, it is retired, or it is another agency's: all alike."""
