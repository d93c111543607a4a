"""Targets: registered URLs and nothing that looks like one."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.queueit.targets import URL_MOST, Target, path_of, target_of, url_of
from tests.sadd.catalogue.scene import service

RESULTS = service("moehe-results")
PORTAL = service("moehe-portal", origin="https://portal.moehe.gov.example:8443")
SERVICES = (RESULTS, PORTAL)
ORIGINS = {("https", "results.moehe.gov.example", None), ("https", "portal.moehe.gov.example", 8443)}


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://results.moehe.gov.example", Target("moehe-results", "/")),
        (
            "https://results.moehe.gov.example/2027?seat=1&lang=ar",
            Target("moehe-results", "/2027?seat=1&lang=ar"),
        ),
        ("https://RESULTS.moehe.gov.example:443/2027#top", Target("moehe-results", "/2027")),
        ("https://portal.moehe.gov.example:8443/a", Target("moehe-portal", "/a")),
        (
            "https://results.moehe.gov.example/نتائج",
            Target("moehe-results", "/%D9%86%D8%AA%D8%A7%D8%A6%D8%AC"),
        ),
    ],
)
def test_a_registered_url_is_a_target(url: str, target: Target) -> None:
    """Service and path of it; the host in any capitals, the port told or not, without the fragment."""
    assert target_of(url, SERVICES) == target


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://results.moehe.gov.example.evil.example/",
        "https://evil.example/results.moehe.gov.example",
        "https://results.moehe.gov.example@evil.example/",
        "https://evil.example\\@results.moehe.gov.example/",
        "https://evil.example#@results.moehe.gov.example/",
        "https://user:password@results.moehe.gov.example/",
        "https://results.moehe.gov.example:8443/",
        "https://results.moehe.gov.example:port/",
        "http://results.moehe.gov.example/",
        "//results.moehe.gov.example/",
        "\thttps://results.moehe.gov.example/",
        "https://results.moehe.gov.example/\r\nLocation: https://evil.example",
        "https://results.moehe.gov.example%2eevil.example/",
        "https://results.moehe.gov.example。evil.example/",
        "https://results.moehe.gov.exampIe/",
        "https://rеsults.moehe.gov.example/",
        "https://results.moehe.gov.example:0/",
        "https://[results.moehe.gov.example/",
        "javascript:alert(1)//results.moehe.gov.example",
        "data:text/html,results.moehe.gov.example",
        "/2027",
        "",
        "https://results.moehe.gov.example/" + "a" * URL_MOST,
    ],
)
def test_open_redirects_are_refused(url: str) -> None:
    """Whatever a browser might take for another host, another scheme or another line."""
    assert target_of(url, SERVICES) is None


@given(st.text(max_size=80), st.text(max_size=80))
def test_nobody_is_sent_to_a_place_that_is_not_registered(front: str, rest: str) -> None:
    """Whatever is written around our host: where the visitor is sent is registered, and in one line."""
    for url in (
        front + "results.moehe.gov.example" + rest,
        "https://results.moehe.gov.example" + rest,
        front,
    ):
        target = target_of(url, SERVICES)
        if target is not None:
            known = RESULTS if target.service == RESULTS.id else PORTAL
            sent = urlsplit(url_of(known, target.path, "e_x~h_y"))
            assert (sent.scheme, sent.hostname, sent.port) in ORIGINS
            assert url_of(known, target.path).isascii()
            assert not set(url_of(known, target.path)) & set("\r\n\t \\")


def test_two_slashes_in_front_are_a_path_there() -> None:
    """Put behind an origin they are its path; alone they would be another host."""
    assert path_of("//evil.example") == "//evil.example"
    assert url_of(RESULTS, "//evil.example") == "https://results.moehe.gov.example//evil.example"


@pytest.mark.parametrize(
    "text", ["x", "https://evil.example", "/a b", "/a\\b", "/a#b", "/a\r\n", "?a", "/" + "a" * 3000]
)
def test_what_is_no_path_is_none(text: str) -> None:
    """Only what begins with a slash can stand behind an origin."""
    assert path_of(text) is None


def test_an_old_token_is_taken_out() -> None:
    """One token in an address, the one of now, whatever the case or the escapes of an older one."""
    path = "/2027?queueittoken=a&seat=1&QueueItToken=b&queueit%74oken=c"
    assert url_of(RESULTS, path, "new") == "https://results.moehe.gov.example/2027?seat=1&queueittoken=new"
    assert url_of(RESULTS, "/2027", "new") == "https://results.moehe.gov.example/2027?queueittoken=new"
