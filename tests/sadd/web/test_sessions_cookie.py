"""The session's cookie (ASVS 5.0, 3.3.1 to 3.3.5; RFC 6265bis)."""

from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.web.sessions_cookie import (
    CLEARED,
    COOKIE_BYTES_MAX,
    LIFE_SECONDS_MAX,
    SESSION_COOKIES,
    DoubledCookie,
    session_in,
    set_cookie,
)

ID = "p" * 54
HOST, PLAIN = SESSION_COOKIES


def test_the_cookie_is_bound_to_one_host() -> None:
    """``__Host-``, Secure, HttpOnly, SameSite, the whole path, no Domain; as long as the session may live."""
    text = set_cookie(ID, 28_800_500)
    (morsel,) = SimpleCookie(text).values()
    assert (morsel.key, morsel.value) == (HOST, ID)
    assert morsel["secure"]
    assert morsel["httponly"]
    assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("Lax", "/", "")
    assert morsel["max-age"] == "28800"
    assert "SameSite=Strict" in set_cookie(ID, 1_000, "strict")


def test_no_cookie_outlives_what_browsers_keep() -> None:
    """400 days (RFC 6265bis, 5.5)."""
    assert f"Max-Age={LIFE_SECONDS_MAX}" in set_cookie(ID, 10**14)


def test_a_cookie_has_a_size() -> None:
    """ASVS 5.0, 3.3.5."""
    assert len(set_cookie(ID, 10**14)) < 200
    with pytest.raises(ValueError, match="4096"):
        set_cookie("p" * COOKIE_BYTES_MAX, 1_000)


def test_a_cookie_is_taken_away_with_the_attributes_it_had() -> None:
    """Else the browser would keep it: a ``__Host-`` cookie is set by Secure and the whole path only."""
    (morsel,) = SimpleCookie(CLEARED).values()
    assert (morsel.key, morsel.value, morsel["max-age"], morsel["path"]) == (HOST, "", "0", "/")
    assert morsel["secure"]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ((), ""),
        (("",), ""),
        ((f"{HOST}={ID}",), ID),
        ((f"{PLAIN}={ID}",), ID),
        ((f"a=b; {HOST}={ID};c=d",), ID),
        (("a=b", f"{HOST}={ID}"), ID),
        ((f'{HOST}="{ID}"',), ID),
        ((f"{PLAIN}=tossed; {HOST}={ID}",), ID),
        ((f"__host-sadd_session={ID}",), ""),
        ((f"__HOST-SADD_SESSION={ID}",), ""),
        ((f"x{HOST}={ID}",), ""),
        ((HOST,), ""),
        ((f"{HOST}={'p' * COOKIE_BYTES_MAX}",), ""),
    ],
)
def test_the_id_is_found_in_the_cookies(fields: tuple[str, ...], found: str) -> None:
    """By its very name; that of one host before that which a neighbouring host can set."""
    assert session_in(fields) == found


@pytest.mark.parametrize(
    "fields",
    [(f"{HOST}=a; {HOST}=b",), (f"{HOST}=a", f"{HOST}=a"), (f"{PLAIN}=a; x=y; {PLAIN}=b",)],
)
def test_two_cookies_of_one_name_are_refused(fields: tuple[str, ...]) -> None:
    """Also in two fields, and though they say the same: one of them may be somebody else's."""
    with pytest.raises(DoubledCookie):
        session_in(fields)


@given(st.lists(st.text(st.characters(max_codepoint=255)), max_size=4))
def test_whatever_others_set_harms_nobody(fields: list[str]) -> None:
    """Any text is no cookie of ours, and no fault."""
    assert session_in(fields) == ""


@given(st.lists(st.sampled_from([f"{HOST}=a", f"{PLAIN}=b", "c=d", "", " ", "e"]), max_size=6))
def test_the_answer_is_a_plain_models(pairs: list[str]) -> None:
    """Doubled if either name is there twice, else by precedence."""
    hosts, plains = pairs.count(f"{HOST}=a"), pairs.count(f"{PLAIN}=b")
    if max(hosts, plains) > 1:
        with pytest.raises(DoubledCookie):
            session_in(["; ".join(pairs)])
    else:
        assert session_in(["; ".join(pairs)]) == ("a" if hosts else "b" if plains else "")
