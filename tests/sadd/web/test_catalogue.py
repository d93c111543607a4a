"""The catalogue over HTTP: lists, search, tags, and edits."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
import pytest
from yarl import URL

from sadd.catalogue.importing import import_catalogue
from sadd.catalogue.model import Catalogue
from sadd.catalogue.view import CatalogueView, of
from sadd.identity.caller import Caller
from sadd.postgres.pool import Pool, open_pool
from sadd.web.catalogue import endpoints
from sadd.web.catalogue_edits import SERVICE_BYTES_MAX
from tests.sadd.catalogue.scene import TODAY, service, small
from tests.sadd.web.served import Served, served

PATH = "/v1/catalogue/services"
EDUCATION, HEALTH, AUTHORITY, READER = (
    {"Authorization": f"Bearer {who}"} for who in ("education", "health", "authority", "reader")
)


class Keys:
    """A key for each of two agencies, one of the authority, and one that may not write."""

    def authenticate(self, authorization: str | None) -> Caller | None:
        write = frozenset({"catalogue:write"})
        return {
            "Bearer education": Caller("education", "moehe", write),
            "Bearer health": Caller("health", "moph", write),
            "Bearer authority": Caller("authority", "digital-gov", write),
            "Bearer reader": Caller("reader", "moehe", frozenset({"limits:check"})),
        }.get(authorization or "")

    def is_stranger(self, authorization: str) -> bool:
        return False

    async def look_up(self, authorization: str) -> None: ...


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(migrated_database_url, pool_max=4, deadline_seconds=5.0) as opened:
        yield opened


@contextlib.asynccontextmanager
async def serving(
    pool: Pool, catalogue: Catalogue, view: CatalogueView | None = None
) -> AsyncIterator[Served]:
    await import_catalogue(pool, catalogue, "tester")
    view = view or CatalogueView(pool)
    await view.refresh()
    mounted = endpoints(view, pool, authority="digital-gov", today=lambda: TODAY)
    async with served(mounted, keys=Keys()) as server:
        yield server


@pytest.fixture
async def reads() -> AsyncIterator[Served]:
    """A server that has the small catalogue in memory, and no database: reading needs none."""
    nowhere = cast("Pool", None)
    view = CatalogueView(nowhere, begin=of(small()))
    async with served(endpoints(view, nowhere, authority="", today=lambda: TODAY), keys=Keys()) as running:
        yield running


@pytest.fixture
async def server(pool: Pool) -> AsyncIterator[Served]:
    """A server that has the small catalogue."""
    async with serving(pool, small()) as running:
        yield running


async def get(server: Served, path: str = PATH, **parameters: Any) -> Any:
    """The body of a 200."""
    async with server.client.get(path, params=parameters) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def refused(server: Served, code: int, path: str = PATH, **parameters: Any) -> Any:
    """The problem of a refusal."""
    async with server.client.get(path, params=parameters) as answer:
        assert (answer.status, answer.content_type) == (code, "application/problem+json")
        return await answer.json()


def ids(page: Any) -> list[str]:
    return [item["id"] for item in page["items"]]


async def pages(server: Served, path: str = PATH, **parameters: Any) -> list[list[str]]:
    """All pages, by following the cursor."""
    found, cursor = [], None
    while True:
        page = await get(server, path, **parameters, **({"cursor": cursor} if cursor else {}))
        found.append(ids(page))
        if (cursor := page["next_cursor"]) is None:
            return found


ALL = ["moehe-register", "moehe-results", "moph-appointment", "moph-vaccines"]


async def test_services_are_listed(reads: Served) -> None:
    """By id, with every field, in one page if they are few."""
    page = await get(reads)
    assert (ids(page), page["total"], page["next_cursor"]) == (ALL, 4, None)
    assert page["items"][1] == json.loads(msgspec.json.encode(small().services["moehe-results"]))


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"agency": "moph"}, ["moph-appointment", "moph-vaccines"]),
        ({"category": "education"}, ["moehe-register", "moehe-results"]),
        ({"audience": "residents", "agency": "moehe"}, ["moehe-register", "moehe-results"]),
        ({"audience": "visitors"}, []),
        ({"status": "live"}, ALL),
        ({"status": "beta"}, []),
        ({"new": "2020-05-01"}, ALL),
        ({"new": "2020-05-02"}, []),
        ({"new": "3000"}, ALL),
        ({"new": "30"}, []),
        ({"q": "ثانويه"}, ["moehe-results"]),
        ({"q": "Vacination", "agency": "moph"}, ["moph-vaccines"]),
        ({"q": "Vacination", "agency": "moehe"}, []),
    ],
)
async def test_filters_hold_together(reads: Served, filters: dict[str, str], found: list[str]) -> None:
    """Agency, category, audience, status, since when, and words, alone or together."""
    assert ids(await get(reads, **filters)) == found


@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ({"agency": "mophe"}, "nearest: moph"),
        ({"category": "sport"}, "known: education, health"),
        ({"audience": "aliens"}, "known: businesses, citizens, government, residents, visitors"),
        ({"status": "dead"}, "known: any, beta, live, planned, retired"),
        ({"new": "yesterday"}, "neither a number of days"),
        ({"new": "0"}, "neither a number of days"),
        ({"cursor": "x"}, "not a cursor"),
        ({"cursor": "W10"}, "not a cursor"),
        ({"cursor": "ن"}, "not a cursor"),
    ],
)
async def test_an_unknown_value_names_the_known_ones(
    reads: Served, filters: dict[str, str], named: str
) -> None:
    """400, the parameter, and what would be accepted where that is little."""
    problem = await refused(reads, 400, **filters)
    (error,) = problem["errors"]
    assert error["parameter"] in filters
    assert named in error["detail"]


@pytest.mark.parametrize("filters", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"agensy": "moph"}])
async def test_a_parameter_that_breaks_its_rule_is_refused(reads: Served, filters: dict[str, str]) -> None:
    """422, as everywhere on this reads."""
    await refused(reads, 422, **filters)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
async def test_pages_together_are_the_list(reads: Served, limit: int) -> None:
    """Whatever the size of a page, nothing comes twice and nothing is missing."""
    found = await pages(reads, limit=limit)
    assert [id_ for page in found for id_ in page] == ALL
    assert all(len(page) == limit for page in found[:-1])


async def test_pages_of_a_search_are_the_search(reads: Served) -> None:
    """Best first, over all pages."""
    whole = ids(await get(reads, q="وزارة"))
    assert len(whole) == 4
    assert [id_ for page in await pages(reads, q="وزارة", limit=1) for id_ in page] == whole


async def test_paging_is_stable_under_changes(pool: Pool) -> None:
    """A service that comes before the page in hand, and one that goes, move no other service."""
    names = [f"moehe-{letter}" for letter in "bdfhj"]
    view = CatalogueView(pool)
    async with serving(pool, small(*map(service, names)), view) as server:
        first = await get(server, limit=2)
        changed = small(*map(service, ["moehe-a", "moehe-b", "moehe-f", "moehe-g", "moehe-h", "moehe-j"]))
        await import_catalogue(pool, changed, "tester")
        await view.refresh()
        rest = await get(server, limit=10, cursor=first["next_cursor"])
    assert ids(first) == ["moehe-b", "moehe-d"]
    assert ids(rest) == ["moehe-f", "moehe-g", "moehe-h", "moehe-j"]


async def test_a_cursor_outlives_the_item_that_it_names(pool: Pool) -> None:
    """The last service of a page is retired; the next page begins after its place all the same."""
    view = CatalogueView(pool)
    three = small(service("moehe-a"), service("moehe-b"), service("moehe-c"))
    async with serving(pool, three, view) as server:
        first = await get(server, limit=2)
        await import_catalogue(pool, small(service("moehe-a"), service("moehe-c")), "tester")
        await view.refresh()
        assert ids(await get(server, limit=2, cursor=first["next_cursor"])) == ["moehe-c"]


async def test_a_cursor_is_good_for_its_query_only(reads: Served) -> None:
    """With other filters it would skip at random: it is refused."""
    page = await get(reads, limit=1, agency="moph")
    problem = await refused(reads, 400, limit=1, agency="moehe", cursor=page["next_cursor"])
    assert "another query" in problem["detail"]


async def test_retired_services_are_not_offered(pool: Pool) -> None:
    """They are found by their id, and by asking for them."""
    await import_catalogue(pool, small(service("moehe-a"), service("moehe-b"), service("moehe-c")), "tester")
    async with serving(pool, small(service("moehe-a"), service("moehe-b"))) as server:
        assert ids(await get(server)) == ["moehe-a", "moehe-b"]
        assert ids(await get(server, status="retired")) == ["moehe-c"]
        assert ids(await get(server, status="any")) == ["moehe-a", "moehe-b", "moehe-c"]
        assert (await get(server, PATH + "/moehe-c"))["status"] == "retired"


@pytest.mark.parametrize(("kind", "first"), [("agencies", "moehe"), ("apps", "school-app")])
async def test_agencies_and_apps_are_listed(reads: Served, kind: str, first: str) -> None:
    """In pages, and one by one."""
    assert (await pages(reads, f"/v1/catalogue/{kind}", limit=1))[0] == [first]
    assert (await get(reads, f"/v1/catalogue/{kind}/{first}"))["id"] == first


async def test_apps_are_filtered_by_agency(reads: Served) -> None:
    """Those of one agency; an unknown one is refused."""
    assert ids(await get(reads, "/v1/catalogue/apps", agency="moph")) == []
    await refused(reads, 400, "/v1/catalogue/apps", agency="moon")


async def test_what_is_not_there_is_404(reads: Served) -> None:
    """With the id, as a problem."""
    problem = await refused(reads, 404, PATH + "/moehe-none")
    assert problem["type"].endswith("/unknown-entry")
    assert "moehe-none" in problem["detail"]


@pytest.mark.parametrize("path", [PATH, PATH + "?q=results&limit=2", PATH + "/moehe-results"])
async def test_a_body_that_the_caller_has_is_not_sent_again(reads: Served, path: str) -> None:
    """A strong ETag, and 304 without a body for whoever names it, alone, among others, or weakly."""
    async with reads.client.get(path) as answer:
        tag = answer.headers["ETag"]
        assert tag.startswith('"')
        assert "max-age" in answer.headers["Cache-Control"] or answer.headers["Cache-Control"] == "no-cache"
    for sent in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        async with reads.client.get(path, headers={"If-None-Match": sent}) as answer:
            assert (answer.status, await answer.read(), answer.headers["ETag"]) == (304, b"", tag)
    async with reads.client.get(path, headers={"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


# -- edits --------------------------------------------------------------------------------------------


def body(**changes: Any) -> dict[str, Any]:
    """``moehe-results`` as JSON, with other fields."""
    return {**msgspec.to_builtins(small().services["moehe-results"]), **changes}


async def put(
    server: Served, sent: dict[str, Any], who: dict[str, str] = EDUCATION, **conditions: str
) -> tuple[int, Any, str]:
    """Status, body and ETag of a PUT at the body's own id."""
    headers = who | {name.replace("_", "-"): value for name, value in conditions.items()}
    async with server.client.put(f"{PATH}/{sent['id']}", json=sent, headers=headers) as answer:
        return answer.status, await answer.json(), answer.headers.get("ETag", "")


