"""The files of a configuration: one file, or a folder such as Kubernetes mounts a ConfigMap into."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILES_MAX = 1_000
FILE_BYTES_MAX = 4 * 1024 * 1024
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text, and the name that faults call it by."""

    name: str
    text: str


Signature = tuple[tuple[str, str, int, int, int], ...]
"""Of each file its path, where its links lead, inode, time of change and size: it differs if they do."""


class FilesError(Exception):
    """The files cannot be read; the message is ``<path>: <why>``."""


def read_sources(path: Path) -> list[Source]:
    """The texts of ``path``, in the order of their names. Raises FilesError; none at all is an error too."""
    try:
        sources = [Source(_shown(file, path), _text(file, path)) for file in _files(path)]
    except OSError as error:
        raise FilesError(f"{path}: {error.strerror}") from None
    if not sources:
        raise FilesError(f"{path}: no file of a rate limit configuration ({', '.join(SUFFIXES)})")
    return sources


def signature(path: Path) -> Signature:
    """What tells one state of the files from another, links followed. Raises FilesError."""
    try:
        return tuple(_mark(file) for file in _files(path))
    except OSError as error:
        raise FilesError(f"{path}: {error.strerror}") from None


def _mark(file: Path) -> tuple[str, str, int, int, int]:
    about = file.stat()
    return str(file), str(file.resolve()), about.st_ino, about.st_mtime_ns, about.st_size


def _files(path: Path) -> list[Path]:
    """Sorted. What begins with a dot is not looked into: in a ConfigMap those are the generations."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FilesError(f"{path}: no such file or folder")
    found: list[Path] = []
    for file in _walk(path):
        found.append(file)
        if len(found) > FILES_MAX:
            raise FilesError(f"{path}: more than {FILES_MAX} files")
    return sorted(found)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():  # a link to a folder could lead back to us
            yield from _walk(entry)
        elif entry.suffix in SUFFIXES and entry.is_file():
            yield entry


def _shown(file: Path, path: Path) -> str:
    return str(file.relative_to(path)) if file != path else file.name


def _text(file: Path, path: Path) -> str:
    shown = _shown(file, path)
    try:
        with file.open("rb") as opened:
            raw = opened.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise FilesError(f"{shown}: cannot be read: {error.strerror}") from None
    if len(raw) > FILE_BYTES_MAX:
        raise FilesError(f"{shown}: larger than {FILE_BYTES_MAX} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FilesError(f"{shown}: error loading config file: yaml: invalid leading UTF-8 octet") from None
