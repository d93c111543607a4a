import json
from pathlib import Path

import pytest
from hypothesis import given

from sadd.settings import EVERY_SETTING, Settings, SettingsError, as_environment, load
from tests.sadd.settings.any_settings import any_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _file(text: str) -> str:
    Path("settings.toml").write_text(text)
    return "settings.toml"


def _faults(
    flags: dict[str, str] | None = None, environment: dict[str, str] | None = None, file: str = ""
) -> str:
    with pytest.raises(SettingsError) as caught:
        load(flags, environment, _file(file) if file else None)
    return "\n".join(caught.value.lines)


def test_defaults() -> None:
    """Without any source the settings are the defaults, and every origin says so."""
    loaded = load()

    assert loaded.settings == Settings()
    assert {origin.kind for origin in loaded.origins.values()} == {"default"}
    assert set(loaded.origins) == {setting.name for setting in EVERY_SETTING}


def test_strongest_first() -> None:
    """A flag wins over the environment, the environment over the file, the file over the default."""
    file = _file('[server]\nport = 1\nworkers = 1\nhost = "one"')
    loaded = load({"server.port": "3"}, {"SADD_SERVER_PORT": "2", "SADD_SERVER_WORKERS": "2"}, file)

    server = loaded.settings.server
    assert (server.port, server.workers, server.host) == (3, 2, "one")
    assert server.max_body_bytes == Settings().server.max_body_bytes


def test_origin() -> None:
    """The origin names the flag, the variable, or the file with table and key."""
    file = _file('[server]\nport = 1\nworkers = 1\nhost = "one"')
    loaded = load({"server.port": "3"}, {"SADD_SERVER_WORKERS": "2"}, file)

    assert str(loaded.origins["server.port"]) == "flag --server-port"
    assert str(loaded.origins["server.workers"]) == "environment SADD_SERVER_WORKERS"
    assert str(loaded.origins["server.host"]) == "file settings.toml [server] host"
    assert str(loaded.origins["log.level"]) == "default"


def test_file_of_the_folder() -> None:
    """sadd.toml in the current folder is read without being named."""
    Path("sadd.toml").write_text("[server]\nport = 1")

    assert load().settings.server.port == 1


def test_file_named_by_the_environment() -> None:
    """SADD_CONFIG names the file, and sadd.toml is left alone then."""
    Path("sadd.toml").write_text("[server]\nport = 1")

    assert load({}, {"SADD_CONFIG": _file("[server]\nport = 2")}).settings.server.port == 2


def test_file_named_by_the_flag() -> None:
    """--config wins over SADD_CONFIG."""
    assert load({}, {"SADD_CONFIG": "absent.toml"}, _file("[server]\nport = 2")).settings.server.port == 2


def test_file_that_is_absent() -> None:
    """A file that was named and is not there is refused, with who named it."""
    assert _faults(environment={"SADD_CONFIG": "absent.toml"}) == (
        "absent.toml, named by environment SADD_CONFIG, cannot be read: No such file or directory"
    )


def test_file_that_is_no_toml() -> None:
    """A file that is not TOML is one line with the place."""
    faults = _faults(file="[server\n")

    assert faults.startswith("settings.toml is not TOML: ")
    assert "line 1" in faults
    assert "\n" not in faults


def test_file_of_other_bytes() -> None:
    """A file that is not UTF-8 is refused in one line."""
    Path("binary.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match=r"^binary.toml is not TOML: [^\n]*$"):
        load(config="binary.toml")


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("SADD_SERVER_PROT", "SADD_SERVER_PORT"),
        ("SADD_VALKEY_DEADLINE", "SADD_VALKEY_DEADLINE_MS"),
        ("SADD_LOGLEVEL", "SADD_LOG_LEVEL"),
        ("SADD_CONFIGURATION", "SADD_CONFIG"),
        ("SADD_", "SADD_"),
        ("SADD_qqqqq", "SADD_"),
    ],
)
def test_unknown_variable(variable: str, nearest: str) -> None:
    """A SADD_ name that is no setting is refused with the nearest one, however far that is."""
    faults = _faults(environment={variable: "1"})

    assert faults.startswith(f"{variable} is no setting; the nearest is {nearest}")


def test_other_variables() -> None:
    """Variables that do not begin with SADD_ are nobody's business."""
    assert load({}, {"PATH": "/bin", "MY_SADD_PORT": "1", "sadd_server_port": "x"}).settings == Settings()


