"""The sadd command: one module for each of its words."""

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point: ``sadd.cli.command.main``, imported where a Ctrl-C is already answered."""
    try:
        from sadd.cli import command

        return command.main(argv)
    except KeyboardInterrupt:
        return 130