async def tag_of(server: Served, id_: str = "moehe-results") -> str:
    async with server.client.get(f"{PATH}/{id_}") as answer:
        return answer.headers["ETag"]


async def last_audit(pool: Pool) -> tuple[Any, ...]:
    (row,) = await pool.fetch("SELECT actor, action, subject FROM audit ORDER BY id DESC LIMIT 1")
    return tuple(row)


async def test_a_service_is_changed_on_the_state_that_was_seen(server: Served, pool: Pool) -> None:
    """The new state is answered, read back, and audited with what stood there before."""
    name = {"ar": "نتائج الثانوية العامة", "en": "General secondary results"}
    status, answered, tag = await put(server, body(name=name), If_Match=await tag_of(server))
    assert (status, answered["name"]) == (200, name)
    assert (await get(server, PATH + "/moehe-results"))["name"] == name
    assert tag == await tag_of(server)
    row = await pool.fetchrow("SELECT * FROM audit ORDER BY id DESC LIMIT 1")
    assert row is not None
    assert (row["actor"], row["action"], row["subject"]) == (
        "education",
        "catalogue.change",
        "services/moehe-results",
    )
    assert json.loads(row["before"])["name"]["en"] == "Secondary certificate results"
    assert json.loads(row["after"])["name"] == name


