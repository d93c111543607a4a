"""Scenarios as they are shipped."""

import pytest

from loadtests.citizen import Citizen, citizen
from loadtests.objectives import read_objectives
from loadtests.scenario import load, names


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_loads(name: str) -> None:
    """Scenario, shape and objectives can be read, and the shape says where its numbers come from."""
    scenario = load(name)

    assert scenario.name == name
    assert scenario.shape.source
    assert scenario.shape.censored
    assert read_objectives(scenario.folder).served_well_share_min > 0


def test_scale_is_demand_over_capacity() -> None:
    """At scale 4 the busiest hour asks the origin for four times the work that it bears."""
    scenario = load("results-day", scale=4.0)
    rate = scenario.rate()
    hour = scenario.arrive_seconds / 5

    busiest = (rate.integral(2 * hour) - rate.integral(hour)) / hour

    assert busiest * scenario.work_per_citizen == pytest.approx(4 * scenario.origin.capacity, rel=0.01)


def test_unknown_scenario_names_the_known() -> None:
    """A misspelt name is answered with the names that there are."""
    with pytest.raises(LookupError, match="there is: results-day"):
        load("results-dya")


def crowd(count: int) -> list[Citizen]:
    figures = load("results-day").citizen
    return [citizen(figures, 1, number) for number in range(count)]


def test_a_citizen_is_the_same_in_every_process() -> None:
    """Traits depend on seed and number alone."""
    assert crowd(50) == crowd(50)


def test_the_crowd_has_the_stated_shares() -> None:
    """Scripts, reloads and shared candidates come as often as the scenario says."""
    people, figures = crowd(4000), load("results-day").citizen

    scripts = [one for one in people if one.reloads == figures.script_reloads]
    once = [one for one in people if one.reloads == 1]
    candidates = {one.candidate for one in people}

    assert len(scripts) / 4000 == pytest.approx(figures.scripts, abs=0.01)
    assert len(once) / 4000 == pytest.approx(figures.reload_once, abs=0.03)
    assert 1 - len(candidates) / 4000 == pytest.approx(figures.same_candidate, abs=0.03)
