"""Values that a rule compares with: texts in which ``*`` is any letters, and networks of addresses."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

ANY = "*"
NETWORKS_KEPT_MAX = 32_768
IPV4_BITS = 32
MAPPED_BITS = 0xFFFF
"""What stands before an IPv4 address in IPv6's clothes, ``::ffff:0:0/96``."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of values. Those without ``*`` are found at once, however many there are."""

    exact: frozenset[str]
    patterns: tuple[tuple[str, ...], ...]
    """The parts between the stars."""

    @classmethod
    def of(cls, values: Iterable[str]) -> "Texts":
        texts = set(values)
        stars = {text for text in texts if ANY in text}
        return cls(frozenset(texts - stars), tuple(tuple(text.split(ANY)) for text in sorted(stars)))

    def hold(self, text: str) -> bool:
        if text in self.exact:
            return True
        return bool(self.patterns) and any(_fits(parts, text) for parts in self.patterns)


@dataclass(frozen=True, slots=True)
class Networks:
    """A list of addresses and networks: one look-up for each length of prefix that occurs."""

    prefixes: tuple[tuple[int, int, frozenset[int]], ...]
    """IP version, bits to shift away, and the prefixes of that length."""

    @classmethod
    def of(cls, values: Iterable[str]) -> "Networks":
        """ValueError: one is no address and no network."""
        found: dict[tuple[int, int], set[int]] = {}
        for value in values:
            version, shift, bits = network_of(value)
            found.setdefault((version, shift), set()).add(bits)
        return cls(tuple((version, shift, frozenset(bits)) for (version, shift), bits in found.items()))

    def hold(self, text: str) -> bool:
        found = _bits(text)
        if found is None:
            return False
        version, bits = found
        for of_version, shift, known in self.prefixes:
            if of_version == version and (bits >> shift) in known:
                return True
        return False


@lru_cache(maxsize=NETWORKS_KEPT_MAX)
def network_of(text: str) -> tuple[int, int, int]:
    """IP version, bits to shift away, and the prefix. ValueError: it is no address and no network.

    Kept, since reading one takes ten microseconds: whoever has read them all in slices builds a list at once.
    """
    network = ip_network(text, strict=False)
    shift = network.max_prefixlen - network.prefixlen
    bits = int(network.network_address)
    if network.version == 6 and shift <= IPV4_BITS and bits >> IPV4_BITS == MAPPED_BITS:
        return 4, shift, bits % (1 << IPV4_BITS) >> shift  # as the addresses that it is compared with
    return network.version, shift, bits >> shift


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text spells, None if none. An IPv4 address in IPv6's clothes is an IPv4 address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.version == 6 and address.ipv4_mapped) or address


def is_address(text: str) -> bool:
    return _bits(text) is not None


@lru_cache(maxsize=16_384)
def _bits(text: str) -> tuple[int, int] | None:
    """IP version and the address as a number. Kept, since reading one takes three microseconds."""
    address = address_of(text)
    return None if address is None else (address.version, int(address))


@lru_cache(maxsize=16_384)
def prefix_of(text: str, ipv4_prefix: int, ipv6_prefix: int) -> str | None:
    """The network that stands for an address: ``2001:db8:1:2::/64``; the address itself at full length."""
    address = address_of(text)
    if address is None:
        return None
    length = ipv4_prefix if address.version == 4 else ipv6_prefix
    if length == address.max_prefixlen:
        return address.compressed.partition("%")[0]
    bits = int(address) >> (address.max_prefixlen - length) << (address.max_prefixlen - length)
    return f"{type(address)(bits)}/{length}"


def _fits(parts: tuple[str, ...], text: str) -> bool:
    """Linear in the text, whatever the pattern: both ends first, then the inner parts from the left."""
    first, *inner, last = parts
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in inner:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True
