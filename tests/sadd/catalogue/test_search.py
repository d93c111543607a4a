"""Services are found by what people type."""

import random
from datetime import date
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.slips import name_rate, slips
from sadd.catalogue import search
from sadd.catalogue.model import Catalogue, Name
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.catalogue.search import Index
from tests.sadd.catalogue.scene import service, small

INDEX = search.build(small())


@cache
def shipped() -> tuple[Catalogue, Index]:
    catalogue = read_folder(SHIPPED, date.today()).catalogue
    assert catalogue is not None
    return catalogue, search.build(catalogue)


def found(query: str, index: Index = INDEX) -> list[str]:
    return [hit.id for hit in index.search(query)]


@pytest.mark.parametrize(
    "query",
    [
        "نتائج الشهادة الثانوية",
        "نتائج الشهاده الثانويه",
        "شهادة",
        "الشهادات",
        "نتايج ثانوية",
        "نَتَائِج الشَّهادة",
        "نتـــائج الثانوية",
        "Secondary certificate results",
        "SECONDARY",
        "secon",
        "certificat",
        "secondry",
        "seocndary",
        "ssecondary",
        "moehe-results",
    ],
)
def test_a_service_is_found(query: str) -> None:
    """In either language, by its id, folded, unfinished, and with a slip of one letter."""
    assert found(query)[0] == "moehe-results"


@pytest.mark.parametrize("query", ["وزارة الصحة", "ministry of health", "الصحه"])
def test_the_name_of_an_agency_finds_its_services(query: str) -> None:
    """All of them, before any other."""
    assert set(found(query)[:2]) == {"moph-appointment", "moph-vaccines"}


@pytest.mark.parametrize("query", ["", " ", "؟!", "ـــ", "\u064e", "xqzwv"])
def test_nothing_is_found_for_nothing(query: str) -> None:
    """A query without a word, or of a word that is like no other, has no hits."""
    assert found(query) == []


def test_the_whole_name_comes_before_a_longer_one() -> None:
    """A service whose name is exactly the query beats one that has the query in its name."""
    exact = service("moehe-z", name=Name("جواز", "Passport"))
    longer = service("moehe-a", name=Name("جواز سفر الخيل", "Passport of horses"), yearly_volume=9_000_000)
    assert found("passport", search.build(small(exact, longer)))[0] == "moehe-z"


def test_the_much_used_comes_first_among_equals() -> None:
    """Of two services that fit alike, the one with more uses a year."""
    rare = service("moehe-a", name=Name("تصريح أ", "Permit one"), yearly_volume=100)
    common = service("moehe-b", name=Name("تصريح ب", "Permit two"), yearly_volume=1_000_000)
    assert found("permit", search.build(small(rare, common))) == ["moehe-b", "moehe-a"]


@given(st.text(max_size=300))
def test_any_text_may_be_asked(query: str) -> None:
    """No query fails; hits are in order and none comes twice."""
    hits = INDEX.search(query)
    assert hits == sorted(hits)
    assert len({hit.id for hit in hits}) == len(hits)


def test_the_same_query_has_the_same_hits() -> None:
    """Two indexes of one catalogue agree, so that a cursor of one worker is good at another."""
    catalogue, index = shipped()
    again = search.build(catalogue)
    for query in ("تجديد جواز", "driving", "رخصة بناء", "vacination"):
        assert again.search(query) == index.search(query)


@pytest.mark.parametrize("language", ["ar", "en"])
def test_one_slip_in_a_name_does_not_hide_its_service(language: str) -> None:
    """With one letter dropped, doubled, swapped, replaced or added in the name of each shipped service,
    the service is among the first five at least 95 times in 100."""
    catalogue, index = shipped()
    assert name_rate(index, list(slips(catalogue, language, random.Random(7)))) >= 0.95
