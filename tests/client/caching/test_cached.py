"""Functions whose results are kept."""

import asyncio

from sadd_client import AsyncClient, Client, Loaded, Times
from tests.client.caching.model import Model
from tests.client.doors import KEY

KEPT = Times(60)


async def test_a_coroutine_function_is_called_once(platform: Model) -> None:
    """For each of its arguments; a crowd shares the call, and what is forgotten is asked for anew."""
    async with AsyncClient(platform.url, key=KEY, on_loss="closed", deadline_seconds=5) as client:
        calls: list[int] = []

        @client.cache("pages").cached("results:{year}", times=KEPT, tags=("year:{year}",), codec="json")
        async def results(year: int, *, lang: str = "ar") -> dict[str, int]:
            """The results of a year."""
            calls.append(year)
            return {"year": year}

        found = await asyncio.gather(*(results(2026) for _ in range(10)), results(2025))
        assert found == [{"year": 2026}] * 10 + [{"year": 2025}]
        assert sorted(calls) == [2025, 2026]
        assert (results.key(2026), results.tags(2026)) == ("results:2026", ("year:2026",))
        assert results.__doc__ == "The results of a year."

        await results.forget(2026)
        assert await results(2026) == {"year": 2026}
        assert sorted(calls) == [2025, 2026, 2026]


async def test_a_plain_function_is_called_once(platform: Model) -> None:
    """The same for threads; methods too, whose object is no part of the key unless the template says so."""

    class Office:
        calls = 0

        def page(self, name: str) -> str:
            self.calls += 1
            return f"page of {name}"

    def use() -> tuple[list[str], int]:
        with Client(platform.url, key=KEY, on_loss="closed", deadline_seconds=5) as client:
            office = Office()

            class Kept(Office):
                page = client.cache("pages").cached("page:{name}", times=KEPT, codec="text")(Office.page)

            kept = Kept()
            return [kept.page("a"), kept.page("a"), kept.page("b")], kept.calls + office.calls

    assert await asyncio.to_thread(use) == (["page of a", "page of a", "page of b"], 2)


async def test_a_function_may_say_how_its_result_is_kept(platform: Model) -> None:
    """A page of one citizen alone is called for each time, and never kept."""
    async with AsyncClient(platform.url, key=KEY, on_loss="closed", deadline_seconds=5) as client:
        calls: list[str] = []

        @client.cache("pages").cached("page:{name}", times=KEPT)
        async def page(name: str) -> bytes | Loaded:
            calls.append(name)
            return Loaded(b"mine", shared=name != "mine")

        assert [await page("mine"), await page("mine"), await page("all"), await page("all")] == [b"mine"] * 4
        assert calls == ["mine", "mine", "all"]
