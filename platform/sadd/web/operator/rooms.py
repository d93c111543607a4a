"""The pages of rooms: the live ones, one of them, and a change before it is made."""

from dataclasses import dataclass

from aiohttp import web

from queueing.history import SAMPLES_MAX
from sadd.rooms.registry import Foreign, Invalid, Stale
from sadd.rooms.spec import RoomSpec
from sadd.rooms.store import NOTE_LENGTH_MAX, StoreUnavailable
from sadd.web.endpoint import Call
from sadd.web.operator.desk import ROOMS_MAX, Desk, Look, Refused, Trial
from sadd.web.operator.door import Visit
from sadd.web.operator.form import fields
from sadd.web.operator.lever import METHODS, Fields, Misused, lever
from sadd.web.operator.page import elsewhere, language_of, message, page
from sadd.web.operator.sight import Interval, Sight, hour, sight, wait_by_settings

ASKED_LENGTH_MAX = 100
KEPT_FIELDS = ("lever", "outflow_per_minute", "active_cap", "method", "message_ar", "message_en")
"""Of the first form, carried through the second."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to who is there now."""

    waiting: int | None
    active: int | None
    wait_before: Interval | None
    wait_after: Interval | None
    over: bool
    """More are active than the new cap allows."""


@dataclass(frozen=True, slots=True)
class LaneRow:
    label: str
    share: float
    waiting: int | None


class RoomPages:
    """What is shown to a visit and done for it; the caller has seen to who sends it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def overview(self, call: Call, visit: Visit) -> web.StreamResponse:
        asked = call.request.query.get("q", "")[:ASKED_LENGTH_MAX].strip()
        caller = visit.caller
        looks = await (self._desk.found(caller, asked) if asked else self._desk.live(caller))
        return page(
            call.request,
            "rooms.html",
            visit=visit,
            asked=asked,
            sights=[_sight(look) for look in looks[:ROOMS_MAX]],
            more=len(looks) > ROOMS_MAX,
            now_ms=self._desk.now_ms,
        )

    async def room(self, call: Call, visit: Visit) -> web.StreamResponse:
        spec = self._spec(call, visit)
        if spec is None:
            return message(call.request, 404, "no_room", visit=visit)
        look = await self._desk.look(spec, SAMPLES_MAX)
        try:
            editions = await self._desk.editions(spec.id)
        except StoreUnavailable:
            editions = []
        told = hour(spec, look.samples, look.now_ms)
        return page(
            call.request,
            "room.html",
            visit=visit,
            sight=_sight(look),
            lanes=_lanes(look, language_of(call.request)),
            hour=told,
            series={
                "seconds": [at_ms / 1000 for at_ms in told.times_ms],
                "charts": {chart.name: chart.values for chart in told.charts},
            },
            editions=editions,
            methods=METHODS,
            done="done" in call.request.query,
            now_ms=look.now_ms,
        )

    async def preview(self, call: Call, visit: Visit) -> web.StreamResponse:
        spec = self._spec(call, visit)
        if spec is None:
            return message(call.request, 404, "no_room", visit=visit)
        try:
            return await self._shown(call, visit, spec, fields(call.request, call.body))
        except (Misused, Refused, StoreUnavailable) as wrong:
            return _said(call, visit, spec, wrong)

    async def apply(self, call: Call, visit: Visit) -> web.StreamResponse:
        spec = self._spec(call, visit)
        if spec is None:
            return message(call.request, 404, "no_room", visit=visit)
        form = fields(call.request, call.body)
        try:
            make = lever(form.get("lever", ""), spec.id, form)
            tag, note = form.get("seen", ""), _line(form.get("note", ""))
            await self._desk.change(visit.caller, spec, make, tag=tag, note=note)
        except Refused as refused:
            if not isinstance(refused.refusal, Stale):
                return _said(call, visit, spec, refused)
        except (Misused, StoreUnavailable) as wrong:
            return _said(call, visit, spec, wrong)
        else:
            return elsewhere(f"/operator/queues/{spec.id}?done=1")
        try:
            return await self._shown(call, visit, spec, form, moved=True)
        except (Misused, Refused, StoreUnavailable) as wrong:
            return _said(call, visit, spec, wrong)

    async def _shown(
        self, call: Call, visit: Visit, spec: RoomSpec, form: Fields, *, moved: bool = False
    ) -> web.StreamResponse:
        """The change before it is made, on the newest settings."""
        trial = await self._desk.trial(visit.caller, spec, lever(form.get("lever", ""), spec.id, form))
        return page(
            call.request,
            "preview.html",
            409 if moved else 200,
            visit=visit,
            trial=trial,
            effect=_effect(trial, await self._desk.look(spec)),
            fields={name: form[name] for name in KEPT_FIELDS if name in form},
            note=form.get("note", "")[:NOTE_LENGTH_MAX],
            moved=moved,
            page_path=f"/operator/queues/{spec.id}",
        )

    def _spec(self, call: Call, visit: Visit) -> RoomSpec | None:
        return self._desk.spec(visit.caller, call.request.match_info["room"])


def _said(
    call: Call, visit: Visit, spec: RoomSpec, wrong: Misused | Refused | StoreUnavailable
) -> web.StreamResponse:
    """Why nothing was changed."""
    status, word, detail = 422, "wrong", ""
    if isinstance(wrong, StoreUnavailable):
        status, word = 503, "store_away"
    elif isinstance(wrong, Misused):
        word, detail = wrong.word, wrong.detail
    elif isinstance(wrong.refusal, Foreign):
        status, word, detail = 403, "no_room", wrong.refusal.what
    elif isinstance(wrong.refusal, Invalid):
        detail = str(wrong.refusal.findings[0])
    back = f"/operator/queues/{spec.id}"
    return message(
        call.request,
        status,
        word,
        detail=detail,
        visit=visit,
        back=back,
        back_word="back_to_room",
        page_path=back,
    )


def _line(note: str) -> str:
    """What a field of one line can send."""
    return "".join(filter(str.isprintable, note))[:NOTE_LENGTH_MAX]


def _sight(look: Look) -> Sight:
    return sight(look.spec, look.status, look.samples, look.now_ms)


def _effect(trial: Trial, look: Look) -> Effect:
    waiting = look.status.waiting if look.status is not None else None
    active = look.status.active if look.status is not None else None
    before, after = trial.before.room, trial.after.room
    paced = waiting and (before.outflow_per_minute, before.active_cap) != (
        after.outflow_per_minute,
        after.active_cap,
    )
    return Effect(
        waiting=waiting,
        active=active,
        wait_before=wait_by_settings(before, waiting) if waiting and paced else None,
        wait_after=wait_by_settings(after, waiting) if waiting and paced else None,
        over=active is not None and after.active_cap < before.active_cap and active > after.active_cap,
    )


def _lanes(look: Look, language: str) -> list[LaneRow]:
    """The open lane and the others, with what is declared of each; none where there is but one."""
    if not look.spec.lanes:
        return []
    statuses = look.status.lanes if look.status is not None else {}
    rows = []
    for id_, share in look.spec.room.shares.items():
        named = next((lane.label for lane in look.spec.lanes if lane.id == id_), None)
        waiting = None
        if look.status is not None:
            own = statuses.get(id_)
            waiting = look.status.issued - look.status.serving if not id_ else own.waiting if own else 0
        rows.append(LaneRow(getattr(named, language) if named else "", share, waiting))
    return rows
