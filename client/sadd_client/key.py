"""An API key. Where it comes from is the caller's business; that no log shows it is ours."""

import re
from pathlib import Path
from typing import NoReturn

_KEY = re.compile(r"(sadd_[a-z2-7]{12})_[a-z2-7]{32}")


class Key:
    """``sadd_<prefix>_<secret>``. Shows its prefix, which is public, and never its secret.

    Raises ValueError for what is no key; the message does not repeat it.
    """

    __slots__ = ("_text", "prefix")

    def __init__(self, text: str) -> None:
        found = _KEY.fullmatch(text.strip())
        if found is None:
            raise ValueError("not an API key: sadd_, 12 letters or digits, _, and 32 more")
        self._text = found[0]
        self.prefix = found[1]

    @classmethod
    def from_file(cls, path: str | Path) -> "Key":
        """The key that is all the text of a file, as secrets are mounted."""
        return cls(Path(path).read_text(encoding="utf-8"))

    @property
    def authorization(self) -> bytes:
        """The value of the header that carries it."""
        return b"Bearer " + self._text.encode()

    def __repr__(self) -> str:
        return f"Key({self.prefix}_…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled: hand on where it comes from")
