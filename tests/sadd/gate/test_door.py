"""The door of a waiting room: who is in, who comes in with a pass, and in which form the others are told."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import msgspec
import pytest

from queueing.activation import Activation, Always, Automatic, Mode, Scheduled
from queueing.passes import Pass, PassKey, PassOffice
from queueing.policy import Method, Room
from queueing.rooms import Rooms
from queueing.spent import SpentPasses
from queueing.store import StoreUnavailable
from queueing.ticket import TicketKeys, TicketOffice
from queueing.valkey import ValkeyStore
from sadd.catalogue.model import Name
from sadd.gate.door import Door
from sadd.gate.exchange import LOOK_SECONDS, Exchange
from sadd.gate.gate import Gate
from sadd.gate.reply import Reply
from sadd.rooms.resolving import in_mode, mode_of
from sadd.rooms.spec import RoomSpec
from sadd.settings import Gate as GateSettings
from tests.queueing.ledger import PlainLedger
from tests.sadd.gate.scene import POLICY, REFUSED, OneSession, ScriptedDesk, knock
from tests.sadd.web.scene import View, catalogue
from tests.stores import StoppableValkey, connected, stoppable_valkey

SERVICE = POLICY.id
OFFICE = PassOffice([PassKey("0000000b", b"p" * 32)])
TICKETS = TicketOffice(TicketKeys("0000000a", {"0000000a": b"t" * 32}))
BROWSER = {"Accept": "text/html,application/xhtml+xml", "User-Agent": "Mozilla/5.0"}
ROOM_URL = f"https://queue.example/queue/hall?service={SERVICE}&path="


def spec(
    activation: Activation | None = None, method: Method = "fifo", services: tuple[str, ...] = (SERVICE,)
) -> RoomSpec:
    room = Room("hall", 60, 10, 60_000, 600_000, method=method)
    return RoomSpec(room, Name("قاعة", "Hall"), "moehe", services, activation or Always())


@dataclass
class Hall:
    """One room."""

    spec: RoomSpec

    def of_service(self, service_id: str) -> RoomSpec | None:
        return self.spec if service_id in self.spec.services else None


@dataclass
class Scene:
    hall: Hall
    gate: Gate
    desk: ScriptedDesk
    came: list[tuple[str, bytes]]

    async def visit(self, uri: str = "/results", **headers: str) -> Reply:
        told = {"X-Original-URI": uri, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.gate.decide(knock(headers=told))


def scene(spent: SpentPasses, hall: Hall, clock: Callable[[], float] = time.time) -> Scene:
    desk = ScriptedDesk()
    came: list[tuple[str, bytes]] = []
    door = Door(
        hall,
        OFFICE,
        Exchange(OFFICE, spent, clock=clock),
        rooms_url="https://queue.example",
        came=lambda room, mark: came.append((room, mark)),
    )
    settings = GateSettings(trusted_proxies="10.0.0.0/8")
    return Scene(hall, Gate(desk, OneSession(), View(catalogue()), settings, door), desk, came)


@pytest.fixture
async def hall(valkey_url: str) -> AsyncIterator[Scene]:
    async with connected(valkey_url) as client:
        yield scene(SpentPasses(client), Hall(spec()))


def a_pass(number: int = 1, room: str = "hall", service: str = SERVICE, seconds: int = 600) -> str:
    now_s = int(time.time())
    return OFFICE.sign(Pass(room, "ab" * 16, f"{number:032x}", now_s, now_s + seconds, service))


def cookie_of(reply: Reply) -> str:
    """As a browser sends it back."""
    return reply.fields["Set-Cookie"].partition(";")[0]


async def test_a_page_is_led_into_the_room(hall: Scene) -> None:
    """By a redirect that knows the way back, and the limits are not asked."""
    said = await hall.visit("/results?id=7", **BROWSER)
    assert (said.status, said.fields["Location"]) == (302, f"{ROOM_URL}/results%3Fid%3D7")
    assert hall.desk.asked == []


async def test_an_app_is_told_where_the_room_is(hall: Scene) -> None:
    """429 with a problem that a program can read, and the same address in a field."""
    said = await hall.visit(Accept="application/json")
    assert said.problem is not None
    assert (said.status, said.problem.slug) == (429, "waiting-room")
    assert said.problem.extra == {
        "room": "hall",
        "room_url": f"{ROOM_URL}/results",
        "tickets": "/v1/queues/hall/tickets",
    }
    assert said.fields["Sadd-Room"] == f"{ROOM_URL}/results"
    assert int(said.fields["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}, 302),
        ({"Accept": "text/html", "Sec-Fetch-Mode": "cors"}, 429),
        ({"Accept": "*/*", "Sec-Fetch-Mode": "no-cors"}, 429),
        ({"Accept": "*/*"}, 429),
        ({}, 429),
        ({"Accept": "text/html", "User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, 503),
        ({"Accept": "text/html", "User-Agent": "Mozilla/5.0 (compatible; bingbot/2.0)"}, 503),
        ({"Accept": "*/*", "User-Agent": "facebookexternalhit/1.1"}, 503),
        ({"Accept": "text/html", "User-Agent": "Mozilla/5.0 (Linux; Android 11; CUBOT X30) Chrome/98"}, 302),
    ],
)
async def test_the_form_goes_by_the_visitor(hall: Scene, headers: dict[str, str], status: int) -> None:
    """A crawler is asked to come back and never gets a page of ours to keep."""
    said = await hall.visit(**headers)
    assert said.status == status
    assert (status == 302) == ("Location" in said.fields)
    if status != 302:
        assert int(said.fields["Retry-After"]) > 0


async def test_robots_txt_needs_no_pass(hall: Scene) -> None:
    """While it cannot be read a search engine leaves the whole host alone."""
    assert (await hall.visit("/robots.txt", User_Agent="Googlebot/2.1")).status == 200
    assert (await hall.visit("/robots.txt/x", User_Agent="Googlebot/2.1")).status == 503


@pytest.mark.parametrize(
    "uri",
    [
        "/apply.php/..;/robots.txt",
        "/apply/..%2frobots.txt",
        "/apply;/../robots.txt",
        "/%72obots.txt",
        "//robots.txt",
        "/robots.txt;x",
        "/robots.txt#x",
    ],
)
async def test_no_other_spelling_of_robots_txt_goes_round_the_room(hall: Scene, uri: str) -> None:
    """What we take for it some origin takes for a page, and answers in full."""
    assert (await hall.visit(uri)).status == 429
    assert (await hall.visit("/robots.txt", X_Original_Method="POST")).status == 429


async def test_a_pass_is_exchanged_for_an_entry(hall: Scene) -> None:
    """The page is asked for again without the pass, and the entry then lets in as often as one likes."""
    said = await hall.visit(f"/results?id=7&sadd_pass={a_pass()}", **BROWSER)
    assert (said.status, said.fields["Location"]) == (302, "/results?id=7")
    words = said.fields["Set-Cookie"].split("; ")
    assert words[0].startswith(f"sadd_entry_{SERVICE}=")
    assert words[1:] == ["Max-Age=600", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"]
    for _ in range(3):
        assert (await hall.visit(Cookie=f"a=b; {cookie_of(said)}")).status == 200
    assert len(hall.desk.asked) == 3


async def test_who_left_is_out(valkey_url: str) -> None:
    """His entry opens the door for five seconds more at most, and for as long without the store."""
    later_s = 0.0
    async with connected(valkey_url) as client:
        spent, hall = SpentPasses(client), Hall(spec())
        rooms = Rooms(ValkeyStore(client), TICKETS, OFFICE, PlainLedger())
        there = scene(spent, hall, lambda: time.time() + later_s)
        inside = await rooms.join(hall.spec.room)
        assert inside.admission is not None
        entry = cookie_of(await there.visit(Sadd_Pass=inside.admission))
        assert (await there.visit(Cookie=entry)).status == 200

        await rooms.leave(hall.spec.room, inside.ticket)
        assert (await there.visit(Cookie=entry)).status == 200, "asked a moment ago"
        later_s += LOOK_SECONDS
        assert [(await there.visit(Cookie=entry)).status for _ in range(3)] == [429, 429, 429]
        assert there.gate.stats().visitors["ended"] == 3


async def test_an_app_is_through_at_once(hall: Scene) -> None:
    """With the pass in a field there is no redirect: the request goes on and its answer has the entry."""
    said = await hall.visit(Sadd_Pass=a_pass())
    assert said.status == 200
    entry = cookie_of(said).partition("=")[2]
    assert (await hall.visit(Sadd_Entry=entry)).status == 200


async def test_a_form_that_is_sent_with_a_pass_is_not_lost(hall: Scene) -> None:
    """A redirect would drop its body."""
    said = await hall.visit(f"/results?sadd_pass={a_pass()}", X_Original_Method="POST", **BROWSER)
    assert said.status == 200
    assert "Set-Cookie" in said.fields


async def test_a_limit_that_refuses_does_not_cost_the_pass(hall: Scene) -> None:
    """The entry comes with the refusal."""
    hall.desk.says = REFUSED
    said = await hall.visit(Sadd_Pass=a_pass())
    assert said.status == 429
    hall.desk.says = ScriptedDesk().says
    assert (await hall.visit(Cookie=cookie_of(said))).status == 200


async def test_a_replay_on_a_second_device(hall: Scene) -> None:
    """One device is in. The other is led to the room, which says what was wrong."""
    shown = f"/results?sadd_pass={a_pass()}"
    assert (await hall.visit(shown, **BROWSER)).fields["Location"] == "/results"
    other = {**BROWSER, "User-Agent": "another browser"}
    said = await hall.visit(shown, **other)
    assert said.fields["Location"] == f"{ROOM_URL}/results&pass=spent"
    assert "Set-Cookie" not in said.fields


async def test_a_reload_is_no_replay(hall: Scene) -> None:
    """Who loads the page again before its answer came gets the same entry."""
    shown = f"/results?sadd_pass={a_pass()}"
    first, second = [await hall.visit(shown, **BROWSER) for _ in range(2)]
    assert cookie_of(first) == cookie_of(second)


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "x",
        "a.b.c",
        a_pass(room="other"),
        a_pass(service="moph-clinic"),
        a_pass(seconds=-1),
        OFFICE.sign_entry(Pass("hall", "h", "i", 0, 2**33, SERVICE)),
        PassOffice([PassKey("0000000b", b"x" * 32)]).sign(Pass("hall", "h", "i", 0, 2**33)),
        "\udcff\udcfe",
    ],
)
async def test_what_is_no_pass_for_here_opens_nothing(hall: Scene, shown: str) -> None:
    """Not another room's or service's, not one that ended, not an entry, not a forged one."""
    for headers in ({"Sadd-Pass": shown}, {}):
        uri = "/results" if headers else f"/results?sadd_pass={shown}"
        assert (await hall.visit(uri, **headers)).status == 429


async def test_two_passes_are_none(hall: Scene) -> None:
    """One of them is not his."""
    said = await hall.visit(f"/results?sadd_pass={a_pass(1)}&sadd_pass={a_pass(2)}")
    assert said.status == 429
    assert (await hall.visit(f"/results?sadd_pass={a_pass(1)}", **BROWSER)).fields["Location"] == "/results"


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "x",
        a_pass(),
        OFFICE.sign_entry(Pass("hall", "h", "i", 0, 1, SERVICE)),
        OFFICE.sign_entry(Pass("hall", "h", "i", 0, 2**33, "moph-clinic")),
        OFFICE.sign_entry(Pass("other", "h", "i", 0, 2**33, SERVICE)),
        PassOffice([PassKey("0000000c", b"p" * 32)]).sign_entry(Pass("hall", "h", "i", 0, 2**33, SERVICE)),
    ],
)
async def test_what_is_no_entry_for_here_opens_nothing(hall: Scene, entry: str) -> None:
    """A pass that was not spent neither, nor an entry of another service of the same room."""
    assert (await hall.visit(Sadd_Entry=entry)).status == 429
    assert (await hall.visit(Cookie=f"sadd_entry_{SERVICE}={entry}")).status == 429


async def test_a_cookie_of_a_neighbour_hides_no_entry(hall: Scene) -> None:
    """A host beside this one can set a cookie of the same name; both are looked at."""
    entry = OFFICE.sign_entry(Pass("hall", "h", "i", int(time.time()), 2**33, SERVICE))
    name = f"sadd_entry_{SERVICE}"
    assert (await hall.visit(Cookie=f"{name}=forged; {name}={entry}")).status == 200


@pytest.mark.parametrize(
    ("activation", "method", "rush", "waits"),
    [
        (Always(), "fifo", False, True),
        (Always(), "passthrough", False, False),
        (Always(), "closed", False, True),
        (Automatic(joins_per_minute=60), "fifo", False, False),
        (Automatic(joins_per_minute=60), "fifo", True, True),
        (Scheduled(opens_at_ms=1), "fifo", False, True),
        (Scheduled(opens_at_ms=2**43), "fifo", False, False),
        (Scheduled(opens_at_ms=2**43, outside="closed"), "fifo", False, True),
        (Scheduled(opens_at_ms=2**43, gathers_at_ms=1), "lottery", False, True),
    ],
)
async def test_when_nobody_has_to_wait_the_door_is_open(
    hall: Scene, activation: Activation, method: Method, rush: bool, waits: bool
) -> None:
    """By the room's method and the mode that its activation puts it in."""
    asked = spec(activation, method)
    automatic: dict[str, Mode] = {asked.id: "queueing" if rush else "passthrough"}
    hall.hall.spec = in_mode(asked, mode_of(asked, 1_800_000_000_000, automatic))
    assert (await hall.visit()).status == (429 if waits else 200)


