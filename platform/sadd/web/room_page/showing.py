"""From where a visitor stands and what everyone may know of the room to the view of one page."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from queueing.estimate import Prospect
from queueing.standing import RoomStatus, Standing, State
from sadd.catalogue.model import Catalogue
from sadd.rooms.spec import RoomSpec
from sadd.web.room_page.look import Look
from sadd.web.room_page.speech import Speech
from sadd.web.room_page.target import by_connector, page_of, service_of, target
from sadd.web.room_page.view import Fault, PageState, Place, RoomView, Share, Work

CODE_FRAGMENT = "code"
_ALONE: Mapping[str, PageState] = {
    "closed": "closed",
    "scheduled": "scheduled",
    "gathering": "gathering",
    "ended": "ended",
}
_WAITING: Mapping[str, PageState] = {
    "paused": "paused",
    "closed": "closed",
    "scheduled": "early",
    "gathering": "early",
    "ended": "ended",
}
_OF_A_PLACE: Mapping[State, PageState] = {
    "gathering": "gathered",
    "called": "called",
    "admitted": "admitted",
    "expired": "expired",
    "abandoned": "left",
    "completed": "left",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What one request's page is made from. ``base`` is the platform's own address, for the QR code."""

    spec: RoomSpec
    catalogue: Catalogue
    look: Look
    kept: dict[str, str]
    base: str
    zone: ZoneInfo
    now_ms: int
    cookies: bool
    once: str

    @property
    def path(self) -> str:
        return f"/queue/{quote(self.spec.id, safe='')}"

    @property
    def address(self) -> str:
        """The page's own, with this look."""
        return f"{self.path}?{self.look.query(self.kept)}"

    def target(self, standing: Standing) -> str | None:
        """Where a visitor with a pass goes."""
        if standing.admission is None:
            return None
        service = service_of(self.spec, self.kept.get("service"))
        path = page_of(self.kept.get("path"))
        if via := self.kept.get("via"):
            return by_connector(self.path, service, path, via)
        return target(self.catalogue, service, path, standing.admission)


def state_of(standing: Standing | None, status: RoomStatus, *, by_draw: bool = False) -> PageState:
    """What page a visitor sees. Before an event without a draw (``by_draw``) people stand in line already."""
    if (
        status.state == "ended"
        and status.stock_left == 0
        and (standing is None or standing.state == "waiting")
    ):
        return "stock_ended"
    if standing is None:
        return "join" if status.state == "gathering" and not by_draw else _ALONE.get(status.state, "join")
    if standing.state == "waiting":
        return _WAITING.get(status.state, "waiting")
    return _OF_A_PLACE[standing.state]


def shown(
    scene: Scene,
    status: RoomStatus,
    standing: Standing | None,
    *,
    code: str | None = None,
    fault: Fault | None = None,
    typed: str = "",
    work: Work | None = None,
    prospect: Prospect | None = None,
) -> RoomView:
    """The page of a room that answers. ``prospect`` says whether the stock lasts until this visitor."""
    by_draw = scene.spec.room.method == "lottery"
    state: PageState = "work" if work is not None else state_of(standing, status, by_draw=by_draw)
    place = None if standing is None or state == "left" else _place(scene, standing, code)
    return _view(
        scene,
        state,
        place=place,
        fault=fault,
        typed=typed,
        work=work,
        room_state="queueing" if status.state == "open" else status.state,
        stock_left=status.stock_left,
        short=prospect == "unlikely" and state in ("waiting", "paused"),
        opens_at_ms=standing.opens_at_ms if standing and standing.opens_at_ms else status.opens_at_ms,
        draw_url=_draw_url(scene, standing) if by_draw else None,
        target=None if standing is None else scene.target(standing),
    )


def away(scene: Scene, ticket: str, code: str | None) -> RoomView:
    """The page while the store does not answer: the place is in the ticket, which nobody lost."""
    place = None
    if ticket:
        place = Place(None, code=code, code_url=_code_url(scene, code), ticket=_carried(scene, ticket))
    return _view(scene, "away", place=place, room_state="away")


def _view(
    scene: Scene, state: PageState, *, room_state: str, place: Place | None, **more: object
) -> RoomView:
    spec, lang = scene.spec, scene.look.lang
    agency = scene.catalogue.agencies.get(spec.agency)
    return RoomView(
        room=spec.id,
        state=state,
        speech=Speech(lang, spec.digits, scene.zone),
        look=scene.look,
        name=getattr(spec.name, lang),
        agency=getattr(agency.name, lang) if agency is not None else "",
        action=scene.address,
        status_url=f"/v1/queues/{quote(spec.id, safe='')}",
        room_state=room_state,
        now_ms=scene.now_ms,
        window_ms=spec.room.claim_window_ms,
        logo=spec.logo,
        message=getattr(spec.message, lang) if spec.message is not None else None,
        place=place,
        shares=shares_of(spec, lang),
        once=scene.once,
        cookies=scene.cookies,
        kept=scene.kept,
        **more,  # type: ignore[arg-type]  # fields of the view by their names
    )


def _place(scene: Scene, standing: Standing, code: str | None) -> Place:
    wait = standing.estimate_ms
    return Place(
        number=standing.number or None,
        ahead=max(standing.position - 1, 0),
        lane=standing.lane,
        wait_ms=(wait.low, wait.high) if wait.high else None,
        poll_after_ms=standing.poll_after_ms,
        code=code,
        code_url=_code_url(scene, code),
        ends_in_ms=standing.expires_in_ms,
        ticket=_carried(scene, standing.ticket),
        entry=standing.entry,
    )


def _draw_url(scene: Scene, standing: Standing | None) -> str:
    """The entry is in the public list, so it may be in an address."""
    entry = {} if standing is None or standing.entry is None else {"entry": standing.entry}
    return f"{scene.path}/draw?{urlencode({'lang': scene.look.lang, **entry})}"


def _carried(scene: Scene, ticket: str) -> str | None:
    return None if scene.cookies else ticket


def _code_url(scene: Scene, code: str | None) -> str | None:
    return None if code is None else f"{scene.base}{scene.path}#{CODE_FRAGMENT}={code}"


def shares_of(spec: RoomSpec, lang: str) -> tuple[Share, ...]:
    """Each lane's declared share, which the public may know; nothing where all stand in one line."""
    if not spec.lanes:
        return ()
    named = tuple(Share(getattr(lane.label, lang), round(lane.share * 100)) for lane in spec.lanes)
    return (Share(None, 100 - sum(share.per_hundred for share in named)), *named)
