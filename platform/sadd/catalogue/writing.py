"""Writes a catalogue as the files that ``reading`` reads: what is read back is the same catalogue."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from sadd.catalogue.kinds import CLASS_KINDS, entries
from sadd.catalogue.model import Catalogue, Entry, Service

NOTE = "Synthetic: invented for Sadd; no real agency, service, address or figure is meant."
LINE_LENGTH = 110

# libyaml's emitter is written for files that it would read itself, and is ten times as fast.
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def write_folder(catalogue: Catalogue, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Writes every file of the catalogue into ``folder``; the paths written.

    FileExistsError if there are catalogue files and ``overwrite`` is not set. With it, files of agencies
    that have no service any more are removed, or reading the folder would bring them back.
    """
    services = folder / "services"
    old = [p for p in (*folder.glob("*.yaml"), *services.glob("*.yaml")) if p.is_file()]
    if old and not overwrite:
        raise FileExistsError(f"{folder} has catalogue files already")
    services.mkdir(parents=True, exist_ok=True)
    texts = {folder / name: text for name, text in _texts(catalogue).items()}
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    for path in set(old) - set(texts):
        path.unlink()
    return sorted(texts)


def _texts(catalogue: Catalogue) -> dict[str, str]:
    """The content of every file by its name in the folder."""
    by_kind = entries(catalogue)
    texts = {
        "agencies.yaml": _file(
            "The agencies whose services the catalogue lists.", by_kind["agencies"].values()
        ),
        "apps.yaml": _file("The mobile apps, and the services that each calls.", by_kind["apps"].values()),
        "classes.yaml": _classes(catalogue),
    }
    for agency, services in _by_agency(catalogue).items():
        name = catalogue.agencies[agency].name
        texts[f"services/{agency}.yaml"] = _file(f"Services of {name.en} ({name.ar}).", services)
    return texts


def _by_agency(catalogue: Catalogue) -> Mapping[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for service in catalogue.services.values():
        found.setdefault(service.agency, []).append(service)
    return found


def _classes(catalogue: Catalogue) -> str:
    parts = [_head("The named classes of protection that services refer to.")]
    by_kind = entries(catalogue)
    for kind in CLASS_KINDS:
        of_kind = by_kind[kind].values()
        blocks = "".join(_indented(_block(entry, flow=False)) for entry in of_kind)
        parts.append(f"{kind}:\n{blocks}" if blocks else f"{kind}: []\n\n")
    return "\n".join(parts).rstrip("\n") + "\n"


def _file(title: str, of_file: Iterable[Entry]) -> str:
    return "\n".join([_head(title), *(_block(entry) for entry in of_file)])


def _head(title: str) -> str:
    return f"# {title}\n# {NOTE}\n"


def _block(entry: Entry, *, flow: bool | None = None) -> str:
    """One entry as an item of a list; what it holds is one line a field."""
    return str(
        yaml.dump(
            [_written(entry)],
            Dumper=_Dumper,
            allow_unicode=True,
            sort_keys=False,
            default_flow_style=flow,
            width=LINE_LENGTH,
        )
    )


def _written(entry: msgspec.Struct) -> dict[str, Any]:
    """The fields that a file has: nothing that is the default anyway, and no service's agency."""
    fields = {}
    for field in msgspec.structs.fields(entry):
        value = getattr(entry, field.name)
        said_by_file = isinstance(entry, Service) and field.name == "agency"
        if not said_by_file and (field.required or value != field.default):
            fields[field.name] = _plain(value)
    return fields


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _written(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)  # as people write it
    return list(value) if isinstance(value, tuple) else value


def _indented(block: str) -> str:
    return "".join(f"  {line}\n" if line else "\n" for line in block.split("\n"))
