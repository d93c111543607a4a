"""The wheel alone, in an environment and a folder of its own, is the platform."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.e2e.platform import platform, sadd

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what is committed or about to be, so that nothing is left in the tree."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    known = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for name in known:
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(tree)]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = out.glob("sadd-*.whl")
    return built


def test_the_wheel_is_complete(wheel: Path) -> None:
    """Scripts, migrations, the catalogue, templates and styles are in it; no test is."""
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    for folder in ("ratelimit", "cache", "queueing", "platform/sadd", "loadtests"):
        for file in (ROOT / folder).rglob("*"):
            if (
                file.suffix in {".lua", ".sql", ".yaml", ".toml", ".html", ".css", ".svg"}
                or file.name == "py.typed"
            ):
                assert str(file.relative_to(ROOT)).removeprefix("platform/") in inside
    assert not [name for name in inside if name.startswith(("tests/", "k8s/", "platform/"))]
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in inside)


@pytest.mark.timeout(180)
def test_the_wheel_serves(wheel: Path, tmp_path: Path) -> None:
    """Installed without the source tree, ``sadd up`` serves and the command finds its catalogue.

    The dependencies are those of this environment, lent by a path file, so that nothing is downloaded.
    """
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    packages = next((home / "lib").glob("python*/site-packages"))
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    install = f"-m pip install --quiet --no-deps --no-index --disable-pip-version-check --target {packages}"
    subprocess.run([sys.executable, *install.split(), str(wheel)], check=True)
    command = home / "bin/sadd"
    command.write_text(f"#!{home}/bin/python\nimport sys\nfrom sadd.cli import main\nsys.exit(main())\n")
    command.chmod(0o755)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    where = subprocess.run(
        [home / "bin/python", "-c", "import sadd, ratelimit; print(sadd.__file__, ratelimit.__file__)"],
        cwd=elsewhere,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert all(Path(file).is_relative_to(packages) for file in where)
    with platform(elsewhere, command=command) as running:
        assert running.status("/v1/catalogue/services?limit=1") == 200
        assert running.status("/docs") == 200
        listed = sadd("catalogue", "list", "--json", cwd=elsewhere, env=running.environment, command=command)
        assert listed.returncode == 0, listed.stderr
