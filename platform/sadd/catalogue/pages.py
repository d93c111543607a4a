"""The files of a catalogue folder as blocks: each entry with its kind, its id, and its lines.

agencies.yaml   classes.yaml   apps.yaml   services/<agency-id>.yaml
"""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from sadd.catalogue import document, shape
from sadd.catalogue.fault import Fault, Finding
from sadd.catalogue.kinds import CLASS_KINDS, TYPES, Kind


@dataclass(frozen=True, slots=True)
class Block:
    """One entry as it stands in a file. ``id`` is known even where the rest misfits."""

    kind: Kind
    id: str
    file: str
    fitted: shape.Fitted

    def fault(self, finding: Finding) -> Fault:
        """A finding at its line. In a file of a hundred blocks the id says which one is meant."""
        return Fault(self.file, self.fitted.line(finding.path), f"{self.id or self.kind}: {finding}")


@dataclass(slots=True)
class Pages:
    """The files so far: their blocks, the faults of the files themselves, and the kinds not readable."""

    root: Path
    blocks: list[Block] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unread: set[Kind] = field(default_factory=set)
    agencies: dict[str, str] = field(default_factory=dict)
    """Files of services as shown, and the agency that each is named after."""

    def shown(self, path: Path) -> str:
        """The path as a person at this prompt would type it."""
        absolute = path.resolve()
        here = Path.cwd()
        return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def read_pages(folder: Path) -> Pages:
    """Reads every file under ``folder``. A file that is no YAML is a fault, and the others are read."""
    pages = Pages(folder)
    _read_list(pages, folder / "agencies.yaml", "agencies")
    _read_classes(pages, folder / "classes.yaml")
    _read_list(pages, folder / "apps.yaml", "apps")
    for path in sorted((folder / "services").glob("*.yaml")):
        pages.agencies[pages.shown(path)] = path.stem
        _read_list(pages, path, "services", agency=path.stem)
    _refuse_strays(pages)
    return pages


def _refuse_strays(pages: Pages) -> None:
    """A file of YAML that nobody reads (``apps.yml``, ``service/x.yaml``) is a slip worth telling."""
    expected = {pages.root / name for name in ("agencies.yaml", "classes.yaml", "apps.yaml")}
    for path in sorted(p for p in pages.root.rglob("*") if p.suffix in (".yaml", ".yml")):
        if path not in expected and not (path.parent == pages.root / "services" and path.suffix == ".yaml"):
            pages.faults.append(Fault(pages.shown(path), 1, "no file of this name belongs to a catalogue"))


def _root(pages: Pages, path: Path, kinds: tuple[Kind, ...]) -> yaml.Node | None:
    try:
        return document.read(path, pages.shown(path))
    except document.Unreadable as error:
        pages.faults.append(error.fault)
        pages.unread.update(kinds)
        return None


def _read_list(pages: Pages, path: Path, kind: Kind, agency: str | None = None) -> None:
    if root := _root(pages, path, (kind,)):
        _read_blocks(pages, pages.shown(path), kind, root, agency)


def _read_classes(pages: Pages, path: Path) -> None:
    root = _root(pages, path, CLASS_KINDS)
    if root is None:
        return
    shown = pages.shown(path)
    if not isinstance(root, yaml.MappingNode):
        pages.unread.update(CLASS_KINDS)
        pages.faults.append(Fault(shown, 1, f"expected the maps {', '.join(CLASS_KINDS)}"))
        return
    for key, node in root.value:
        kind = next((k for k in CLASS_KINDS if k == key.value), None)
        if kind is None:
            message = f"unknown map {key.value!r}{shape.nearest(str(key.value), CLASS_KINDS)}"
            pages.faults.append(Fault(shown, key.start_mark.line + 1, message))
        else:
            _read_blocks(pages, shown, kind, node, None)


def _read_blocks(pages: Pages, shown: str, kind: Kind, root: yaml.Node, agency: str | None) -> None:
    if not isinstance(root, yaml.SequenceNode):
        pages.unread.add(kind)
        pages.faults.append(Fault(shown, root.start_mark.line + 1, f"expected a list of {kind}"))
        return
    given = {} if agency is None else {"agency": agency}
    for node in root.value:
        fitted = shape.fit(node, TYPES[kind], given)
        pages.blocks.append(Block(kind, _raw_id(node), shown, fitted))


def _raw_id(node: yaml.Node) -> str:
    """The id of a block that may be faulty everywhere else; empty if it has none."""
    if not isinstance(node, yaml.MappingNode):
        return ""
    ids = (v.value for k, v in node.value if k.value == "id" and isinstance(v, yaml.ScalarNode))
    return str(next(ids, ""))
