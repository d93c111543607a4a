"""What a room's own page may be made of: blocks, texts, conditions and single loops.

Agencies write templates, and every worker renders them for every visitor. Jinja's sandbox keeps a template
from reaching out; it does not keep one from taking all memory (``"x" * 10**9``) or all time (a loop in a
loop). So only what is named here is taken: nothing multiplies, is stored, or calls anything but the page's
own words.
"""

from collections.abc import Iterator

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

BUILT_IN = "room.html"
CALLED = frozenset({"say", "plain", "super"})
FILTERS = frozenset({"default", "e", "escape", "length", "lower", "trim", "upper"})
TAKEN = (
    nodes.Template,
    nodes.Extends,
    nodes.Block,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.Getattr,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Test,
    nodes.For,
    nodes.Call,
    nodes.Keyword,
    nodes.Filter,
    nodes.Concat,
)

_ENVIRONMENT = ImmutableSandboxedEnvironment()


def faults(text: str) -> Iterator[str]:
    """All that a template may not have, each with its line. Nothing is rendered here."""
    try:
        tree = _ENVIRONMENT.parse(text)
    except TemplateSyntaxError as error:
        yield f"line {error.lineno}: {error.message}"
        return
    except RecursionError:
        yield "it is nested too deeply"
        return
    base = next(tree.find_all(nodes.Extends), None)
    if base is None or not isinstance(base.template, nodes.Const) or base.template.value != BUILT_IN:
        yield f'it does not begin with {{% extends "{BUILT_IN}" %}}'
    yield from _faults(tree, looping=False)


def _faults(node: nodes.Node, *, looping: bool) -> Iterator[str]:
    what = _fault(node, looping=looping)
    if what is not None:
        yield f"line {node.lineno}: {what}"
    for child in node.iter_child_nodes():
        yield from _faults(child, looping=looping or isinstance(node, nodes.For))


def _fault(node: nodes.Node, *, looping: bool) -> str | None:
    if not isinstance(node, TAKEN):
        return f"{type(node).__name__.lower()} is not taken here"
    if isinstance(node, nodes.For) and (looping or node.recursive):
        return "a loop in a loop is not taken"
    if isinstance(node, nodes.Call) and not _is_called(node):
        return f"only {', '.join(sorted(CALLED))} are called"
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return f"the filter {node.name} is not one of {', '.join(sorted(FILTERS))}"
    return None


def _is_called(call: nodes.Call) -> bool:
    plain = call.dyn_args is None and call.dyn_kwargs is None
    return plain and isinstance(call.node, nodes.Name) and call.node.name in CALLED
