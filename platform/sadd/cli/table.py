"""Rows on the terminal: columns for people, one JSON array for programs."""

import json
from collections.abc import Iterable, Sequence
from typing import Any


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, two spaces between them; the last one is not padded."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        print("  ".join([*cells, line[-1]]).rstrip())


def print_json(value: Any) -> None:
    """Letters as they are: Arabic stays readable."""
    print(json.dumps(value, ensure_ascii=False, indent=2))