async def test_a_stale_state_is_not_written_over(server: Served, pool: Pool) -> None:
    """Of two editors of one state the second gets 412 and the present tag, and changes nothing."""
    seen = await tag_of(server)
    assert (await put(server, body(yearly_volume=1), If_Match=seen))[0] == 200
    status, problem, tag = await put(server, body(yearly_volume=2), If_Match=seen)
    assert (status, problem["type"].rpartition("/")[2]) == (412, "precondition-failed")
    assert tag == await tag_of(server)
    assert (await get(server, PATH + "/moehe-results"))["yearly_volume"] == 1


async def test_of_many_editors_at_once_one_wins(server: Served) -> None:
    """Eight edits of one state: one is written, seven are refused."""
    seen = await tag_of(server)
    edits = (put(server, body(yearly_volume=n + 10), If_Match=seen) for n in range(8))
    statuses = [status for status, _, _ in await asyncio.gather(*edits)]
    assert sorted(statuses) == [200] + [412] * 7


@pytest.mark.parametrize("condition", ["no-quotes", 'W/"weak"', '"other"'])
async def test_a_tag_that_does_not_match_changes_nothing(server: Served, condition: str) -> None:
    """Nor does one that is no tag: it must not count as none at all."""
    assert (await put(server, body(yearly_volume=1), If_Match=condition))[0] == 412
    async with server.client.delete(
        f"{PATH}/moehe-results", headers=EDUCATION | {"If-Match": condition}
    ) as answer:
        assert answer.status == 412


