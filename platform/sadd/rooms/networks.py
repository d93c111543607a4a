"""Whose join it is, as far as an address tells: the network of one connection, and the one around it.

A place in line costs its caller an address, so joins are counted by what somebody has of them:

- IPv4: one address (/32). A household has one, and behind a carrier's translation hundreds of citizens share
  one, which is why the bound on it is wide and work is asked for before anybody is refused. Around it the
  /24, the least that is routed and what is rented at a time.
- IPv6: the /64, since every device has 2^64 addresses to itself; around it the /56 that a provider gives a
  household (RFC 6177), so that its 256 networks are not 256 callers.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

REMEMBERED_MAX = 8192
NARROW_BITS, WIDE_BITS = {4: 32, 6: 64}, {4: 24, 6: 56}


@dataclass(frozen=True, slots=True)
class Networks:
    """Both in CIDR form."""

    narrow: str
    wide: str


@lru_cache(REMEMBERED_MAX)
def networks_of(address: str) -> Networks | None:
    """None: it is no address, and nothing can be counted by it."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if not isinstance(found, IPv4Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped  # one visitor has one name, whichever socket he came by
    kind = IPv4Network if isinstance(found, IPv4Address) else IPv6Network
    narrow, wide = NARROW_BITS[found.version], WIDE_BITS[found.version]
    return Networks(
        str(kind((int(found), narrow), strict=False)),
        str(kind((int(found), wide), strict=False)),
    )
