"""Where a webhook may go: to the open internet over TLS, and never into a network behind us.

The name is judged when the webhook is made, each address that it has when it is called: a name may say
another one by then. Who answers with a redirect is not followed.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

URL_LENGTH_MAX = 500

_INSIDE_6 = ip_network("64:ff9b::/96")
"""NAT64: the last four bytes are an IPv4 address, which may be a private one."""
_BEHIND = (".localhost", ".local", ".internal", ".home.arpa")
_LOCAL = frozenset({"localhost", "localhost.localdomain"})


class Forbidden(ValueError):
    """A webhook may not go there."""


def check_url(url: str, *, to_loopback: bool) -> None:
    """Forbidden, with what is wrong with it. ``to_loopback`` lets it be this very machine, without TLS."""
    if len(url) > URL_LENGTH_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise Forbidden(f"expected a URL of at most {URL_LENGTH_MAX} plain characters")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise Forbidden("it is no URL") from None
    if not host or "@" in parts.netloc or parts.fragment or port == 0:
        raise Forbidden("expected https://host/path, without a user and a fragment")
    is_local = host in _LOCAL or _is_loopback(host)
    if is_local and to_loopback and parts.scheme in ("http", "https"):
        return
    if parts.scheme != "https":
        raise Forbidden("expected https")
    if is_local or host.endswith(_BEHIND) or ("." not in host and ":" not in host):
        raise Forbidden("it is a name of a network behind us")
    check_address(host, to_loopback=to_loopback, literal=True)


def check_address(text: str, *, to_loopback: bool, literal: bool = False) -> None:
    """Forbidden unless the address is one of the open internet. ``literal``: a name is all right too."""
    try:
        address = _plain(ip_address(text.strip("[]").partition("%")[0]))
    except ValueError:
        if literal and not text.replace(".", "").isdigit() and not text.lower().startswith("0x"):
            return
        raise Forbidden("it is no address") from None
    if address.is_loopback and to_loopback:
        return
    if not address.is_global or address.is_multicast or address.is_reserved:
        raise Forbidden("it is an address of a network behind us")


def _is_loopback(host: str) -> bool:
    try:
        return _plain(ip_address(host.strip("[]"))).is_loopback
    except ValueError:
        return False


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv6 one, where there is one."""
    if isinstance(address, IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and address in _INSIDE_6:
        inside = IPv4Address(int(address) & 0xFFFFFFFF)
    return address if inside is None else inside
