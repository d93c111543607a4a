"""Requests with a random key in each slot."""

import json
import random

from benchmarks.drivers.asked import FIRST_KEY, KEYS, SLOT, fill, post


def test_a_filled_request_is_as_long_as_it_says() -> None:
    """The Content-Length that was counted with the slots holds with the keys."""
    body = b'{"checks":[{"key":"' + SLOT + b'"},{"key":"' + SLOT + b'"}]}'
    text = fill(post("/v1/limits/check-batch", body, "secret", 2).text, random.Random(1))
    head, _, filled = text.partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(filled) in head + b"\r\n"
    first, second = (check["key"] for check in json.loads(filled)["checks"])
    assert first != second
    assert all(FIRST_KEY <= int(key) < FIRST_KEY + KEYS for key in (first, second))
