"""From a caller to the key of a limit."""

import hashlib
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from sadd_client.decision import KEY_BYTES_MAX

IPV6_PREFIX_BITS = 64
"""What one household or phone gets: single addresses of it are free to change."""


def address_key(address: str | None) -> str | None:
    """The key of an IP address: itself, or the /64 of an IPv6 one. None when there is none.

    It is for the address of the connection. What ``X-Forwarded-For`` says is the caller's own word, unless
    your own proxy wrote it: then read what it wrote, in a key function of yours.
    """
    try:
        found: IPv4Address | IPv6Address = ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(IPv6Network((found, IPV6_PREFIX_BITS), strict=False))
    return str(found)


def bounded_key(key: str) -> str:
    """The key itself if the platform takes it; else one as long as a hash, and as much its own."""
    try:
        if 0 < len(key.encode()) <= KEY_BYTES_MAX:
            return key
    except UnicodeEncodeError:  # half a surrogate pair
        pass
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