async def test_a_change_needs_a_condition(server: Served) -> None:
    """428 without one: who does not say what they saw may not replace it."""
    status, problem, _ = await put(server, body(yearly_volume=1))
    assert (status, problem["type"].rpartition("/")[2]) == (428, "precondition-required")
    assert (await put(server, body(yearly_volume=1), If_Match="*"))[0] == 200


async def test_a_service_is_made(server: Served, pool: Pool) -> None:
    """201 for a new id; with If-None-Match: * never over one that is there."""
    name = {"ar": "خدمة جديدة", "en": "New thing"}
    assert (await put(server, body(id="moehe-new", name=name)))[0] == 201
    assert await last_audit(pool) == ("education", "catalogue.add", "services/moehe-new")
    assert (await put(server, body(id="moehe-new", name=name), If_None_Match="*"))[0] == 412
    assert ids(await get(server, q="خدمه جديده"))[0] == "moehe-new"


async def test_the_same_again_is_no_change(server: Served, pool: Pool) -> None:
    """Writing what stands there already leaves no audit row and no new version."""
    version = await pool.fetchval("SELECT version FROM catalogue_version")
    assert (await put(server, body(), If_Match="*"))[0] == 200
    assert await pool.fetchval("SELECT version FROM catalogue_version") == version


async def test_the_rules_are_those_of_the_files(server: Served, pool: Pool) -> None:
    """Every rule that is broken is named by its field, and nothing is written."""
    audits = await pool.fetchval("SELECT count(*) FROM audit")
    broken = body(
        capacity={"requests_per_second": 40, "concurrent_users": 0},
        since="2023-02-29",
        origin="http://x",
        protection={"limits": "standart"},
        name={"ar": "Latin", "en": "Registration of new pupils"},
    )
    status, problem, _ = await put(server, broken, If_Match="*")
    assert status == 422
    assert {error["pointer"] for error in problem["errors"]} == {
        "#/capacity/concurrent_users",
        "#/since",
        "#/origin",
        "#/protection/limits",
        "#/name/ar",
        "#/name/en",
    }
    assert await pool.fetchval("SELECT count(*) FROM audit") == audits


async def test_the_id_in_the_body_is_that_of_the_path(server: Served) -> None:
    """A service cannot be renamed by writing it elsewhere."""
    async with server.client.put(f"{PATH}/moehe-other", json=body(), headers=EDUCATION) as answer:
        assert answer.status == 422


