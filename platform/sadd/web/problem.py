"""Errors on the wire: RFC 9457 problem details with stable type URIs."""

from collections.abc import Mapping
from typing import Any

TYPE_BASE = "https://sadd.example/problems/"
"""Prefix of every ``type`` URI. The docs have a page with an anchor for each slug."""


class Problem(Exception):
    """An answer that is an error. Raise it anywhere below a handler.

    ``slug`` is the stable last part of the type URI (``invalid-request``), ``extra`` are extension
    members (RFC 9457 section 3.2), ``headers`` e.g. ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str = "",
        *,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {slug}: {detail or title}")
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})
