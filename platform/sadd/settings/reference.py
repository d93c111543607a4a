"""docs/settings.md, written from the settings themselves: ``sadd config docs > docs/settings.md``."""

from collections.abc import Iterator
from itertools import groupby

from sadd.settings.names import EVERY_SETTING, Setting

_INTRODUCTION = """\
# Settings

<!-- Written by `sadd config docs`. Change platform/sadd/settings/values.py, or the text in reference.py
     beside it, then run `sadd config docs > docs/settings.md`. A test fails while this file is behind. -->

A setting comes from the strongest of four places:

1. a flag, which any `sadd` command takes: `sadd up --server-port 9090`
2. the environment: `SADD_SERVER_PORT=9090 sadd up`
3. a TOML file, named by `--config FILE` or `SADD_CONFIG`, else `sadd.toml` of the current folder, if there
4. its default

A file has one table for each group, and only the keys that differ:

```toml
[server]
port = 9090

[valkey]
url = "redis+sentinel://s1:26379,s2:26379,s3:26379/main"
```

`sadd config show` prints every value and where it came from, with secrets masked (`--json` for programs).
`sadd config check` says whether every setting is accepted, and names each fault if not.

Nothing is guessed. A `SADD_` variable or a key of the file that is no setting is refused, and the message
names the nearest one that is. A value that is not accepted stops the command with one line that names the
setting, the value, where it came from and what is accepted; the exit code is 2. Values that a stronger
place overrules are checked as well.

Give passwords (they are part of the URLs) by the environment or by the file: flags can be read by every
user of the machine.

On Kubernetes, a Service named `sadd` makes variables such as `SADD_SERVICE_HOST` in every pod of its
namespace. They are no settings and are refused as such: set `enableServiceLinks: false`, as the manifests
in `k8s/` do.
"""


def markdown() -> str:
    """The whole page."""
    tables = (_table(group, list(settings)) for group, settings in groupby(EVERY_SETTING, lambda s: s.group))
    return "\n".join([_INTRODUCTION, *tables])


def _table(group: str, settings: list[Setting]) -> str:
    return "\n".join([f"## {group}\n", *_rows(settings), ""])


def _rows(settings: list[Setting]) -> Iterator[str]:
    yield "| setting | default | meaning | accepted | environment, flag |"
    yield "|---|---|---|---|---|"
    for setting in settings:
        yield (
            f"| `{setting.name}` | {_default(setting)} | {setting.meaning} | {setting.accepted.says}"
            f" | `{setting.variable}` `{setting.flag}` |"
        )


def _default(setting: Setting) -> str:
    shown = setting.accepted.shown(setting.default)
    return f"`{shown}`" if shown else "empty"