async def test_an_id_that_the_database_cannot_hold_is_no_id(server: Served) -> None:
    """A null character, which no text of PostgreSQL may have, breaks a rule like any other."""
    for changes, who in (({"id": "moehe\0"}, EDUCATION), ({"agency": "moehe\0"}, AUTHORITY)):
        sent = body(**changes)
        url = URL(PATH) / sent["id"]
        async with server.client.put(url, json=sent, headers={**who, "If-Match": "*"}) as answer:
            assert answer.status == (412 if "id" in changes else 422)
    async with server.client.put(URL(PATH) / "moehe\0", json=body(id="moehe\0"), headers=EDUCATION) as answer:
        assert (answer.status, (await answer.json())["errors"][0]["pointer"]) == (422, "#/id")
    async with server.client.delete(URL(PATH) / "moehe\0", headers=EDUCATION) as answer:
        assert answer.status == 404


async def test_a_service_has_the_size_of_a_service(server: Served) -> None:
    """What no service needs is refused before its rules are judged, which would hold up the worker."""
    status, problem, _ = await put(server, body(audience=["citizens"] * 20_000), If_Match="*")
    assert (status, problem["limit_bytes"]) == (413, SERVICE_BYTES_MAX)


@pytest.mark.parametrize(
    ("who", "sent"),
    [
        (HEALTH, body(yearly_volume=1)),
        (HEALTH, body(agency="moph")),
        (EDUCATION, body(agency="moph")),
        (EDUCATION, body(id="moph-new", agency="moph")),
    ],
)
async def test_a_foreign_agency_writes_nothing(
    server: Served, pool: Pool, who: dict[str, str], sent: dict[str, Any]
) -> None:
    """Neither another's service, nor its own into another's, nor another's into its own."""
    status, problem, _ = await put(server, sent, who, If_Match="*")
    assert (status, problem["type"].rpartition("/")[2]) == (403, "foreign-agency")
    assert (await last_audit(pool))[0] == "tester"


async def test_the_authority_writes_every_agency_s_services(server: Served, pool: Pool) -> None:
    """Its keys are not bound to one agency."""
    assert (await put(server, body(yearly_volume=1), AUTHORITY, If_Match="*"))[0] == 200
    assert (await last_audit(pool))[0] == "authority"


@pytest.mark.parametrize(("who", "status"), [({}, 401), (READER, 403)])
async def test_a_writer_needs_the_scope(server: Served, who: dict[str, str], status: int) -> None:
    """Without a key 401, without the scope 403."""
    assert (await put(server, body(yearly_volume=1), who, If_Match="*"))[0] == status
    async with server.client.delete(f"{PATH}/moehe-results", headers=who) as answer:
        assert answer.status == status


async def test_a_service_is_retired(server: Served, pool: Pool) -> None:
    """DELETE takes it out of the offer, leaves it under its id, and is done once."""
    for _ in range(2):
        async with server.client.delete(f"{PATH}/moehe-results", headers=EDUCATION) as answer:
            assert (answer.status, (await answer.json())["status"]) == (200, "retired")
    assert "moehe-results" not in ids(await get(server))
    assert (await get(server, PATH + "/moehe-results"))["status"] == "retired"
    rows = await pool.fetch("SELECT 1 FROM audit WHERE action = 'catalogue.retire'")
    assert (len(rows), await last_audit(pool)) == (
        1,
        ("education", "catalogue.retire", "services/moehe-results"),
    )


async def test_a_foreign_service_is_not_retired(server: Served) -> None:
    """Another agency's is 403, one that is not there 404."""
    for id_, status in (("moph-vaccines", 403), ("moehe-none", 404)):
        async with server.client.delete(f"{PATH}/{id_}", headers=EDUCATION) as answer:
            assert answer.status == status


async def test_without_the_database_reading_goes_on(pool: Pool) -> None:
    """A change is 503 with Retry-After; lists, search and single services are answered from memory."""
    async with serving(pool, small()) as server:
        await pool.close()
        status, problem, _ = await put(server, body(yearly_volume=1), If_Match="*")
        assert (status, problem["type"].rpartition("/")[2]) == (503, "store-unavailable")
        assert ids(await get(server)) == ALL
        assert ids(await get(server, q="vaccines"))[0] == "moph-vaccines"
