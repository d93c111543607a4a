"""One spelling for what can be spelled in several: routes, addresses, names of header fields.

Rules compare letters. Whoever asks must not come past one by another spelling, nor open one by a slip of the
pen: what nobody could mean is refused, since a rule about it would not hold and nobody would notice.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, inet_pton
from urllib.parse import unquote

from msgspec import structs

from sadd.catalogue.shape import nearest
from sadd.limits.asked import CALLERS, HEADER, Asked
from sadd.limits.pattern import is_address

HEADER_NAME = re.compile(r"header:[a-z0-9!#$%&'*+.^_`|~-]+")

NAMES_KEPT_MAX = 1_024

_PARAMETERS = re.compile(r";[^/]*")
_SLASHES = re.compile(r"/{2,}")


class Misspelt(ValueError):
    """``steps`` are the place in the question, ``index`` which question of a batch it is in."""

    def __init__(self, steps: tuple[str, ...], what: str, index: int | None = None) -> None:
        self.steps, self.what, self.index = steps, what, index
        super().__init__(f"{'.'.join(steps)}: {what}")


def plain(asked: Asked) -> Asked:
    """The question in its one spelling; itself where it has it already. To be called once: ``%2561`` is
    ``%61`` after it, and ``a`` after it again.

    Raises Misspelt.
    """
    route = plain_route(asked.route) if asked.route else ""
    descriptors = _plain_descriptors(asked.descriptors) if asked.descriptors else asked.descriptors
    if route == asked.route and descriptors is asked.descriptors:
        return asked
    return structs.replace(asked, route=route, descriptors=descriptors)


def plain_all(many: Sequence[Asked]) -> list[Asked]:
    """Each question of a batch as ``plain`` has it. Misspelt says which one it is of."""
    found: list[Asked] = []
    for index, one in enumerate(many):
        try:
            found.append(plain(one) if one.route or one.descriptors else one)
        except Misspelt as wrong:
            raise Misspelt(wrong.steps, wrong.what, index) from None
    return found


def plain_route(uri: str) -> str:
    """The path of a URI in one spelling: ``//a/./b/..;v=1/%63?x`` is ``/a/c``.

    Origins take all spellings for the same page, so a rule for that page must too. Servlet containers read
    a segment as far as its semicolon, and ``..;`` as ``..``. What is neither a path nor a URI is a name that
    the caller gave, and stays as it is.
    """
    path = uri.partition("?")[0].partition("#")[0]
    if not path.startswith("/"):  # https://host/path
        _, sign, rest = path.partition("://")
        if not sign:
            return uri
        path = "/" + rest.partition("/")[2]
    if "%" in path:
        path = unquote(path)
    if ";" in path:
        path = _PARAMETERS.sub("", path)
    if "//" in path:
        path = _SLASHES.sub("/", path)
    return _without_dots(path) if "/." in path else path


def parsed(text: str) -> IPv4Address | IPv6Address | None:
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


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _plain_descriptors(said: Mapping[str, str]) -> Mapping[str, str]:
    """The same object where nothing is to be changed: the gate's looks into a header only when asked."""
    changed: dict[str, tuple[str, str]] = {}
    for name in said:
        if name == "ip":
            if not is_address(said[name]):
                changed[name] = name, _address(said[name])
        elif name not in CALLERS and (folded := _header_name(name)) != name:
            changed[name] = folded, said[name]
    if not changed:
        return said
    found = dict(changed.get(name, (name, value)) for name, value in said.items())
    if len(found) < len(said):
        raise Misspelt(("descriptors",), "a header field is given twice, in small letters and in capitals")
    return found


def _address(text: str) -> str:
    address = parsed(text)
    if address is None:
        raise Misspelt(("descriptors", "ip"), f"the ip {text!r} is no address")
    return str(address)


@lru_cache(maxsize=NAMES_KEPT_MAX)
def _header_name(name: str) -> str:
    """Kept, since callers send the same few names again and again. Raises Misspelt."""
    folded = name.lower()
    if folded.startswith(HEADER):
        if HEADER_NAME.fullmatch(folded):
            return folded
        raise Misspelt(("descriptors", name), f"{name!r} names no header: header:<name>")
    hint = nearest(folded, [*CALLERS, f"{HEADER}<name>"])
    raise Misspelt(("descriptors", name), f"no such descriptor: {name!r}{hint}")
