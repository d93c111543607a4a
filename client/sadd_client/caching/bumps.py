"""What became invalid, and when: by the order in which it was heard. Arithmetic only."""

from collections import OrderedDict

NAMES_MAX = 10_000
"""Keys and tags whose last bump is remembered. What was read before a forgotten one counts as moved."""


class Bumps:
    """``position`` only rises. Whoever reads takes it before he asks, and looks afterwards what ``moved``."""

    def __init__(self) -> None:
        self.position = 0
        self._floor = 0
        """What was read at a position below it is invalid, whatever it is."""
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()

    def key(self, name: str) -> None:
        self._note("key", name)

    def tag(self, name: str) -> None:
        self._note("tag", name)

    def everything(self) -> None:
        """The whole namespace, or we do not know what."""
        self.position += 1
        self._floor = self.position
        self._last.clear()

    def moved(self, since: int, key: str, tags: tuple[str, ...]) -> bool:
        """Whether what was asked for at ``since`` became invalid afterwards."""
        if since < self._floor:
            return True
        last = self._last
        if last.get(("key", key), 0) > since:
            return True
        return any(last.get(("tag", tag), 0) > since for tag in tags)

    def _note(self, kind: str, name: str) -> None:
        self.position += 1
        self._last[kind, name] = self.position
        self._last.move_to_end((kind, name))
        if len(self._last) > NAMES_MAX:
            self._floor = max(self._floor, self._last.popitem(last=False)[1])
