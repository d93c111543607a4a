"""Whose word is taken: which peers are proxies of ours, and the visitor's address that they tell.

Every proxy appends to ``X-Forwarded-For`` the address that it was called from, so what is right in it was
written by a proxy of ours and what is left by anybody. The visitor is the rightmost address that is no
proxy of ours: nothing that a visitor sends can move it.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv6Network, ip_network

from sadd.limits.spelling import parsed

HOPS_MAX = 32
"""Addresses of one request that are looked at, from the right: nobody chains more proxies."""

ADDRESSES_REMEMBERED = 8192
"""A page brings a dozen requests of one visitor, and reading an address takes as long as all else here."""

ADDRESS_CHARACTERS_MAX = 64
"""No address is longer, with its zone and port; so what is remembered is bounded in bytes too."""


class Trust:
    """The ranges of addresses from which our own proxies call. ValueError: one is no range in CIDR form."""

    def __init__(self, ranges: Sequence[str]) -> None:
        self._networks = tuple(ip_network(one) for one in ranges)
        self._told = lru_cache(ADDRESSES_REMEMBERED)(self._look)

    def visitor(self, peer: str, told: Sequence[str]) -> str | None:
        """Where the visitor calls from, by the lines of the forwarding field; None: the peer is none of ours.

        Without the field it is the proxy itself that calls. What is no address was not written by a proxy
        that we know how to read: then the nearest that did make sense is the visitor, never one further out.
        """
        nearest, ours = self._told(peer)
        if not ours:
            return None
        for text in _from_the_right(told):
            address, ours = self._told(text) if len(text) <= ADDRESS_CHARACTERS_MAX else ("", False)
            nearest = address or nearest
            if not ours:
                break
        return nearest

    def _look(self, text: str) -> tuple[str, bool]:
        """The address, and whether it is a proxy's of ours; empty and False for what is no address."""
        address = parsed(text)
        if address is None:
            return "", False
        return str(address), any(address in network for network in self._networks)


def prefix_of(address: str) -> str:
    """What one household has in common, as an address: all of IPv4, of IPv6 the first 64 bits."""
    if ":" not in address:
        return address
    return str(IPv6Network((address, 64), strict=False).network_address)


def _from_the_right(lines: Sequence[str]) -> Iterator[str]:
    """The members of a list field, the last first, at most ``HOPS_MAX``."""
    left = HOPS_MAX
    for line in reversed(lines):
        for text in reversed(line.rsplit(",", left)):
            if left == 0:
                return
            left -= 1
            yield text
