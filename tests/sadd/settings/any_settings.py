"""Hypothesis: any settings that are accepted."""

import dataclasses
from typing import Any, cast

from hypothesis import strategies as st

from sadd.settings import EVERY_SETTING, Setting, Settings
from sadd.settings.accepted import Choice, Number, Ranges, Switch, Text, Url, Whole

_LINES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


def values(setting: Setting) -> st.SearchStrategy[Any]:
    match setting.accepted:
        case Whole(at_least, at_most):
            return st.integers(at_least, at_most)
        case Number(at_least, at_most):
            return st.floats(at_least, at_most)
        case Switch():
            return st.booleans()
        case Choice(words):
            return st.sampled_from(words)
        case Url(schemes):
            return st.just("") | st.builds("{}://{}".format, st.sampled_from(schemes), _LINES)
        case Ranges():
            return st.lists(st.ip_addresses().map(str), max_size=3).map(", ".join)
        case Text(or_empty=True):
            return st.just("") | _LINES
        case Text():
            return _LINES
    raise AssertionError(f"no strategy for {setting.accepted}")


def _group(name: str, class_: type) -> st.SearchStrategy[Any]:
    of_group = {s.field: values(s) for s in EVERY_SETTING if s.group == name}
    return st.builds(class_, **of_group)


any_settings: st.SearchStrategy[Settings] = st.builds(
    Settings,
    **{
        group.name: _group(group.name, cast("Any", group.default_factory))
        for group in dataclasses.fields(Settings)
    },
)
