"""Which of several answers of one URL is for this request (RFC 9111, section 4.1).

Accept-Encoding and Accept-Language are brought to few forms before they are compared, and in that form they
are sent, so that a URL has a handful of variants and not one for each browser.
"""

from cache.rfc9111.fields import Fields, elements, joined, without
from cache.rfc9111.policy import Policy

ANY = b"*"


def vary_names(fields: Fields) -> tuple[bytes, ...] | None:
    """Names in small letters, sorted; None: ``*`` is among them, and no request matches (section 4.1).

    An answer that is coded varies by Accept-Encoding, even if its origin forgot to say so.
    """
    names = {name.lower() for name in elements(fields, b"vary")}
    if ANY in names:
        return None
    if any(coding.lower() != b"identity" for coding in elements(fields, b"content-encoding")):
        names.add(b"accept-encoding")
    return tuple(sorted(names))


def vary_key(names: tuple[bytes, ...], fields: Fields, policy: Policy) -> bytes:
    """Equal for requests that the same variant answers; empty where there is nothing to vary by."""
    return b"\n".join([_selecting(name, fields, policy) for name in names])


def normal_fields(fields: Fields, policy: Policy) -> Fields:
    """The fields with both negotiated ones in their few forms."""
    rest = without(fields, b"accept-encoding", b"accept-language")
    language = accepted_language(fields, policy)
    coding = (b"accept-encoding", accepted_codings(fields, policy))
    return (*rest, coding, (b"accept-language", language)) if language else (*rest, coding)


def accepted_codings(fields: Fields, policy: Policy) -> bytes:
    """Those of ``policy.coded`` that the client takes, in that order; else ``identity``."""
    told = _weighed(fields, b"accept-encoding")
    any_weight = told.get(ANY, 0.0)
    taken = [coding for coding in policy.coded if told.get(coding, any_weight) > 0]
    return b", ".join(taken) or b"identity"


def accepted_language(fields: Fields, policy: Policy) -> bytes:
    """The one of ``policy.languages`` that the client likes best (RFC 4647, section 3.4); else empty.

    Without such a list: all that it named, tidied up.
    """
    told = _weighed(fields, b"accept-language")
    ranked = sorted((name for name, weight in told.items() if weight > 0), key=lambda name: -told[name])
    if not policy.languages:
        return b", ".join(ranked)
    for name in ranked:
        while name:
            if name in policy.languages:
                return name
            name = name.rpartition(b"-")[0]
    return b""


def _selecting(name: bytes, fields: Fields, policy: Policy) -> bytes:
    """A missing field matches a missing one only, whence the sign behind the name."""
    if name == b"accept-encoding":
        return name + b"=" + accepted_codings(fields, policy)
    if name == b"accept-language":
        return name + b"=" + accepted_language(fields, policy)
    value = joined(fields, name)
    if value is None:
        return name + b"!"
    return name + b"=" + b",".join(elements(fields, name))


def _weighed(fields: Fields, name: bytes) -> dict[bytes, float]:
    """Members in small letters with their weights; a weight that cannot be read is 1 (RFC 9110, 12.4.2)."""
    return {
        member.partition(b";")[0].strip().lower(): _weight(member.partition(b";")[2])
        for member in elements(fields, name)
    }


def _weight(parameters: bytes) -> float:
    name, _, value = parameters.partition(b"=")
    if name.strip().lower() != b"q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 1.0
