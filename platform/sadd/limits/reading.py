"""Reads files of rules, and finds every fault in them with its file and line.

A file is a list of rules. A folder is all of its ``*.yaml``, those of its folders too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from sadd.catalogue import document, shape
from sadd.catalogue.fault import Fault, Finding
from sadd.catalogue.model import Catalogue
from sadd.limits.findings import RULES_MAX, crowded, findings, too_many
from sadd.limits.rule import Rule, Rules


@dataclass(frozen=True, slots=True)
class Reading:
    """What files say. ``rules`` is None exactly if there are faults."""

    rules: Rules | None
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class _Block:
    """One rule as it stands in a file."""

    id: str
    file: str
    fitted: shape.Fitted

    def fault(self, finding: Finding) -> Fault:
        return Fault(self.file, self.fitted.line(finding.path), f"{self.id or 'rule'}: {finding}")


def read_rules(paths: Sequence[Path], catalogue: Catalogue | None = None) -> Reading:
    """Reads and judges files and folders. FileNotFoundError: there is nothing at a path."""
    faults: list[Fault] = []
    blocks: list[_Block] = []
    for file in _files(paths):
        _read_file(file, blocks, faults)
    for block in blocks:
        faults.extend(map(block.fault, _findings(block, catalogue)))
    faults.extend(_together(blocks))
    if not faults and catalogue is not None:
        by_id = {block.id: block for block in blocks}
        whole = [block.fitted.value for block in blocks]
        faults.extend(by_id[rule.id].fault(finding) for rule, finding in crowded(whole, catalogue))
    if faults:
        return Reading(None, tuple(sorted(set(faults))))
    return Reading(Rules(0, tuple(sorted((b.fitted.value for b in blocks), key=lambda rule: rule.id))), ())


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.suffix in (".yaml", ".yml"))
        elif path.exists():
            yield path
        else:
            raise FileNotFoundError(f"there is no file or folder {path}")


def _read_file(path: Path, blocks: list[_Block], faults: list[Fault]) -> None:
    shown = str(path)
    try:
        root = document.read(path, shown)
    except document.Unreadable as error:
        faults.append(error.fault)
        return
    if root is None:
        return
    if not isinstance(root, yaml.SequenceNode):
        faults.append(Fault(shown, root.start_mark.line + 1, "expected a list of rules"))
        return
    blocks.extend(_Block(_raw_id(node), shown, shape.fit(node, Rule)) for node in root.value)


def _findings(block: _Block, catalogue: Catalogue | None) -> Iterator[Finding]:
    """Misfits, and what is wrong whatever they should have said."""
    fitted = block.fitted
    yield from fitted.findings
    yield from fitted.broken(partial(findings, catalogue=catalogue))


def _together(blocks: list[_Block]) -> Iterator[Fault]:
    """What is wrong between rules: an id of two of them, and too many."""
    first: dict[str, _Block] = {}
    for block in blocks:
        if block.id in first:
            place = f"{first[block.id].file}:{first[block.id].fitted.line(('id',))}"
            yield block.fault(Finding(("id",), f"also at {place}"))
        if block.id:
            first.setdefault(block.id, block)
    if len(blocks) > RULES_MAX:
        yield blocks[RULES_MAX].fault(Finding((), too_many(len(blocks))))


def _raw_id(node: yaml.Node) -> str:
    """The id of a rule that may be faulty everywhere else; empty if it has none."""
    if not isinstance(node, yaml.MappingNode):
        return ""
    ids = (v.value for k, v in node.value if k.value == "id" and isinstance(v, yaml.ScalarNode))
    return str(next(ids, ""))
