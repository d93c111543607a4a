"""A program's own words: argparse, but a mistake is one plain line and exit code 2."""

import argparse
from typing import NoReturn


class Words(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help explains)\n")
