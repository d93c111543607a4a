"""The files are followed: a good change is in force, a bad one changes nothing and is told once."""

import asyncio
from pathlib import Path

import pytest

from sadd.envoy.watch import Watch
from tests.sadd.envoy.scene import service
from tests.waiting import eventually

GOOD = "domain: {domain}\ndescriptors: [{{key: a, rate_limit: {{unit: day, requests_per_unit: 1}}}}]\n"


def generation(mount: Path, name: str, text: str) -> None:
    """What the kubelet does for a ConfigMap: a new folder, and one link swapped to it."""
    folder = mount / name
    folder.mkdir(parents=True)
    (folder / "limits.yaml").write_text(text)
    fresh = mount / "..data_tmp"
    fresh.symlink_to(name)
    fresh.rename(mount / "..data")
    if not (mount / "limits.yaml").is_symlink():
        (mount / "limits.yaml").symlink_to("..data/limits.yaml")


async def test_a_config_map_is_followed(valkey_url: str, tmp_path: Path) -> None:
    """A swap of its link is seen; nothing is read again while nothing changes."""
    generation(tmp_path, "..1", GOOD.format(domain="one"))
    async with service(valkey_url) as limits:
        watch = Watch(tmp_path, limits)
        await watch.look()
        await watch.look()
        assert limits.config is not None
        assert list(limits.config.domains) == ["one"]
        assert limits.stats().config_load_success == 1
        generation(tmp_path, "..2", GOOD.format(domain="two"))
        await watch.look()
        assert list(limits.config.domains) == ["two"]


async def test_a_root_that_is_a_link_is_followed(valkey_url: str, tmp_path: Path) -> None:
    """The other way that envoyproxy/ratelimit is reloaded: RUNTIME_ROOT is swapped."""
    for name in ("one", "two"):
        (tmp_path / name / "config").mkdir(parents=True)
        (tmp_path / name / "config/a.yaml").write_text(GOOD.format(domain=name))
    (tmp_path / "current").symlink_to("one")
    async with service(valkey_url) as limits:
        watch = Watch(tmp_path / "current/config", limits)
        await watch.look()
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").rename(tmp_path / "current")
        await watch.look()
        assert limits.config is not None
        assert list(limits.config.domains) == ["two"]


@pytest.mark.parametrize("bad", ["domain: one\nratelimit: x\n", None])
async def test_a_bad_change_keeps_the_old(valkey_url: str, tmp_path: Path, bad: str | None) -> None:
    """Faulty, or the file gone: counted once, and mended by the next good one."""
    file = tmp_path / "a.yaml"
    file.write_text(GOOD.format(domain="one"))
    async with service(valkey_url) as limits:
        watch = Watch(tmp_path, limits)
        await watch.look()
        if bad is None:
            file.unlink()
        else:
            file.write_text(bad)
        await watch.look()
        await watch.look()
        assert limits.config is not None
        assert list(limits.config.domains) == ["one"]
        assert limits.stats().config_load_error == 1
        file.write_text(GOOD.format(domain="three"))
        await watch.look()
        assert list(limits.config.domains) == ["three"]


async def test_a_configuration_that_was_never_good(valkey_url: str, tmp_path: Path) -> None:
    """There is none, and the error is counted; once the folder is there it is read."""
    async with service(valkey_url) as limits:
        watch = Watch(tmp_path / "later", limits)
        await watch.look()
        assert limits.config is None
        assert limits.stats().config_load_error == 1
        (tmp_path / "later").mkdir()
        (tmp_path / "later/a.yaml").write_text(GOOD.format(domain="one"))
        await watch.look()
        assert limits.config is not None


async def test_the_watch_looks_by_itself(valkey_url: str, tmp_path: Path) -> None:
    """Every period, until it is cancelled."""
    (tmp_path / "a.yaml").write_text(GOOD.format(domain="one"))
    async with service(valkey_url) as limits:
        running = asyncio.create_task(Watch(tmp_path, limits).run(period_seconds=0.01))
        await eventually(lambda: limits.config is not None)
        running.cancel()
        await asyncio.wait([running])
