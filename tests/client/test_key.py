import pickle
from pathlib import Path

import pytest

from sadd_client import AsyncClient, Client, Key
from tests.client.doors import KEY

SECRET = KEY.rpartition("_")[2]


def test_a_key_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither its text nor that of a client or an error has it; the prefix is public."""
    key = Key(KEY)
    client = Client("http://localhost", key=key, on_loss="open")
    shown = f"{key} {key!r} {client} {client!r} {AsyncClient('http://localhost', key=KEY, on_loss='open')!r}"

    assert SECRET not in shown
    assert "sadd_abcdefghijkl" in shown


def test_a_key_comes_from_a_file(tmp_path: Path) -> None:
    """As secrets are mounted: the only text of a file, with or without a line's end."""
    (tmp_path / "key").write_text(KEY + "\n")
    assert Key.from_file(tmp_path / "key").authorization == f"Bearer {KEY}".encode()


def test_what_is_no_key_is_not_repeated() -> None:
    """The error says what a key looks like, and not what was given."""
    for wrong in ("", "hunter2", KEY[:-1], KEY.upper(), f"{KEY}\r\nX-Admin: 1"):
        with pytest.raises(ValueError) as raised:
            Key(wrong)
        assert "hunter2" not in str(raised.value)


def test_a_key_is_not_pickled() -> None:
    """Queues and caches of other processes would keep it."""
    with pytest.raises(TypeError):
        pickle.dumps(Key(KEY))
