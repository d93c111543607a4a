"""Each type of problem is explained."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sadd.web.problem import TYPE_BASE

ROOT = Path(__file__).parents[3]
EXPLAINED = (ROOT / "docs/problems.md").read_text("utf-8")


def raised() -> Iterator[tuple[str, str]]:
    """The slug of every ``Problem(status, "slug", …)`` in the platform, with where it stands."""
    for file in sorted((ROOT / "platform/sadd").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                slug = node.args[1]
                assert isinstance(slug, ast.Constant), f"{file}:{node.lineno}: the slug must be a literal"
                yield str(slug.value), f"{file.relative_to(ROOT)}:{node.lineno}"


SLUGS = dict(raised())


@pytest.mark.parametrize("slug", sorted(SLUGS))
def test_each_type_of_problem_is_explained(slug: str) -> None:
    """docs/problems.md has an anchor and a section for it: what it means, and what to do."""
    assert f"({slug})=\n## {slug}\n" in EXPLAINED, (
        f"{SLUGS[slug]} raises {slug}, docs/problems.md knows it not"
    )


def test_nothing_is_explained_that_does_not_exist() -> None:
    """A section of a problem that nobody raises any more misleads."""
    sections = {line.removeprefix("## ") for line in EXPLAINED.splitlines() if line.startswith("## ")}
    assert sections == set(SLUGS)


def test_the_page_names_the_types_as_they_are_sent() -> None:
    """Whoever searches for the URI finds the page."""
    assert TYPE_BASE in EXPLAINED


def test_the_explanations_are_in_order() -> None:
    """By name, each whole: from its status to a full stop. No paragraph has lost its beginning."""
    introduction, *sections = re.split(r"(?m)^\(([a-z-]+)\)=\n## \1\n\n", EXPLAINED)
    names, texts = sections[::2], sections[1::2]
    assert names == sorted(names)
    for text in texts:
        assert re.match(r"\d{3}[ ,.]", text), text
        assert text.rstrip().endswith("."), text
    assert "\n\n(`" not in introduction
