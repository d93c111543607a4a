import pytest

from sadd_client import Cookie

ID = "peF2Fu4ZXwEmflHZ_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"


def test_browsers_protect_the_cookie() -> None:
    """ASVS 3.3.1 to 3.3.4: __Host-, Secure, HttpOnly, SameSite, the whole path of one host."""
    said = Cookie().set(ID)
    assert said == f"__Host-sadd_session={ID}; Path=/; Secure; HttpOnly; SameSite=Lax"
    assert "Domain" not in said


def test_a_dropped_cookie_is_the_same_one() -> None:
    """Else the browser keeps the other."""
    cookie = Cookie(keep_seconds=3_600)
    assert "; Max-Age=3600; " in cookie.set(ID)
    assert cookie.drop() == "__Host-sadd_session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ([f"__Host-sadd_session={ID}"], ID),
        (["a=b", f"lang=ar;  __Host-sadd_session={ID};c"], ID),
        ([f"__Host-sadd_session={ID}; __Host-sadd_session=b"], None),
        ([f"__Host-sadd_session={ID}", "__HOST-sadd_session=b"], None),
        ([f"__host-sadd_session={ID}"], None),
        (["sadd_session=a"], None),
        ([], None),
    ],
)
def test_one_cookie_of_the_name_is_shown(fields: list[str], shown: str | None) -> None:
    """Two, or one in other letters, come from somebody who wants his session used: nobody is shown."""
    assert Cookie().shown_in(fields) == shown


@pytest.mark.parametrize(
    "words",
    [{"name": "session"}, {"name": "__Host-a=b"}, {"same_site": "None"}, {"keep_seconds": 40_000_000}],
)
def test_a_cookie_that_does_not_protect_is_refused(words: dict[str, object]) -> None:
    """When it is made."""
    with pytest.raises(ValueError):
        Cookie(**words)  # type: ignore[arg-type]  # wrong ones are the point


@pytest.mark.parametrize("session_id", ["a;b", "a\r\nSet-Cookie: b", "ض", "a" * 5_000])
def test_what_is_no_id_is_not_set(session_id: str) -> None:
    """ASVS 3.3.5, and no field of somebody else's making."""
    with pytest.raises(ValueError):
        Cookie().set(session_id)