@pytest.mark.parametrize("variable", ["SADD_SERVICE_HOST", "SADD_PORT", "SADD_PORT_8080_TCP_ADDR"])
def test_service_links(variable: str) -> None:
    """What Kubernetes puts beside a Service named sadd is refused with the way out."""
    assert "enableServiceLinks: false" in _faults(environment={variable: "tcp://10.0.0.1:80"})


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("[server]\nprot = 1", "'prot' under [server], which is no setting; the nearest is port"),
        (
            "[server]\nurl = 'x'",
            "'url' under [server], which is no setting; the nearest is url under [valkey]",
        ),
        ("[sever]\nport = 1", "'sever' at its top, which is no table of settings; the nearest is [server]"),
        ("port = 1", "'port' at its top, which is no table of settings; the nearest is port under [server]"),
        ("prt = 1", "'prt' at its top, which is no table of settings; the nearest is port under [server]"),
        ("server = 1", "'server' at its top, which is no table of settings; the nearest is "),
        (
            "[server.port]\nx = 1",
            "server.port = {'x': 1} (from file settings.toml [server] port) is not accepted",
        ),
    ],
)
def test_unknown_key(file: str, says: str) -> None:
    """A key or table that is no setting is refused with file, place, and the nearest one."""
    faults = _faults(file=file)

    assert faults.startswith(("settings.toml has ", "server.port"))
    assert says in faults


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        (
            "SADD_SERVER_PORT",
            "65536",
            "server.port = '65536' (from environment SADD_SERVER_PORT) is not accepted:"
            " it must be a whole number from 0 to 65535",
        ),
        (
            "SADD_LOG_LEVEL",
            "loud",
            "log.level = 'loud' (from environment SADD_LOG_LEVEL) is not accepted:"
            " it must be one of debug, info, warning, error",
        ),
        (
            "SADD_STARTUP_TIMEOUT_SECONDS",
            "nan",
            "startup.timeout_seconds = 'nan' (from environment SADD_STARTUP_TIMEOUT_SECONDS) is not accepted:"
            " it must be a number from 0.1 to 86400",
        ),
        (
            "SADD_DATABASE_URL",
            "mysql://u:pw@h/d",
            "database.url = 'mysql://u:***@h/d' (from environment SADD_DATABASE_URL) is not accepted:"
            " it must be a URL that starts with postgresql://, postgres://, or empty",
        ),
        (
            "SADD_GATE_TRUSTED_PROXIES",
            "10.0.0.0/8, 10.1.2.3/16",
            "gate.trusted_proxies = '10.0.0.0/8, 10.1.2.3/16' (from environment SADD_GATE_TRUSTED_PROXIES)"
            " is not accepted: it must be ranges of addresses such as 10.1.0.0/16, separated by commas,"
            " or empty",
        ),
    ],
)
def test_bad_value(variable: str, value: str, line: str) -> None:
    """A bad value is one line: the setting, the value without secrets, its origin, what is accepted."""
    assert _faults(environment={variable: value}) == line


def test_type_in_the_file() -> None:
    """A file has types: text is no number there, and true is no number anywhere."""
    assert "server.port = '80' (" in _faults(file="[server]\nport = '80'")
    assert "server.port = True (" in _faults(file="[server]\nport = true")
    assert "log.level = 1 (" in _faults(file="[log]\nlevel = 1")


def test_whole_for_a_fraction_in_the_file() -> None:
    """A whole number does where a fraction may stand."""
    loaded = load(config=_file("[startup]\ntimeout_seconds = 5")).settings

    assert loaded.startup.timeout_seconds == 5.0
    assert isinstance(loaded.startup.timeout_seconds, float)


def test_every_fault() -> None:
    """All faults of all sources are told at once."""
    faults = _faults({"log.level": "x"}, {"SADD_X": "1", "SADD_SERVER_PORT": "x"}, "[servr]\n")

    assert len(faults.splitlines()) == 4


def test_overruled_fault() -> None:
    """A bad value is refused even where a stronger source overrules it."""
    assert "SADD_SERVER_PORT" in _faults({"server.port": "1"}, {"SADD_SERVER_PORT": "x"})


def test_newline_of_a_mounted_secret() -> None:
    """White space around a variable's value does not count."""
    assert load({}, {"SADD_DATABASE_URL": "postgresql://h/d\n"}).settings.database.url == "postgresql://h/d"


@given(wanted=any_settings)
def test_round_trip_by_environment(wanted: Settings) -> None:
    """Settings written as variables load as equal settings, and only what differs is written."""
    environment = as_environment(wanted)

    assert load({}, environment).settings == wanted
    assert as_environment(Settings()) == {}


@given(wanted=any_settings)
def test_round_trip_by_flags(wanted: Settings) -> None:
    """Settings written as flags load as equal settings."""
    flags = {setting.name: str(setting.of(wanted)) for setting in EVERY_SETTING}

    assert load(flags).settings == wanted


@given(wanted=any_settings)
def test_round_trip_by_file(wanted: Settings, tmp_path: Path) -> None:
    """Settings written as TOML load as equal settings, and every origin is the file."""
    # JSON's strings and numbers are TOML's, for printable text.
    lines = [f"{s.group}.{s.field} = {json.dumps(s.of(wanted), ensure_ascii=False)}" for s in EVERY_SETTING]
    file = tmp_path / "wanted.toml"
    file.write_text("\n".join(lines), encoding="utf-8")

    loaded = load(config=str(file))

    assert loaded.settings == wanted
    assert {origin.kind for origin in loaded.origins.values()} == {"file"}
