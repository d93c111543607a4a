"""A person's sessions: seen, and ended one by one or all at once."""

from dataclasses import dataclass

from aiohttp import web

from sadd.session.sessions import Sessions, UnknownSession
from sadd.web.answer import json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import invalid_request
from sadd.web.sessions import BODY_BYTES_MAX, ROOT, SHOWN, TAG
from sadd.web.sessions_cookie import CLEAR_SITE_DATA
from sadd.web.sessions_refused import refusing, shown
from sadd.web.sessions_shapes import ListRequest, RevokeAllRequest, SessionsAnswer, listed_answer

REF = "{ref:[A-Za-z0-9_-]{33}}"


def endpoints(sessions: Sessions) -> list[Endpoint]:
    own = _Listed(sessions)
    return [
        Endpoint(
            "GET",
            ROOT,
            own.of_shown,
            "The sessions of who has this one",
            TAG,
            answers={200: SessionsAnswer, 404: None, 503: None},
            scope="sessions:read",
            headers=SHOWN,
        ),
        Endpoint(
            "POST",
            f"{ROOT}/list",
            own.of_subject,
            "The sessions of a subject",
            TAG,
            ListRequest,
            answers={200: SessionsAnswer, 403: None, 503: None},
            scope="sessions:admin",
            body_bytes_max=BODY_BYTES_MAX,
            description="For administrators: anybody's. A POST, so that nobody's name stands in a URL.",
        ),
        Endpoint(
            "DELETE",
            f"{ROOT}/{REF}",
            own.end,
            "End one session of the list",
            TAG,
            answers={204: None, 404: None, 503: None},
            scope="sessions:write",
            headers=SHOWN,
            description="With a session shown only one of the same person; without, any of your agency.",
        ),
        Endpoint(
            "POST",
            f"{ROOT}/revoke-all",
            own.revoke_all,
            "End all sessions of a subject",
            TAG,
            RevokeAllRequest,
            answers={204: None, 404: None, 503: None},
            scope="sessions:write",
            body_bytes_max=BODY_BYTES_MAX,
            headers=SHOWN,
            description="Those of your agency, at once and however many they are.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Listed:
    sessions: Sessions

    async def of_shown(self, call: Call) -> web.StreamResponse:
        with refusing():
            session = await self.sessions.get(call.agency, shown(call.request))
            found = await self.sessions.listed(call.agency, session.subject)
        return json_answer(SessionsAnswer([listed_answer(one, session.ref) for one in found]))

    async def of_subject(self, call: Call) -> web.StreamResponse:
        body: ListRequest = call.body
        with refusing():
            found = await self.sessions.listed(call.agency, body.subject)
        return json_answer(SessionsAnswer([listed_answer(one, "") for one in found]))

    async def end(self, call: Call) -> web.StreamResponse:
        ref = call.request.match_info["ref"]
        with refusing():
            if session_id := shown(call.request):
                session = await self.sessions.get(call.agency, session_id)
                own = await self.sessions.listed(call.agency, session.subject)
                if ref not in {one.ref for one in own}:
                    raise UnknownSession
            await self.sessions.revoke_ref(call.agency, ref)
        return web.Response(status=204)

    async def revoke_all(self, call: Call) -> web.StreamResponse:
        body: RevokeAllRequest = call.body
        with refusing():
            session_id = shown(call.request)
            if not session_id and (body.subject is None or body.keep_current):
                raise invalid_request("name a subject, or show a session")
            subject = body.subject
            if session_id:
                session = await self.sessions.get(call.agency, session_id)
                if subject not in (None, session.subject):
                    raise invalid_request("the session that is shown is another subject's")
                subject = session.subject
            assert subject is not None, "one of the two says"
            await self.sessions.revoke_all(
                call.agency, subject, except_id=session_id if body.keep_current else None
            )
        headers = {} if body.keep_current else {"Clear-Site-Data": CLEAR_SITE_DATA}
        return web.Response(status=204, headers=headers)
