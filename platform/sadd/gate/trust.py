"""Whose word is taken: which peers are proxies of ours, and the visitor's address that they tell.

Every proxy appends to ``X-Forwarded-For`` the address that it was called from, so what is right in it was
written by a proxy of ours and what is left by anybody. The visitor is the rightmost address that is no
proxy of ours: nothing that a visitor sends can move it.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from socket import AF_INET, inet_pton

HOPS_MAX = 32
"""Addresses of one request that are looked at, from the right: nobody chains more proxies."""

ADDRESSES_REMEMBERED = 8192
"""A page brings a dozen requests of one visitor, and reading an address takes as long as all else here."""

ADDRESS_CHARACTERS_MAX = 64
"""No address is longer, with its zone and port; so what is remembered is bounded in bytes too."""

Address = IPv4Address | IPv6Address


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


def parsed(text: str) -> Address | None:
    """The address in ``10.1.2.3``, ``10.1.2.3:4567``, ``2001:db8::1`` or ``[2001:db8::1]:4567``.

    IPv4 that came in over a socket for both (``::ffff:10.1.2.3``) is IPv4: the same visitor has one name.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return IPv4Address(inet_pton(AF_INET, text))  # a third of the time that ip_address takes
    except (OSError, ValueError):
        pass
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv6Address(int(address))  # without a zone (fe80::1%eth0), which is the proxy's affair


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
