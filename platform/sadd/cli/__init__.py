"""The sadd command: one module for each of its words."""

from sadd.cli.command import main

__all__ = ["main"]
