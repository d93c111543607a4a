"""The examples of the client's documents run, as they are written."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.client.catalogue import AGENCY
from tests.e2e.platform import Platform

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


SCOPES = {
    "docs/client.md": ("limits:check",),
    "docs/client-cache.md": ("cache:read", "cache:write"),
    "docs/client-sessions.md": ("sessions:read", "sessions:write"),
    "client/README.md": ("limits:check",),
}


@pytest.mark.parametrize("document", SCOPES)
def test_examples_run(document: str, running: Platform, tmp_path: Path) -> None:
    """One after the other, with this platform's address and key for the document's."""
    (tmp_path / "key").write_text(running.key(*SCOPES[document], agency=AGENCY))
    names: dict[str, Any] = {"__name__": document}
    blocks = BLOCK.findall((ROOT / document).read_text())
    assert blocks
    for block in blocks:
        for written, real in {
            "http://127.0.0.1:8080": running.url,
            "https://sadd.example": running.url,
            "/run/secrets/sadd": str(tmp_path / "key"),
        }.items():
            block = block.replace(written, real)
        exec(compile(block, document, "exec"), names)
    if "threads" in names:
        names["threads"].close()
