"""What a request asks of the cache: of which service, under which key, and by whose leave. Pure."""

from dataclasses import dataclass

import msgspec

from cache.rfc9111.asking import bypass
from cache.rfc9111.directives import asked
from cache.rfc9111.message import Request
from cache.rfc9111.policy import Policy
from cache.space import Space
from sadd.catalogue.model import CacheClass
from sadd.gate.shown import session_shown
from sadd.shield.fields import Multi
from sadd.shield.head import Fields, Head
from sadd.shield.hops import for_origin
from sadd.shield.keys import key_of, tag_of
from sadd.shield.sites import Site

LANGUAGES = (b"ar", b"en")


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where a service's pages are kept, and by which rules."""

    site: Site
    space: Space
    policy: Policy
    shared: bool
    """Pages are everybody's unless somebody shows who he is; else only those of the public routes."""


class Page(msgspec.Struct, frozen=True):
    """One request for what may be kept. A struct since one is made for each."""

    shelf: Shelf
    request: Request
    key: str
    host: bytes
    scheme: str
    is_public: bool
    """Everybody's, whoever is signed in."""
    told: Fields
    """What we tell an origin that is the same for all who ask for it."""

    @property
    def tag(self) -> str:
        """All that is kept of its URL."""
        return tag_of(self.scheme, self.host, self.request.target)


def policy_of(rules: CacheClass) -> Policy:
    return Policy(
        heuristic=rules.heuristic,
        negative_ms=rules.negative_seconds * 1000,
        stale_ms=rules.stale_seconds * 1000,
        error_ms=rules.stale_error_seconds * 1000,
        languages=LANGUAGES,
    )


def page_of(head: Head, shelf: Shelf, scheme: str, told: Fields, query: bytes | None = None) -> Page | str:
    """The page, or why this request has nothing to do with the cache.

    ``query`` is the target's as the key has it, where the origin said that some of it does not count.
    """
    is_public = shelf.site.is_public(head.path)
    personal = not is_public and (not shelf.shared or is_personal(head))
    fields = for_origin(head.fields)
    request = Request(head.method, head.target, fields, personal)
    reason = "upgrade" if head.upgrades else "body" if head.has_body else bypass(request)
    if not reason and asked(fields).no_store:
        reason = "request-no-store"
    if reason:
        return reason
    keyed = head.target if query is None else head.path + b"?" + query
    return Page(
        shelf,
        request,
        key_of(scheme, head.host, keyed, head.get(b"origin")),
        head.host,
        scheme,
        is_public,
        told,
    )


def is_personal(head: Head) -> bool:
    """The visitor shows who he is: by a session of ours, or to the origin itself."""
    return head.get(b"authorization") is not None or bool(session_shown(Multi(head.fields)))
