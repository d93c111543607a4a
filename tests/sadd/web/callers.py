"""Whose keys there are in tests of the web, and what they may do."""

from dataclasses import dataclass

from sadd.catalogue.model import Catalogue
from sadd.identity.caller import SCOPES, Caller

MOEHE = {"Authorization": "Bearer sadd_moehe_secret"}
MOPH = {"Authorization": "Bearer sadd_moph_secret"}
READER = {"Authorization": "Bearer sadd_reader_secret"}
"""A key of MOEHE that may only read."""


class Keys:
    def authenticate(self, authorization: str | None) -> Caller | None:
        reading = frozenset({"cache:read", "sessions:read"})
        callers = {
            MOEHE["Authorization"]: Caller("moehe", "moehe", SCOPES),
            MOPH["Authorization"]: Caller("moph", "moph", SCOPES),
            READER["Authorization"]: Caller("reader", "moehe", reading),
        }
        return callers.get(authorization or "")

    def is_stranger(self, authorization: str) -> bool:
        return False

    async def look_up(self, authorization: str) -> None: ...


@dataclass(frozen=True)
class View:
    current: Catalogue
