import logging
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from downcore.inference import Mode, open_guarded
from downcore.pipeline import SliceRules
from downcore.settings import RENAMED, known_keys, load_settings, origin_of
from downcore.sources import Limits, Reading
from downcore.sources.inbox.completeness import Patience
from downcore.strata.errors import SettingsError


def write(folder: Path, text: str) -> Path:
    path = folder / "edge.toml"
    path.write_text(text)
    return path


def test_the_file_wins_over_defaults_and_the_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, '[mqtt]\nhost = "broker"\nport = 1884\n')
    monkeypatch.setenv("DOWNCORE_MQTT__PORT", "1885")

    settings = load_settings(path)

    assert (settings.sink("mqtt").host, settings.sink("mqtt").port) == ("broker", 1885), (
        "wrong precedence"
    )
    assert origin_of("mqtt.host", path) == "file", "the origin is told wrong"
    assert origin_of("mqtt.port", path) == "environment", "the origin is told wrong"
    assert origin_of("mqtt.protocol", path) == "default", "the origin is told wrong"


def test_arguments_win_over_everything(tmp_path: Path) -> None:
    path = write(tmp_path, "[mqtt]\nenabled = true\n")

    assert not load_settings(path, mqtt={"enabled": False}).sink("mqtt").enabled, (
        "argument was ignored"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[mqtt]\nhst = "x"\n', r"unknown key mqtt\.hst; did you mean mqtt\.host\?"),
        ('[mqqt]\nhost = "x"\n', r"unknown key mqqt; did you mean mqtt\?"),
        ('[influx]\nhost = "x"\n', r"unknown key influx; .*known: inbox, .*, mqtt, terminal$"),
        ("[inbox]\npx_per_cm = 0.2\n", r"inbox\.px_per_cm: .*pixels per centimetre"),
        ('[inbox]\npx_per_cm = "1/0"\n', r"inbox\.px_per_cm: .*pixels per centimetre"),
        ('[inbox]\npx_per_cm = "2O0"\n', r"inbox\.px_per_cm: .*\"98\.4\" or .*got '2O0'"),
        ('[inbox]\npx_per_cm = "1e999999999"\n', r"inbox\.px_per_cm: .*got '1e999999999'"),
        ("[inbox]\nsettle_s = inf\n", r"inbox\.settle_s: .*finite"),
        ("[inbox]\nreconcile_s = 1e300\n", r"inbox\.reconcile_s: .*31536000"),
        (f"[inbox]\nsettle_s = {'9' * 5000}\n", "number of thousands of digits"),
        (f"[mqtt]\nhost = 0x{'f' * 5000}\n", "number of thousands of digits"),
        (f"[predict]\nbundles = {'[' * 50_000}", "brackets nested too deep"),
        ("[mqtt]\nport = 99999\n", r"mqtt\.port: .*65535"),
        ("[mqtt\n", "expected TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_the_nearest_right_one(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(write(tmp_path, text))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_settings_are_read_as_any_editor_saves_them(
    tmp_path: Path, encoding: str, newline: str
) -> None:
    path = tmp_path / "edge.toml"
    path.write_bytes(
        '# Größe\n[inbox]\npx_per_cm = "98.4"\n'.replace("\n", newline).encode(encoding)
    )

    assert load_settings(path).inbox.px_per_cm == "98.4"


def test_settings_in_latin_1_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_bytes("# Größe\n".encode("latin-1"))

    with pytest.raises(SettingsError, match="save it as UTF-8"):
        load_settings(path)


@pytest.mark.parametrize(
    ("host", "right"),
    [
        ("mqtt://broker", 'write host = "broker"'),
        ("mqtt://broker:1884/", 'write host = "broker", port = 1884'),
        ("mqtts://broker", 'write host = "broker", tls = true, port = 8883'),
        ("ssl://me:secret@broker:8884", 'write host = "broker", port = 8884, tls = true'),
        ("broker:1883", 'write host = "broker", port = 1883'),
        ("[::1]:1883", 'write host = "::1", port = 1883'),
        ("broker/", 'write host = "broker"'),
        (" broker ", 'write host = "broker"'),
        ("wss://broker", "not over WebSockets"),
        ("my broker", "without blanks"),
    ],
)
def test_a_broker_written_as_an_address_with_more_is_refused_with_the_right_keys(
    tmp_path: Path, host: str, right: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(write(tmp_path, f'[mqtt]\nhost = "{host}"\n'))

    assert right in str(refused.value)


HIDDEN = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f'[mqtt]\nhost = "mqtt://me:{HIDDEN}@broker"',
        f'[mqtt]\nhost = "me:{HIDDEN}@broker"',
        f'[mqtt]\nhost = "mqtt://me:p@{HIDDEN}@broker:1883"',
        f'[mqtt]\nhost = "mqtt://me:p/{HIDDEN}@broker"',
        f'[mqtt]\nhost = "mqtt://me:{HIDDEN}/p@broker"',
        f'[mqtt]\nhost = "wss://me:{HIDDEN}@broker"',
        f'[mqtt]\nhost = "mqtt://me:{HIDDEN}{"x" * 80}@broker"',
        f'[mqtt]\nhost = "mqtt://me:{HIDDEN}@broker\\t"',
        f'[mqtt]\nhost = ["mqtt://me:{HIDDEN}@broker"]',
        f'[mqtt]\nport = "mqtt://me:{HIDDEN}@broker"',
        f'[mqtt]\nca_file = "C:/{HIDDEN}@broker"',
        f'mqtt = "mqtt://me:{HIDDEN}@broker"',
        f'[[mqtt]]\npassword = "{HIDDEN}"',
        f'[[mqtt]]\npassword = "x@{HIDDEN}"',
        f'[mqtt]\npassword = "{HIDDEN}"',
        f'[mqtt]\npassword_file = ["{HIDDEN}"]',
    ],
)
def test_the_password_of_a_broker_is_never_repeated_in_a_complaint(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(write(tmp_path, f"{text}\n"))

    assert "mqtt" in str(refused.value)
    assert HIDDEN not in str(refused.value)


@pytest.mark.parametrize("name", ["MQTT__HOST", "MQTT__PORT", "MQTT"])
def test_the_password_of_a_broker_in_the_environment_is_never_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"DOWNCORE_{name}", f"mqtt://me:{HIDDEN}@broker")

    with pytest.raises(SettingsError) as refused:
        load_settings(None)

    assert "mqtt" in str(refused.value)
    assert HIDDEN not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1", "broker.local"])
