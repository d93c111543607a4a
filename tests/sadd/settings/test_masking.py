import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.settings.masking import masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://user:secret@host:6379/0", "redis://user:***@host:6379/0"),
        ("redis://:secret@host", "redis://:***@host"),
        ("redis+sentinel://:secret@s1:1,s2:2/main", "redis+sentinel://:***@s1:1,s2:2/main"),
        (
            "redis+sentinel://s1:1,s2:2/main?sentinel_password=x&db=1",
            "redis+sentinel://s1:1,s2:2/main?sentinel_password=***&db=1",
        ),
        ("postgresql://sadd@host/db", "postgresql://sadd@host/db"),
        ("postgresql://sadd@host/db?password=x y", "postgresql://sadd@host/db?password=*** y"),
        ("host=h password=secret dbname=d", "host=h password=*** dbname=d"),
        ("redis://:p@ss/w?rd@host", "redis://:***@host"),
        ("user:secret@host", "user:***@host"),
        ("secret@host", "***@host"),
        ("redis://u:a://b@host", "redis://u:***@host"),
    ],
)
def test_masked(url: str, shown: str) -> None:
    """Passwords are hidden wherever they stand, also in what is no URL; hosts and users are shown."""
    assert masked(url) == shown


@given(st.text(st.characters(exclude_categories=["C"]), min_size=4))
def test_any_password(password: str) -> None:
    """No character in a password brings it out."""
    assert masked(f"redis://user:{password}@host/0") == "redis://user:***@host/0"
