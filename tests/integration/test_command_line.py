"""The command line, as a technician types it: in a process of its own where that matters."""

import csv
import io
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from downcore.cli import app
from downcore.exit_codes import BAD_INPUT, BAD_SETTINGS, INTERNAL, INTERRUPTED, REFUSED
from downcore.simulator.generator import CoreRecipe, generate
from downcore.simulator.scanner import pattern_named, play, scan_job
from downcore.strata.errors import SettingsError

PX_PER_CM = 60
SECTION = "2026_000_FA_SIM01_01"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scan")
    core = generate(CoreRecipe(seed=4, length_cm=3.5, px_per_cm=PX_PER_CM, width_cm=4.0))
    *_, last = play(
        scan_job(core, folder, SECTION, px_per_cm=PX_PER_CM), pattern_named("whole-by-rename")
    )
    return last.path


def downcore(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "downcore", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


def processed(image: Path, db: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = ("--px-per-cm", str(PX_PER_CM), "--top", "up", "--db", str(db), *more)
    return downcore("process", str(image), "--bundle", "resnet-18", *words)


@pytest.fixture(scope="module")
def first(
    image: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Return what processing the image said, and the record, which nobody may change."""
    db = tmp_path_factory.mktemp("record") / "core.db"
    return processed(image, db), db


@pytest.fixture
def record(first: tuple[object, Path], tmp_path: Path) -> Path:
    """Return a copy of the record of the image."""
    return Path(shutil.copy(first[1], tmp_path / "core.db"))


def test_process_keeps_one_row_a_centimetre_and_log_prints_them(
    first: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, db = first

    assert done.returncode == 0, done.stderr
    assert f"{SECTION}: 4 cm" in done.stdout, done.stdout
    log = downcore("log", SECTION, "--db", str(db), "--csv")
    rows = list(csv.DictReader(io.StringIO(log.stdout)))
    assert [int(row["slice"]) for row in rows] == [i for i in range(4) for _ in range(3)], (
        "expected three properties for each of four slices"
    )
    assert rows[-1]["bottom (cm)"] == "3.5", "the last slice is not short"
    assert SECTION in downcore("log", "--db", str(db)).stdout, "the section is not listed"


def test_the_log_prints_what_slices_are_made_of(record: Path) -> None:
    log = downcore("log", SECTION, "--db", str(record), "--composition", "--csv")
    table = downcore("log", SECTION, "--db", str(record), "--composition")

    rows = list(csv.DictReader(io.StringIO(log.stdout)))
    assert {int(row["slice"]) for row in rows} == set(range(4)), log.stderr
    alone = [row for row in rows if row["slice"] == "1" and row["sum of groups"] == "0"]
    assert len(alone) == 6, f"expected the six groups of the table, got {alone}"
    if alone[0]["fraction"]:
        total = sum(float(row["fraction"]) for row in alone)
        assert abs(total - 1.0) < 1e-6, f"expected fractions that sum to 1, got {total}"
    assert len(table.stdout.splitlines()) == 5, table.stdout + table.stderr


def test_processing_again_changes_nothing(image: Path, record: Path) -> None:
    before = downcore("log", SECTION, "--db", str(record), "--csv").stdout

    again = processed(image, record)

    assert again.returncode == 0, again.stderr
    assert downcore("log", SECTION, "--db", str(record), "--csv").stdout == before


def test_the_log_of_a_copy_says_where_its_rows_are(
    image: Path, record: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "GC09.tif"
    copy.write_bytes(image.read_bytes())
    done = processed(copy, record)
    assert "the same content" in done.stdout, done.stdout + done.stderr

    log = downcore("log", "GC09", "--db", str(record))

    assert log.returncode == REFUSED, log.stdout
    assert f"copy of '{SECTION}'" in log.stderr, log.stderr


def test_a_bad_file_is_refused_with_its_reason_and_its_neighbour_is_kept(
    image: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.tif"
    bad.write_bytes(image.read_bytes()[:2000])

    done = processed(image, tmp_path / "core.db", str(bad))

    assert done.returncode == REFUSED, done.stdout
    assert "bad.tif" in done.stderr, done.stderr
    assert f"{SECTION}: 4 cm" in done.stdout, done.stdout


def test_an_unknown_scale_is_asked_for(image: Path, tmp_path: Path) -> None:
    done = downcore("process", str(image), "--bundle", "resnet-18", "--db", str(tmp_path / "c.db"))

    assert done.returncode == REFUSED, done.stdout
    assert "px" in done.stderr, done.stderr


@pytest.mark.parametrize("top", ["up", "left", "right"])
def test_a_mask_lies_on_its_image_whatever_the_orientation(
    image: Path, tmp_path: Path, top: str
) -> None:
    upright = cv2.imread(str(image))
    assert upright is not None, "the scan cannot be read"
    turned = {
        "up": upright,
        "left": upright.transpose(1, 0, 2),
        "right": upright.transpose(1, 0, 2)[:, ::-1],
    }[top]
    path, out = tmp_path / "turned.png", tmp_path / "mask.png"
    cv2.imwrite(str(path), np.ascontiguousarray(turned))
    words = [str(path), "--px-per-cm", str(PX_PER_CM), "--top", top, "--out", str(out)]

    done = CliRunner().invoke(app, ["mask", *words])

    assert done.exit_code == 0, done.output
    content = out.read_bytes()
    assert content[24:26] == bytes([8, 3]), "expected an 8-bit palette PNG"
    shape = (int.from_bytes(content[20:24], "big"), int.from_bytes(content[16:20], "big"))
    assert shape == turned.shape[:2], "the mask has another size than the image"
    reference = tmp_path / "upright.png"
    cv2.imwrite(str(tmp_path / "u.png"), upright)
    CliRunner().invoke(
        app,
        [
            "mask",
            str(tmp_path / "u.png"),
            "--px-per-cm",
            str(PX_PER_CM),
            "--top",
            "up",
            "--out",
            str(reference),
        ],
    )
    found, expected = cv2.imread(str(out)), cv2.imread(str(reference))
    assert found is not None, "the mask cannot be read"
    assert expected is not None, "the mask cannot be read"
    back = {
        "up": found,
        "left": found.transpose(1, 0, 2),
        "right": found[:, ::-1].transpose(1, 0, 2),
    }[top]
    np.testing.assert_array_equal(back, expected)


def test_settings_that_are_wrong_end_with_their_own_code(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text("[mqtt]\nhst = 'x'\n")

    done = downcore("config", "check", "--config", str(config))

    assert done.returncode == BAD_SETTINGS, done.stdout
    assert "did you mean mqtt.host?" in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[inbox]\nname_patterns = ['(']\n", "inbox.name_patterns: name pattern"),
        ("[inbox]\nsettle_s = 10\ngive_up_s = 5\n", "inbox.settle_s"),
        ("[mqtt]\nca_file = 'ca.pem'\n", "mqtt.tls"),
        ("[mqtt]\nusername = 'me'\npassword_file = 'gone'\n", "mqtt.password_file"),
        ("[store]\npath = 'inbox/downcore.db'\n", "store.path"),
    ],
)
def test_config_check_finds_what_would_keep_the_daemon_from_starting(
    tmp_path: Path, text: str, key: str
) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(text)

    checked = CliRunner().invoke(app, ["config", "check", "--config", str(config)])

    assert isinstance(checked.exception, SettingsError), checked.output
    assert key in str(checked.exception), checked.exception


def test_config_show_says_where_each_value_comes_from(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text("[mqtt]\nhost = 'broker'\n")

    shown = CliRunner().invoke(app, ["config", "show", "--config", str(config)])

    assert "mqtt.host = broker  (file)" in shown.output, shown.output
    assert "mqtt.port = 1883  (default)" in shown.output, shown.output


def test_a_mask_of_no_image_ends_with_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()

    done = downcore("mask", str(path), "--px-per-cm", "10", "--out", str(tmp_path / "m.png"))

    assert done.returncode == BAD_INPUT, done.stderr
    assert "empty" in done.stderr, done.stderr


def test_a_mask_never_takes_the_place_of_its_image(image: Path) -> None:
    before = image.read_bytes()

    done = downcore("mask", str(image), "--px-per-cm", str(PX_PER_CM), "--out", str(image))

    assert done.returncode == BAD_SETTINGS, done.stderr
    assert image.read_bytes() == before, "the scan was overwritten"


def test_a_mask_that_cannot_be_written_says_so(image: Path, tmp_path: Path) -> None:
    out = tmp_path / "missing" / "mask.png"

    done = downcore("mask", str(image), "--px-per-cm", str(PX_PER_CM), "--out", str(out))

    assert done.returncode == BAD_SETTINGS, done.stderr
    assert "cannot write" in done.stderr, done.stderr


def test_a_scale_in_the_environment_serves_where_none_is_given(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOWNCORE_INBOX__PX_PER_CM", str(PX_PER_CM))

    done = downcore("mask", str(image), "--out", str(tmp_path / "mask.png"))

    assert done.returncode == 0, done.stderr


def test_a_fault_of_the_program_has_an_exit_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("a fault of ours")

    config = tmp_path / "edge.toml"
    config.write_text("")
    monkeypatch.setattr("downcore.service.daemon.run_daemon", fails)

    done = CliRunner().invoke(app, ["run", "--config", str(config)])

    assert done.exit_code == INTERNAL, done.output


def test_a_run_that_ends_by_itself_does_not_wait_for_a_missing_inbox(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text('[predict]\nbundles = ["resnet-18"]\n[mqtt]\nenabled = false\n')

    done = downcore("run", "--once", "--config", str(config))

    assert done.returncode == BAD_SETTINGS, done.stderr
    assert "inbox.path" in done.stderr, done.stderr


def test_simulate_lists_its_write_patterns_under_the_old_name_of_the_flag_too() -> None:
    shown = CliRunner().invoke(app, ["simulate", "nowhere", "--pattern", "list"])
    old = CliRunner().invoke(app, ["simulate", "nowhere", "--way", "list"])

    for pattern in ("growing-tiff", "strips-out-of-order", "slow-copy"):
        assert pattern in shown.output, shown.output
    assert old.stdout == shown.stdout
    assert "now called --pattern" in old.stderr
    assert "now called" not in shown.output


@pytest.mark.parametrize("scale", ["1/0", "two", "0", "-3"])
def test_simulate_refuses_a_scale_that_makes_no_sense(tmp_path: Path, scale: str) -> None:
    shown = CliRunner().invoke(app, ["simulate", str(tmp_path / "inbox"), "--px-per-cm", scale])

    assert shown.exit_code == 2, shown.output
    assert "expected" in shown.output or "Invalid" in shown.output, shown.output
    assert not list(tmp_path.rglob("*.tif")), "a scan was written all the same"


def test_help_needs_neither_openvino_nor_torch_nor_the_network() -> None:
    code = (
        "import sys; sys.argv = ['downcore', '--help']\n"
        "from downcore.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "loaded = {'openvino', 'torch', 'cv2', 'numpy', 'pydantic', 'paho', 'sqlite_utils'}\n"
        "assert not loaded & set(sys.modules), loaded & set(sys.modules)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr


def test_a_scan_has_one_name_from_whatever_folder_it_is_spoken_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scans").mkdir()
    cv2.imwrite(str(tmp_path / "scans" / "mud.png"), np.full((40, 60, 3), 90, np.uint8))
    words = ["--px-per-cm", "20", "--db", str(tmp_path / "c.db"), "--bundle", "resnet-18"]
    said = []
    for folder, name in ((tmp_path, "scans/mud.png"), (tmp_path / "scans", "mud.png")):
        monkeypatch.chdir(folder)
        said.append(CliRunner().invoke(app, ["process", name, *words]).output)

    assert said[0].startswith("mud: 2 cm"), said
    assert said[1].startswith("mud: 2 cm (known as"), said


def test_a_mask_never_takes_the_place_of_another_file(image: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), np.full((4, 4, 3), 90, np.uint8))
    before = other.read_bytes()

    done = downcore(
        "mask", str(image), "--px-per-cm", str(PX_PER_CM), "--top", "up", "--out", str(other)
    )

    assert done.returncode == BAD_SETTINGS, done.stdout
    assert "earlier mask" in done.stderr, done.stderr
    assert other.read_bytes() == before, "a scan was overwritten"


def test_a_list_in_the_environment_says_how_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWNCORE_PREDICT__BUNDLES", "resnet-18")

    done = downcore("config", "check")

    assert done.returncode == BAD_SETTINGS, done.stderr
    assert '["resnet-18"]' in done.stderr, done.stderr


def test_ctrl_c_keeps_what_is_kept_and_says_how_to_go_on(tmp_path: Path) -> None:
    core = generate(CoreRecipe(seed=4, length_cm=150.0, px_per_cm=PX_PER_CM, width_cm=7.0))
    job = scan_job(core, tmp_path, SECTION, px_per_cm=PX_PER_CM)
    *_, last = play(job, pattern_named("whole-by-rename"))
    command = [sys.executable, "-m", "downcore", "process", str(last.path), "--top", "up"]
    command += ["--px-per-cm", str(PX_PER_CM), "--db", str(tmp_path / "core.db")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None, "no pipe"
        # The first plain line of progress tells that slices are under way.
        first = running.stderr.readline()
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()

    if running.returncode != 0:  # a fast machine may have finished by then
        assert running.returncode == INTERRUPTED, first + rest
        assert "go on from there" in rest, rest


def test_a_folder_is_processed_as_an_inbox_is_and_each_scan_once(
    image: Path, tmp_path: Path
) -> None:
    scans = tmp_path / "scans" / "Exp401"
    scans.mkdir(parents=True)
    shutil.copy(image, scans / image.name)
    (scans / "notes.doc").write_text("words")
    (scans / ".hidden.tif").write_bytes(b"hidden")
    (scans.parent / "bad.tif").write_bytes(b"no image at all, but long enough to be looked at")

    done = processed(scans.parent, tmp_path / "core.db", str(scans / image.name))

    assert done.returncode == REFUSED, done.stdout
    assert done.stdout.count(f"{SECTION}: 4 cm") == 1, done.stdout + done.stderr
    assert "bad.tif" in done.stderr
    assert "notes.doc" not in done.stderr
    assert "hidden" not in done.stderr
    assert "of 2 scans done" in done.stderr, "expected the progress of all"


def test_a_folder_without_scans_is_said_to_be_so(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    done = processed(empty, tmp_path / "core.db")

    assert done.returncode == REFUSED
    assert "empty: expected scans in the folder or below, got none" in done.stderr


def test_letters_that_the_locale_lacks_are_spelt_out(tmp_path: Path) -> None:
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "downcore", "status", "--db", str(tmp_path / "kärn µ.db")]

    done = subprocess.run(
        command, capture_output=True, text=True, timeout=110, check=False, env=environment
    )

    assert done.returncode == REFUSED, done.stderr
    assert "Traceback" not in done.stderr
    assert "no daemon is running on" in done.stdout
