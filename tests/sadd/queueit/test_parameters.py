"""What connectors write, read without belief."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.queueit.parameters import Arrival, Cancelled, arrival_of, cancelled_of, error_of

PASS_ID = "AAAAAAABAaIOJQK1fMsUElPukmRhH7_e"
QUEUE_ID = PASS_ID.encode().hex() + "p"


def test_an_arrival_as_a_connector_writes_it() -> None:
    """Customer, event, target and language count; versions, action, layout and reasons do not."""
    query = {
        "c": "Moehe",
        "e": "results",
        "ver": "javascript-5.0.1",
        "cver": "3",
        "kupver": "javascript-5.0.1",
        "man": "results-queue",
        "cid": "ar-QA",
        "l": "Default",
        "icr": "expired",
        "enqueuetoken": "eyJ0eXAi",
        "t": "https://results.moehe.gov.example/",
    }
    assert arrival_of(query) == Arrival("moehe", "results", "https://results.moehe.gov.example/", "ar")


@pytest.mark.parametrize(
    "query",
    [{}, {"c": "moehe"}, {"e": "results"}, {"c": "mo/ehe", "e": "results"}, {"c": "moehe", "e": "a_b~ts_1"}],
)
def test_what_names_no_site_or_room_is_none(query: dict[str, str]) -> None:
    """Both must be there, in letters that tokens and paths may have."""
    assert arrival_of(query) is None


@pytest.mark.parametrize(("culture", "lang"), [("en-GB", "en"), ("ar", "ar"), ("fr-FR", None), ("", None)])
def test_the_language(culture: str, lang: str | None) -> None:
    """Arabic and English are spoken here; for others the browser's choice holds."""
    arrival = arrival_of({"c": "moehe", "e": "results", "cid": culture})
    assert arrival is not None
    assert arrival.lang == lang


def test_cancelled_places() -> None:
    """Those with a queue id of ours; a place without one holds no slot."""
    places = f"results~{QUEUE_ID}_portal_passports~not-ours"
    assert list(cancelled_of(places)) == [Cancelled("results", PASS_ID)]


@given(st.text(max_size=400))
def test_anything_else_is_no_place(places: str) -> None:
    """Whatever is written there: no error, and at most as many as one visit can have."""
    assert len(list(cancelled_of(places))) <= 16


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("hash/", "hash"),
        ("Timestamp", "timestamp"),
        ("connector/sessionstate/", "connector/sessionstate"),
        ("x/y", "other"),
    ],
)
def test_reasons(code: str, reason: str) -> None:
    """The six that connectors have; whatever else is written counts as one other."""
    assert error_of(code) == reason
