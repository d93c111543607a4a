"""How long to wait before the next try."""

from collections.abc import Iterator


def delays(first_seconds: float = 0.1, longest_seconds: float = 5.0) -> Iterator[float]:
    """0.1, 0.2, 0.4 … 5.0, 5.0, 5.0 … without end."""
    delay = first_seconds
    while True:
        yield delay
        delay = min(delay * 2, longest_seconds)
