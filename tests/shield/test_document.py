"""docs/shield.md shows what the shield does."""

import re
from pathlib import Path

import pytest

from tests.shield.origin import Origin, ok
from tests.shield.scene import Answer, Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOWN = re.search(r"```http\n(.*?)```", Path("docs/shield.md").read_text("utf-8"), re.S)


async def test_the_example_is_what_happens(site: Origin, shield: Scene) -> None:
    """Line by line: what is asked, and what comes of it."""
    assert SHOWN is not None
    answer, asked = SHOWN[1].split("\n\n")
    site.says["/results/2026"] = ok(b"0123456789", *answer.split("\n")[1:])
    for line in asked.strip().split("\n"):
        request, told = re.split(r" {2,}", line, maxsplit=1)
        word, _, more = request.partition(" with ")
        said = await shield.ask("/results/2026", *([more] if more else []), method=word.split(" ")[0])
        _check(told, said)
        if word.startswith("POST"):
            await shield.forget()  # the worker's memory hears of it a moment later


def _check(told: str, said: Answer) -> None:
    if told.startswith("Cache-Status: "):
        seconds = re.compile(r"ttl=\d+")
        status = said.get("cache-status") or ""
        assert seconds.sub("ttl", status) == seconds.sub("ttl", told.removeprefix("Cache-Status: "))
    else:
        assert said.status == int(told.split(",")[0])