def test_a_name_or_address_of_a_broker_is_taken_as_it_is(tmp_path: Path, host: str) -> None:
    settings = load_settings(write(tmp_path, f'[mqtt]\nhost = "{host}"\n'))

    assert getattr(settings.sink("mqtt"), "host") == host  # noqa: B009 - of a sink's own model


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r'path = "C:\inbox"', "single quotes"),
        (r'path = "C:\new"', "single quotes"),
        (r"path = 'C:\inbox'", "Windows path.*mounted"),
        ('path = "C:/scans"', "Windows path.*mounted"),
        (r"path = '\\nas\scans'", "Windows path.*mounted"),
    ],
)
def test_a_path_as_windows_writes_it_is_refused_with_what_to_write(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(write(tmp_path, f"[inbox]\n{text}\n"))


@pytest.mark.parametrize("text", ["[" * 100_000, f"[{'9' * 5000}]"], ids=["brackets", "digits"])
def test_a_variable_that_python_cannot_read_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("DOWNCORE_PREDICT__BUNDLES", text)

    with pytest.raises(SettingsError, match="JSON"):
        load_settings(None)


def test_a_mistyped_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWNCORE_MQTT__HOTS", "x")

    with pytest.raises(SettingsError, match=r"did you mean mqtt\.host"):
        load_settings(None)


def test_a_variable_with_a_single_underscore_is_refused_rather_than_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOWNCORE_MQTT_HOST", "x")

    with pytest.raises(SettingsError, match=r"did you mean mqtt\.host"):
        load_settings(None)


def test_a_bundle_with_a_slash_counts_from_the_folder_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '[predict]\nbundles = ["resnet-18", "./mine", "/srv/other"]\n')

    bundles = load_settings(path).predict.bundles

    assert bundles == ("resnet-18", str(tmp_path / "mine"), "/srv/other"), bundles


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="downcore init INBOX"):
        load_settings(tmp_path / "no.toml")


def test_paths_count_from_the_settings_file(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, '[inbox]\npath = "scans"\n'))

    assert settings.inbox.path == tmp_path / "scans", "a relative path counts from elsewhere"


def test_a_scale_keeps_its_decimals(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "[inbox]\npx_per_cm = 98.4\n")).inbox.px_per_cm == "98.4"


def test_every_key_says_what_it_means() -> None:
    assert all(known_keys().values()), [k for k, v in known_keys().items() if not v]


def defaults_of(kind: Any) -> dict[str, Any]:
    """Return the defaults of a frozen value, or of a function's keywords, by name."""
    if isinstance(kind, type):
        return {f.name: f.default for f in fields(kind)}
    return dict(kind.__kwdefaults__)


@pytest.mark.parametrize("stage", [Limits, Reading, Patience, SliceRules, open_guarded])
def test_what_the_settings_say_is_what_a_stage_without_settings_does(stage: Any) -> None:
    settings = load_settings(None)
    said = {
        key: value
        for section in (settings.inbox, settings.predict)
        for key, value in section
        if key != "threads"
    } | {"n_threads": settings.predict.threads, "mode": Mode(settings.predict.mode)}
    shared = {key: value for key, value in defaults_of(stage).items() if key in said}

    assert shared, "it shares no name with the settings, so nothing is compared"
    # A stage may have no default at all: then it is given the settings' value, always.
    own = {key: value for key, value in shared.items() if value is not MISSING}
    assert own == {key: said[key] for key in own}


@pytest.mark.parametrize("old", sorted(RENAMED))
def test_a_key_under_its_old_name_still_counts_and_is_warned_of(
    old: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    new = RENAMED[old]
    section, key = old.split(".")
    path = write(tmp_path, f"[{section}]\n{key} = 1000\n")

    with caplog.at_level(logging.WARNING):
        settings = load_settings(path)

    assert getattr(getattr(settings, section), new.split(".")[1]) == 1000
    assert f"{old} is now called {new}" in caplog.text
    assert origin_of(new, path) == "file"
    monkeypatch.setenv(f"DOWNCORE_{section}__{key}".upper(), "2000")
    settings = load_settings(path)
    assert getattr(getattr(settings, section), new.split(".")[1]) == 2000
    assert origin_of(new, path) == "environment"


def test_a_key_under_both_its_names_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "[inbox]\nmost_pixels = 1000\nmax_pixels = 2000\n")

    with pytest.raises(SettingsError, match=r"leave inbox\.most_pixels out"):
        load_settings(path)


def test_reading_settings_loads_no_client_of_any_sink() -> None:
    script = "import downcore.settings, sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert not {"paho", "numpy", "cv2"} & set(ran.stdout.split())
