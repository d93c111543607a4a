"""The page looks as its address says, and what the address does not say as the device says."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.web.room_page.look import Look, accepted, look_of


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "ar"),
        ("ar-QA,ar;q=0.9,en;q=0.8", "ar"),
        ("en-GB,en;q=0.9", "en"),
        ("en;q=0.8,ar;q=0.8", "ar"),
        ("en,ar;q=0.5", "en"),
        ("fr-FR,fr;q=0.9", "ar"),
        ("fr, en;q=0.4", "en"),
        ("en;q=broken", "ar"),
    ],
)
def test_the_language_of_the_device(header: str, lang: str) -> None:
    """Arabic unless English is preferred to it."""
    assert accepted(header) == lang


def test_the_address_goes_before_the_device() -> None:
    """A link in English is in English on an Arabic phone."""
    assert look_of({"lang": "en"}, "ar").lang == "en"


@given(st.dictionaries(st.sampled_from(["lang", "size", "contrast", "theme", "auto", "qr"]), st.text()))
def test_unknown_values_are_none(query: dict[str, str]) -> None:
    """Whatever is in an address, there is a page, and it does not refresh itself."""
    assert look_of(query, "") == Look() or set(query.values()) & {
        *("en", "ar", "125", "150", "200", "high", "dark", "light", "30", "1")
    }


@given(
    st.builds(
        Look,
        lang=st.sampled_from(["ar", "en"]),
        size=st.sampled_from(["100", "125", "150", "200"]),
        contrast=st.sampled_from(["usual", "high"]),
        theme=st.sampled_from(["auto", "light", "dark"]),
        refresh=st.booleans(),
        qr=st.booleans(),
    )
)
def test_a_look_is_what_its_address_says(look: Look) -> None:
    """Also beside what else the address keeps."""
    query = dict(parse_qsl(look.query({"service": "s", "path": "/a?b=c&d"})))
    assert look_of(query, "fr") == look
    assert (query["service"], query["path"]) == ("s", "/a?b=c&d")


def test_another_language_keeps_the_rest() -> None:
    """Size and colours stay as they were chosen."""
    look = Look(size="150", theme="dark")
    assert look_of(dict(parse_qsl(look.query({}, lang="en"))), "") == Look("en", "150", "usual", "dark")
