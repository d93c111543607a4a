"""OpenID Connect Back-Channel Logout 1.0, received: a provider tells us whom it has signed out.

One endpoint for each provider that an agency has configured. It needs no key: the token is the proof.
Whatever is wrong with a token, the answer is 400 and nothing has changed; what could not be carried out may
be sent again.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from sadd.logout import providers
from sadd.logout.database import DatabaseAway
from sadd.logout.logins import login_of
from sadd.logout.providers import Provider
from sadd.logout.token import TOKEN_BYTES_MAX, InvalidToken, Logout, key_id_of, read
from sadd.postgres.pool import Pool
from sadd.session.store import StoreUnavailable
from sadd.web.away import store_away
from sadd.web.endpoint import Call, Endpoint
from sadd.web.logout_keys import KeysAway, ProviderKeys
from sadd.web.problem import Problem

TAG = "logout"
PATH = "/v1/sessions/logout/backchannel/{provider:lp_[a-z2-7]{16}}"
BODY_BYTES_MAX = TOKEN_BYTES_MAX + 1_024
FORM = "application/x-www-form-urlencoded"


class Ending(Protocol):
    """What ends sessions. Each raises StoreUnavailable when it could not."""

    async def of_subject(self, agency: str, subject: str) -> None: ...

    async def of_login(self, agency: str, subject: str, login: str) -> None:
        """Those that a provider's session signed in."""


class Logins(Protocol):
    """sadd.logout.logins."""

    async def subject(self, agency: str, login: str) -> str | None: ...


class View(Protocol):
    @property
    def current(self) -> Mapping[str, Provider]: ...


@dataclass(frozen=True, slots=True)
class BackchannelStats:
    accepted: int
    refused: int
    """Tokens that were wrong in any way."""
    repeated: int
    """Tokens that came once more."""
    failed: int
    """Could not be carried out, or not be judged: a store or the provider's keys were away."""
    fetched: int
    """Key sets."""
    fetches_failed: int


@dataclass(slots=True)
class Backchannel:
    """Of one worker. ``clock`` is in seconds since the epoch."""

    pool: Pool
    view: View
    keys: ProviderKeys
    logins: Logins
    ending: Ending
    clock: Callable[[], float] = time.time
    counts: Counter[str] = field(default_factory=Counter)

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                "POST",
                PATH,
                self.take,
                "A provider has signed somebody out",
                TAG,
                raw_body=True,
                body_bytes_max=BODY_BYTES_MAX,
                answers={200: None, 400: None, 404: None, 503: None},
                description="The `backchannel_logout_uri` of OpenID Connect Back-Channel Logout 1.0: a form "
                "with `logout_token`. Give your provider this address with the id that "
                "`POST /v1/sessions/logout/providers` gave you.",
            )
        ]

    def stats(self) -> BackchannelStats:
        counts = self.counts + self.keys.counts
        return BackchannelStats(**{name: counts[name] for name in BackchannelStats.__slots__})

    async def take(self, call: Call) -> web.StreamResponse:
        provider = self.view.current.get(call.request.match_info["provider"])
        if provider is None:
            raise Problem(404, "unknown-provider", "There is no such provider.")
        try:
            text = _token(call)
            key = await self.keys.key(provider, key_id_of(text))
            asked = read(text, key, provider.pinned, self.clock())
        except InvalidToken as wrong:
            self.counts["refused"] += 1
            raise refused(str(wrong)) from None
        except KeysAway as away:
            self.counts["failed"] += 1
            raise store_away(f"Nothing was ended: {away}.") from None
        await self._once(provider, asked)
        return web.Response(status=200)

    async def _once(self, provider: Provider, asked: Logout) -> None:
        try:
            if not await providers.claim(self.pool, provider, asked):
                self.counts["repeated"] += 1
                raise refused("it came before")
            try:
                await self._carry_out(provider, asked)
            except (StoreUnavailable, DatabaseAway):
                await providers.release(self.pool, provider, asked)
                raise
            await providers.carried_out(self.pool, provider, asked)
        except (StoreUnavailable, DatabaseAway):
            self.counts["failed"] += 1
            raise store_away("Nobody knows whether all has ended. Send the token again.") from None
        self.counts["accepted"] += 1

    async def _carry_out(self, provider: Provider, asked: Logout) -> None:
        """A session of the provider that is known here ends what it signed in, and nothing else of the
        subject. One that is not known, and a subject alone, is all of the subject."""
        if asked.session is not None:
            login = login_of(provider.id, asked.session)
            subject = await self.logins.subject(provider.agency, login)
            if subject is not None:
                await self.ending.of_login(provider.agency, subject, login)
                return
        if asked.subject is not None:
            await self.ending.of_subject(provider.agency, asked.subject)


def refused(what: str) -> Problem:
    """400, in the words of RFC 9457 and of OAuth 2.0, which providers look at."""
    return Problem(
        400,
        "invalid-logout-token",
        "The logout token is not accepted.",
        f"It is refused: {what}.",
        extra={"error": "invalid_request", "error_description": what},
    )


def _token(call: Call) -> str:
    if call.request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower() != FORM:
        raise InvalidToken(f"the body is not {FORM}")
    try:
        fields = parse_qsl(call.body.decode("ascii"), strict_parsing=True, max_num_fields=16)
    except ValueError:
        raise InvalidToken("the body is no form") from None
    tokens: list[str] = [value for name, value in fields if name == "logout_token"]
    if len(tokens) != 1:
        raise InvalidToken("the form has not one logout_token")
    return tokens[0]
