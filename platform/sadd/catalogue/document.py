"""One YAML file as nodes that know their lines, or the fault that makes it unreadable."""

from pathlib import Path

import yaml

from sadd.catalogue.fault import Fault

# The C parser reads the shipped catalogue about eight times as fast; both give the same marks.
_Loader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """The file is no YAML document. Its ``fault`` says where."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def read(path: Path, shown: str) -> yaml.Node | None:
    """The file's root node; None if it is empty. Faults name the file as ``shown``.

    Nodes rather than values: values have no line, and YAML 1.1 would turn ``no`` and ``0123`` into
    what nobody meant.
    """
    text = _text(path, shown)
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise Unreadable(Fault(shown, line, f"not YAML: {error.problem or error.context}")) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(Fault(shown, line, f"not YAML: {error.reason}")) from None
    return node


def _text(path: Path, shown: str) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise Unreadable(Fault(shown, 1, "the file is missing")) from None
    except OSError as error:
        raise Unreadable(Fault(shown, 1, f"cannot be read: {error.strerror}")) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Unreadable(Fault(shown, line, "not UTF-8 text")) from None
