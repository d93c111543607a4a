"""The client's wheel alone, with h11 and nothing else, is the client."""

import importlib.util
import json
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "client"

USE = """
import importlib, json, pkgutil
import sadd_client

modules = [found.name for found in pkgutil.walk_packages(sadd_client.__path__, "sadd_client.")]
plain = [name for name in modules if not name.endswith((".aiohttp", ".django", ".django_sessions"))]
for name in plain:
    importlib.import_module(name)
key = "sadd_abcdefghijkl_" + 32 * "a"
with sadd_client.Client("http://127.0.0.1:1", key=key, on_loss="open") as client:
    decided = client.check("p", "k").decided_by
print(json.dumps([sadd_client.__file__, sadd_client.__version__, decided, len(plain)]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the tree."""
    tree, out = tmp_path_factory.mktemp("tree") / "client", tmp_path_factory.mktemp("dist")
    shutil.copytree(CLIENT, tree, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(tree)]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = out.glob("sadd_client-*.whl")
    return built


def test_the_wheel_is_complete(wheel: Path) -> None:
    """All modules, the mark that it is typed, the licence, and one dependency."""
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        (metadata,) = (name for name in inside if name.endswith(".dist-info/METADATA"))
        told = archive.read(metadata).decode()
    sources = {str(file.relative_to(CLIENT)) for file in CLIENT.rglob("sadd_client/**/*.py")}

    assert sources <= inside
    assert "sadd_client/py.typed" in inside
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in inside)
    assert [line for line in told.splitlines() if line.startswith("Requires-Dist")] == [
        "Requires-Dist: h11>=0.16",
        'Requires-Dist: pynacl>=1.6; extra == "passes"',
    ]


def test_the_wheel_works_alone(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own, with h11 copied in so that nothing is downloaded."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    packages = next((home / "lib").glob("python*/site-packages"))
    found = importlib.util.find_spec("h11")
    assert found is not None
    assert found.origin is not None
    shutil.copytree(Path(found.origin).parent, packages / "h11")
    install = f"-m pip install --quiet --no-deps --no-index --disable-pip-version-check --target {packages}"
    subprocess.run([sys.executable, *install.split(), str(wheel)], check=True)
    done = subprocess.run(
        [home / "bin/python", "-I", "-c", USE], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    file, version, decided, modules = json.loads(done.stdout)

    assert Path(file).is_relative_to(packages)
    assert version in wheel.name
    assert decided == "open"
    assert modules > 25
