"""A real OpenID provider in Node.

It comes by ``npm ci`` from the lock file in ``provider``, which has the hash of each package. Without Node,
or where the packages can be had neither from npm's own cache nor by the network, the tests are skipped and
say so.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import Databases
from tests.sadd.web.sessions_scene import SignedIn, signed_in

FOLDER = Path(__file__).parent / "provider"
NPM_SECONDS = 60


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the provider and what it needs."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are missing (tests/system-packages.sh installs nodejs as root)")
    folder = tmp_path_factory.mktemp("provider")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        run = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, timeout=NPM_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not answer")
    if run.returncode:
        pytest.skip(f"npm cannot have the provider: {run.stderr.strip()[-300:]}")
    return folder


@dataclass
class RealProvider:
    """It runs, and waits for its client."""

    node: asyncio.subprocess.Process
    port: int

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def begin(self, client: dict[str, Any]) -> None:
        assert self.node.stdin is not None
        self.node.stdin.write(json.dumps(client).encode() + b"\n")
        await self.node.stdin.drain()
        assert await self.line() == "ready"

    async def line(self) -> str:
        """What it says next, but for the library's own advice."""
        assert self.node.stdout is not None
        async with asyncio.timeout(60):
            while (said := await self.node.stdout.readline()).startswith(b"oidc-provider "):
                pass
            return said.decode().strip()


@asynccontextmanager
async def real_provider(modules: Path) -> AsyncIterator[RealProvider]:
    pipe = asyncio.subprocess.PIPE
    node = await asyncio.create_subprocess_exec("node", "provider.js", cwd=modules, stdin=pipe, stdout=pipe)
    try:
        provider = RealProvider(node, 0)
        provider.port = int(await provider.line())
        yield provider
    finally:
        node.kill()
        await node.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def signed(_valkey_server: str, _migrated_databases: Databases) -> AsyncIterator[SignedIn]:
    url = _migrated_databases.take()
    async with signed_in(_valkey_server, url) as scene:
        yield scene
    _migrated_databases.drop(url)
