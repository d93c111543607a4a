"""The usual RateLimitRequest, read from its bytes: a domain, then descriptors of keys and values, all short,
and perhaps an addend of one octet.

protobuf's class makes an object of each part that is looked at, and took four times as long as this. What
is not the usual goes to it: other fields, another order, empty strings, a length of two octets.
"""

from sadd.envoy.plan import DESCRIPTORS_MAX
from sadd.envoy.request import Descriptor

MESSAGE_BYTES_MAX = 1024

# Each string and each message is its tag (number of the field << 3 | 2), its length, and its bytes.
_DOMAIN, _DESCRIPTOR, _ENTRY, _KEY, _VALUE = 0x0A, 0x12, 0x0A, 0x0A, 0x12
_HITS_ADDEND = 0x18  # a number: 3 << 3


def usual(message: bytes, entries_max: int) -> tuple[str, list[Descriptor], int] | None:
    """The domain, the descriptors and the addend; None: ask protobuf."""
    try:
        return _read(message, entries_max) if len(message) <= MESSAGE_BYTES_MAX else None
    except (IndexError, UnicodeDecodeError):  # cut short, or no text
        return None


def _read(message: bytes, entries_max: int) -> tuple[str, list[Descriptor], int] | None:
    end, addend = len(message), 0
    size = message[1]
    if message[0] != _DOMAIN or not 0 < size < 128:
        return None
    at = 2 + size
    domain = message[2:at].decode()
    descriptors: list[Descriptor] = []
    while at < end:
        if message[at] == _HITS_ADDEND and at + 2 == end and message[at + 1] < 128:
            addend, at = message[at + 1], end
            break
        stop = at + 2 + message[at + 1]
        if message[at] != _DESCRIPTOR or message[at + 1] > 127 or stop > end:
            return None
        entries = _entries(message, at + 2, stop)
        if entries is None or len(entries) > entries_max:
            return None
        descriptors.append(Descriptor(tuple(entries)))
        at = stop
    return (domain, descriptors, addend) if at == end and len(descriptors) <= DESCRIPTORS_MAX else None


def _entries(message: bytes, at: int, end: int) -> list[tuple[str, str]] | None:
    """The keys and values of a descriptor, which is shorter than 128 bytes, as then each part is."""
    entries: list[tuple[str, str]] = []
    while at < end:
        stop = at + 2 + message[at + 1]
        value = at + 4 + message[at + 3]
        if (
            message[at] != _ENTRY
            or message[at + 2] != _KEY
            or message[value] != _VALUE
            or value + 2 + message[value + 1] != stop
            or stop > end
        ):
            return None
        entries.append((message[at + 4 : value].decode(), message[value + 2 : stop].decode()))
        at = stop
    return entries
