"""The draw's page says what was published and checks a place, without JavaScript, in both languages."""

import re
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from queueing.draw.document import Beacon, Draw
from queueing.draw.draws import Draws
from queueing.draw.postgres import PostgresDraws
from sadd.postgres.pool import AWAY, open_pool
from sadd.rooms.view import RoomsView
from sadd.web.draw_page import endpoints as draw_page
from sadd.web.draw_page.page import DrawView, render, steps, texts
from tests.queueing.draw.chain import OURS, drawn, entries_of, proof_of, signature
from tests.queueing.draw.scene import REFUSED, Scene
from tests.sadd.catalogue.scene import service, small
from tests.sadd.web.scene import Keys, View
from tests.sadd.web.served import Served, served

TRUE = drawn(entries_of(2_000), base=10)
PROOF = proof_of(TRUE, 1_500)


@pytest.fixture
async def page(migrated_database_url: str) -> AsyncIterator[tuple[Served, Scene]]:
    pool = await open_pool(migrated_database_url, pool_max=4, deadline_seconds=10)
    draws = Draws(PostgresDraws(pool, AWAY, REFUSED, OURS), chain=OURS)
    await draws.refresh()
    specs = RoomsView(None, View(small(service("results"))))
    async with served(draw_page.endpoints(draws, specs, OURS), keys=Keys()) as server:
        yield server, Scene(pool, draws)
    await pool.close()


async def _get(server: Served, query: str = "", **headers: str) -> tuple[int, str]:
    async with server.client.get(f"/queue/results/draw{query}", headers=headers) as answer:
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        return answer.status, await answer.text()


async def test_a_place_is_shown_and_each_step_is_right(page: tuple[Served, Scene]) -> None:
    """A place is shown and each step is right."""
    server, scene = page
    await scene.announce()
    receipts = await scene.enter(12)
    await scene.start()
    frozen = await scene.draws.freeze("results")
    assert frozen is not None
    await scene.draws.draw("results", signature(frozen.beacon.round).hex())
    number = await scene.draws.archive.number(receipts[3])

    by_entry = (await _get(server, f"?lang=en&entry={receipts[3].entry.hex()}"))[1]
    by_index = (await _get(server, "?entry=3", **{"Accept-Language": "en"}))[1]

    assert f"<bdi>{number}</bdi>" in by_entry
    assert by_entry.count('class="good"') == 5
    assert 'class="bad"' not in by_entry
    assert by_index.count('class="good"') == 5


async def test_the_page_follows_the_draw_and_says_what_there_is_not(page: tuple[Served, Scene]) -> None:
    """The page follows the draw and says what there is not."""
    server, scene = page
    assert (await _get(server))[0] == 404
    await scene.announce()
    assert texts("ar")["gathering"] in (await _get(server))[1]
    assert texts("en")["not_drawn"] in (await _get(server, "?lang=en&entry=0"))[1]
    await scene.enter(3)
    await scene.start()
    await scene.draws.refresh()
    assert texts("en")["closed"] in (await _get(server, "?lang=en"))[1]
    await scene.draws.freeze("results")
    assert texts("en")["frozen"] in (await _get(server, "?lang=en"))[1]


@pytest.mark.parametrize("typed", ["99", "zz", "0" * 64, "0" * 63, "-1", "<b>", "%00", "٣"])
async def test_what_is_no_entry_is_said_to_be_none(page: tuple[Served, Scene], typed: str) -> None:
    """What is no entry is said to be none."""
    server, scene = page
    await scene.drawn(3)

    status, html = await _get(server, f"?lang=en&entry={typed}")

    assert status == 200
    assert texts("en")["no_entry"] in html
    assert "<b>" not in html


def test_what_is_doctored_is_marked_wrong() -> None:
    """What is doctored is marked wrong."""
    seed = replace(PROOF, draw=replace(PROOF.draw, seed="00" * 32))
    late = replace(PROOF, draw=replace(PROOF.draw, frozen_at_ms=PROOF.draw.beacon.at_ms))
    beacon = replace(PROOF, draw=replace(PROOF.draw, beacon=replace(PROOF.draw.beacon, signature="00" * 48)))

    assert [step.what for step in steps(PROOF) if not step.good] == []
    assert {step.what for step in steps(replace(PROOF, index=1)) if not step.good} == {
        "step_listed",
        "step_place",
    }
    assert {step.what for step in steps(replace(PROOF, place=1)) if not step.good} == {"step_place"}
    assert "step_seed" in {step.what for step in steps(seed) if not step.good}
    assert "step_order" in {step.what for step in steps(late) if not step.good}
    assert "step_beacon" in {step.what for step in steps(beacon) if not step.good}


def test_both_languages_say_the_same_things() -> None:
    """Both languages say the same things."""
    assert texts("ar").keys() == texts("en").keys()
    for lang in ("ar", "en"):
        html = render(DrawView(lang, "نتائج", "/v1", PROOF.draw, PROOF)).html
        assert f'lang="{lang}"' in html
        assert not re.search(r"\{\{|\}\}", html.split("<script")[0])


def test_a_room_s_name_or_a_statement_ends_no_script() -> None:
    """A room's name or a statement ends no script."""
    beacon = Beacon("statement", 1, source="</script><script>alert(1)</script>", text="</script>")
    draw: Draw = replace(PROOF.draw, beacon=beacon)

    html = render(DrawView("en", "<script>", "/v1", draw, replace(PROOF, draw=draw))).html

    assert html.count("<script") == 2
    assert "alert(1)</script>" not in html
