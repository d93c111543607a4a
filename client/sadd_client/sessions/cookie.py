"""The cookie that carries a session's id, and nothing else (ASVS 5, 3.3.1 to 3.3.5).

``__Host-`` makes browsers refuse it from another host, from plain HTTP, and for less than the whole host.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

COOKIE_BYTES_MAX = 4_096
LIFE_SECONDS_MAX = 400 * 24 * 3600
"""Browsers keep none for longer (RFC 6265bis, 5.5)."""
PREFIX = "__Host-"


@dataclass(frozen=True, slots=True)
class Cookie:
    """``keep_seconds`` None: it goes with the browser. Raises ValueError for a name that does not protect."""

    name: str = "__Host-sadd_session"
    same_site: Literal["Lax", "Strict"] = "Lax"
    keep_seconds: int | None = None

    def __post_init__(self) -> None:
        if not self.name.startswith(PREFIX) or not self.name.removeprefix(PREFIX).isidentifier():
            raise ValueError("the name of a session's cookie is __Host- and letters, digits or _")
        if self.same_site not in ("Lax", "Strict"):
            raise ValueError("same_site is Lax or Strict")
        if self.keep_seconds is not None and not 0 < self.keep_seconds <= LIFE_SECONDS_MAX:
            raise ValueError("keep_seconds is 1 to 400 days")

    def shown_in(self, fields: Iterable[str]) -> str | None:
        """The id in the values of ``Cookie``. None also where there are two, which only an attack explains.

        Names are compared without regard to case: some servers take ``__HOST-`` for the same, browsers do not
        protect it.
        """
        shown = [
            (name, value)
            for one in "; ".join(fields).split(";")
            for name, _, value in [one.strip().partition("=")]
            if name.lower() == self.name.lower()
        ]
        if len(shown) != 1 or shown[0][0] != self.name:
            return None
        return shown[0][1]

    def set(self, session_id: str) -> str:
        """The value of ``Set-Cookie``. ValueError for an id that no browser would keep."""
        if len(self.name) + len(session_id) > COOKIE_BYTES_MAX or not _is_plain(session_id):
            raise ValueError("the id does not fit into a cookie")
        age = "" if self.keep_seconds is None else f"; Max-Age={self.keep_seconds}"
        return f"{self.name}={session_id}{age}{self._attributes}"

    def drop(self) -> str:
        return f"{self.name}=; Max-Age=0{self._attributes}"

    @property
    def _attributes(self) -> str:
        return f"; Path=/; Secure; HttpOnly; SameSite={self.same_site}"


def _is_plain(text: str) -> bool:
    return text.isascii() and all(letter.isalnum() or letter in "_.~-" for letter in text)