async def test_a_pause_shuts_an_open_door(hall: Scene) -> None:
    """An operator who stops everybody stops those as well who would not have to wait."""
    asked = spec(method="passthrough")
    hall.hall.spec = msgspec.structs.replace(asked, room=replace(asked.room, suspended=True))
    assert (await hall.visit()).status == 429


async def test_who_goes_through_a_room_that_goes_by_itself_is_counted(hall: Scene) -> None:
    """Once for each request, by a mark; of other rooms nobody is."""
    hall.hall.spec = in_mode(spec(Automatic(joins_per_minute=60)), "passthrough")
    await hall.visit(**BROWSER)
    await hall.visit(**BROWSER)
    ((room, first), (_, second)) = hall.came
    assert (room, first) == ("hall", second)
    hall.hall.spec = spec(method="passthrough")
    await hall.visit(**BROWSER)
    assert len(hall.came) == 2


async def test_a_service_without_a_room(hall: Scene) -> None:
    """Has no door."""
    hall.hall.spec = spec(services=("other",))
    assert (await hall.visit()).status == 200


async def test_a_proxy_that_passes_on_403_alone(hall: Scene) -> None:
    """It gets no redirect that would be an error there: the visitor is in at once, with his cookie."""
    assert (await hall.visit(X_Sadd_Refusal="403", **BROWSER)).status == 403
    said = await hall.visit(f"/results?sadd_pass={a_pass()}", X_Sadd_Refusal="403", **BROWSER)
    assert (said.status, "Set-Cookie" in said.fields) == (200, True)
    assert (await hall.visit(X_Sadd_Refusal="429", **BROWSER)).status == 302


