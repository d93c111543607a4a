"""A real Django site whose sessions the platform keeps."""

import json
import subprocess
import sys
from typing import Any

from tests.client.catalogue import NARROW
from tests.client.doors import KEY
from tests.e2e.platform import Platform


def portal(url: str, key: str) -> dict[str, Any]:
    words = [sys.executable, "-m", "tests.client.sessions.portal", url, key, NARROW]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_visit(running: Platform, session_key: str) -> None:
    """Anonymous, signed in, side by side, signed out: as Django's own, and without its two holes."""
    told = portal(running.url, session_key)
    data = {"a": 1, "none": None, "deep": {"x": [None]}}

    assert told["nothing kept for a look"]
    assert told["anonymous"] == {"user": None, "data": data}
    assert told["signed in"] == {"user": "noora", "data": data}
    assert told["a new id"]
    assert told["the old one is nobody's"]
    assert told["whose"] == "1"
    assert told["beside"] == 200
    assert told["both kept"] == {**data, "fast": 1, "slow": 1}
    assert told["late"] == [None, 400, False]  # rotated beside it: the browser's newer cookie stays
    assert told["beside a sign-out"] == 400  # Django's SessionInterrupted
    assert told["not brought back"]
    assert told["signed out"] == {"user": None, "data": {}}
    assert told["never adopted"]
    assert told["asynchronous"] == {"a": 1, "new": True}


def test_nobody_to_ask() -> None:
    """503 with Retry-After and no word about the cookie: nobody is signed out by our trouble."""
    assert portal("http://127.0.0.1:1", KEY) == {"status": 503, "retry": "1", "cookie": False}
