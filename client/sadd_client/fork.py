"""A forked child forgets what is its parent's: connections, and leases that both would spend."""

import os
from typing import Protocol
from weakref import WeakSet


class Forgetful(Protocol):
    def forget(self) -> None: ...


_alive: WeakSet[Forgetful] = WeakSet()


def register(one: Forgetful) -> None:
    """From now on ``one.forget()`` is called in each child."""
    _alive.add(one)


def _in_the_child() -> None:
    for one in list(_alive):
        one.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)
