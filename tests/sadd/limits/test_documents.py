"""The page about rules says what is so, and the dashboard asks for metrics that there are."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from sadd.catalogue.model import Catalogue
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.limits.reading import read_rules
from sadd.limits.rule import Limit, Rule

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/limits.md").read_text("utf-8")
DASHBOARD = json.loads((ROOT / "docs/grafana/limits.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    catalogue = read_folder(SHIPPED, date.today()).catalogue
    assert catalogue is not None
    return catalogue


def test_the_rules_of_the_page_are_rules(tmp_path: Path, shipped: Catalogue) -> None:
    """Each block of YAML is a file without faults, by the shipped catalogue, and all of them together."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 2
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.yaml").write_text(block)
    assert read_rules([tmp_path], shipped).faults == ()


def test_the_page_has_every_field() -> None:
    """Of a rule and of its limit."""
    for field in (*Rule.__struct_fields__, *Limit.__struct_fields__):
        assert f"`{field}`" in PAGE, field


def test_the_dashboard_has_no_gaps() -> None:
    """Each panel asks something, each has its place, and no two share one."""
    panels = DASHBOARD["panels"]
    assert all(panel["targets"] for panel in panels)
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