async def test_a_fault_of_ours_opens_nothing(hall: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is no 500, which some proxies take for a gate that is away."""

    async def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Exchange, "entry", broken)
    said = await hall.visit(Sadd_Pass=a_pass())
    assert (said.status, said.fields["Retry-After"]) == (503, "1")
    assert hall.desk.asked == []


class Renewing:
    """Rooms in which every stay can be renewed, by ten minutes; ``away`` is a store that is."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    async def renew_pass(self, room: Room, pass_id: str) -> str | None:
        self.asked += 1
        if self.away:
            raise StoreUnavailable
        now_s = int(time.time())
        return OFFICE.sign(Pass(room.id, "h", pass_id, now_s, now_s + 600, cap_s=now_s + 3_600))


@pytest.mark.parametrize(
    ("left_s", "cap_s", "away", "renewed"),
    [
        (299, 3_600, False, True),
        (310, 3_600, False, False),
        (299, 0, False, False),
        (299, 3_600, True, False),
    ],
)
async def test_an_entry_is_renewed_by_use(
    valkey_url: str, left_s: int, cap_s: int, away: bool, renewed: bool
) -> None:
    """While half a pass or less is left and the cap is further away; who is in goes on in any case."""
    rooms, now_s = Renewing(), int(time.time())
    rooms.away = away
    hall = Hall(spec())
    async with connected(valkey_url) as client:
        door = Door(hall, OFFICE, Exchange(OFFICE, SpentPasses(client), rooms))
        gate = Gate(ScriptedDesk(), OneSession(), View(catalogue()), GateSettings(), door)
        ends_s = now_s + left_s
        held = OFFICE.sign_entry(Pass("hall", "h", "i", now_s, ends_s, SERVICE, cap_s and now_s + cap_s))
        asking = knock(peer="127.0.0.1", headers={"Sadd-Entry": held})
        said = await gate.decide(asking)
        assert said.status == 200
        assert ("Set-Cookie" in said.fields) == renewed
        if renewed:
            assert "Max-Age=600" in said.fields["Set-Cookie"]
            await gate.decide(asking)
            assert rooms.asked == 1, "the old entry is not renewed at each request"


async def test_what_the_door_counts(hall: Scene) -> None:
    """An operator sees how visitors come."""
    said = await hall.visit(f"/?sadd_pass={a_pass()}", **BROWSER)
    await hall.visit(Cookie=cookie_of(said))
    await hall.visit(f"/?sadd_pass={a_pass()}", Accept="*/*")
    await hall.visit(Sadd_Pass="x")
    stats = hall.gate.stats()
    assert {name: count for name, count in stats.visitors.items() if count} == {
        "inside": 1,
        "entered": 1,
        "pass_invalid": 1,
        "pass_spent": 1,
        "sent_to_room": 2,
    }
    assert {name: count for name, count in stats.replies.items() if count} == {
        "admitted": 1,
        "entered": 1,
        "waiting": 2,
    }


async def test_without_the_store(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Who is in goes on; who comes with a pass cannot be let in, and keeps it."""
    own: StoppableValkey
    with stoppable_valkey(tmp_path_factory.mktemp("valkey")) as own:
        async with connected(own.url, deadline_ms=2_000) as client:
            site = scene(SpentPasses(client), Hall(spec()))
            inside = await site.visit(f"/?sadd_pass={a_pass(1)}", **BROWSER)
            own.stop()
            said = await site.visit(f"/?sadd_pass={a_pass(2)}", **BROWSER)
            assert (said.status, said.fields["Retry-After"]) == (503, "1")
            assert (await site.visit(Cookie=cookie_of(inside))).status == 200
            assert (await site.visit(**BROWSER)).status == 302
