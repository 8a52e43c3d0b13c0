"""The commands that correct, list and look up, as a technician types them."""

import logging
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from played_device import Device, bytes_below, core_lines, job_of
from small_bundle import write_bundle
from typer.testing import CliRunner

import downcore
from downcore.cli import app
from downcore.commands import process
from downcore.exit_codes import INTERRUPTED, REFUSED
from downcore.simulator.scanner import pattern_named
from downcore.store import Reader
from downcore.strata.errors import DowncoreError, SectionError, UnknownSectionError

NAMES = ("GC01_01", "GC01_02", "GC01_03")


def write(folder: Path, name: str, seed: int = 3) -> Path:
    path = folder / name
    for step in pattern_named("growing-tiff").write(
        job_of(core_lines(seed, length_cm=2.3), folder, name, may_replace=True)
    ):
        path = step.path
    return path


def typed(device: Device, *words: str, answer: str | None = None) -> Result:
    """Return what a command did; the settings are the defaults but for the store."""
    return CliRunner().invoke(app, [*words, "--db", str(device.database)], input=answer)


def refusal(device: Device, *words: str) -> str:
    error = typed(device, *words).exception
    assert isinstance(error, DowncoreError), repr(error)
    return str(error)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    """Yield a device that has read three sections and is stopped, as no daemon runs."""
    with Device(tmp_path) as device:
        for seed, name in enumerate(NAMES):
            write(device.inbox, name, seed)
        device.rest()
        device.stop()
        yield device


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "small")


@pytest.fixture
def config(tmp_path: Path, bundle: Path) -> Path:
    """Return settings with a wrong scale."""
    (tmp_path / "inbox").mkdir()
    path = tmp_path / "edge.toml"
    path.write_text(
        f'[inbox]\npath = "inbox"\npx_per_cm = "10"\nsettle_s = 0.0\nwatch_events = false\n'
        f'[predict]\nbundles = ["{bundle}"]\n[composition]\nenabled = false\n'
        f"[terminal]\nenabled = false\n"
    )
    return path


def scans_of(database: Path) -> list[tuple[str, str, float]]:
    with Reader.open(database) as reader:
        return [
            (one.scan.section_id, one.status.state.value, float(one.scan.px_per_cm))
            for one in reader.scans()
        ]


def test_a_wrong_scale_is_corrected_in_one_command_that_goes_on_where_it_was_stopped(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, database = config.parent / "inbox", config.parent / "downcore.db"
    for seed, name in enumerate(NAMES):
        write(inbox, name, seed)
    before = bytes_below(inbox)
    words = ["--config", str(config)]
    assert CliRunner().invoke(app, ["run", "--once", *words]).exit_code == 0
    logging.getLogger().handlers.clear()
    assert scans_of(database) == [(name, "done", 10.0) for name in NAMES]

    read = process._process
    n_read = 0

    def stopped_at_the_second(*args: object) -> object:
        nonlocal n_read
        n_read += 1
        if n_read == 2:
            raise KeyboardInterrupt
        return read(*args)  # type: ignore[arg-type]

    redo = ["redo", "GC01_*", "--px-per-cm", "12.5", "--why", "a typing error", *words]
    with monkeypatch.context() as patch:
        patch.setattr(process, "_process", stopped_at_the_second)
        stopped = CliRunner().invoke(app, redo)
    assert stopped.exit_code == INTERRUPTED, stopped.output
    assert sum(state == "superseded" for _, state, _ in scans_of(database)) == 1
    again = CliRunner().invoke(app, redo)

    assert again.exit_code == 0, again.output
    wrong, right = scans_of(database)[:3], scans_of(database)[3:]
    assert wrong == [(name, "superseded", 10.0) for name in NAMES]
    assert sorted(right) == [(name, "done", 12.5) for name in NAMES]
    assert CliRunner().invoke(app, ["run", "--once", *words]).exit_code == 0
    logging.getLogger().handlers.clear()
    assert len(scans_of(database)) == 6, "nothing is read again"
    assert bytes_below(inbox) == before, "the files are as they were"


def test_process_at_another_scale_supersedes_and_is_announced_where_anybody_listens(
    config: Path,
) -> None:
    inbox, database = config.parent / "inbox", config.parent / "downcore.db"
    path = write(inbox, "GC01_01")
    assert CliRunner().invoke(app, ["run", "--once", "--config", str(config)]).exit_code == 0
    logging.getLogger().handlers.clear()
    with Reader.open(database) as reader:
        n_announced = reader.origin().head_seq

    settings = {"DOWNCORE_COMPOSITION__ENABLED": "false"}
    bundle = config.read_text().partition('bundles = ["')[2].partition('"')[0]
    words = ["process", str(path), "--bundle", bundle, "--db", str(database)]
    done = CliRunner().invoke(app, [*words, "--px-per-cm", "12.5"], env=settings)

    assert done.exit_code == 0, done.output
    assert "takes the place of" in done.output
    assert "copy" not in done.output
    assert scans_of(database) == [("GC01_01", "superseded", 10.0), ("GC01_01", "done", 12.5)]
    with Reader.open(database) as reader:
        kinds = [entry.kind.value for entry in reader.entries(n_announced, 100)]
    assert {"log", "state"} <= set(kinds)
    assert CliRunner().invoke(app, ["run", "--once", "--config", str(config)]).exit_code == 0
    logging.getLogger().handlers.clear()
    assert len(scans_of(database)) == 2, "what a person said holds against the settings"


def test_a_correction_is_handed_to_the_daemon_that_runs(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("downcore.commands.correct.PATIENCE_S", 0.0)
    device.start()
    done = typed(device, "redo", "GC01_*", "--px-per-cm", "10")
    assert done.exit_code == 0, done.output
    assert "takes it up at its next look" in done.output
    device.rest()

    assert device.scans("state") == [("superseded",)] * 3 + [("done",)] * 3
    ((by,),) = device.all("SELECT DISTINCT made_by FROM correction")
    assert by == device.scans("reason")[0][0].removeprefix("redo by ")


def test_the_log_finds_a_section_by_a_part_of_its_name_and_lists_several(device: Device) -> None:
    whole = typed(device, "log", "GC01_02", "--csv")
    part = typed(device, "log", "1_02", "--csv")

    assert part.stdout == whole.stdout
    assert "section GC01_02" in part.stderr
    assert "3: GC01_01, GC01_02, GC01_03" in refusal(device, "log", "gc01")
    assert "did you mean 'GC01_01'" in refusal(device, "log", "GC01-01")


@pytest.mark.parametrize("asked", ["*_02", "gc01_0?", "GC01_02.tif", "inbox/GC01_02.tif"])
def test_the_log_finds_a_section_by_a_pattern_or_by_its_file(device: Device, asked: str) -> None:
    if "?" in asked:
        assert "fits 3: GC01_01, GC01_02, GC01_03" in refusal(device, "log", asked)
        return

    assert typed(device, "log", asked, "--csv").stdout == (
        typed(device, "log", "GC01_02", "--csv").stdout
    )


def test_a_section_is_found_by_the_name_of_its_file_however_its_accents_are_written(
    device: Device,
) -> None:
    device.start()
    for seed, name in enumerate(("Bohrkern Süd 1", "Bohrkern Süd 2")):
        write(device.inbox, name, 20 + seed)
    device.rest()
    device.stop()

    apart = unicodedata.normalize("NFD", "Bohrkern Süd 1")
    (first,), (second,) = device.scans("section_id")[-2:]
    for asked in (apart, "süd 1", "Bohrkern Süd 1.tif"):
        assert f"section {first}" in typed(device, "log", asked, "--csv").stderr
    assert f"fits 2: {first}, {second}" in refusal(device, "log", "*süd*")


def test_a_scan_is_corrected_by_the_name_of_its_file_whatever_its_script(device: Device) -> None:
    folder = device.inbox / "Süd fahrt"
    folder.mkdir()
    device.start()
    write(folder, "Kern Ä 1", 30)
    device.rest()
    device.stop()
    (section,) = device.scans("section_id")[-1]

    assert typed(device, "exclude", "Kern Ä 1.tif").exit_code == 0
    assert device.scans("left_out")[-1] == ("excluded",)
    assert typed(device, "include", "Süd fahrt/Kern Ä 1.tif").exit_code == 0
    assert device.scans("section_id", "left_out")[-1] == (section, "")


def test_a_name_is_given_to_one_section_only(device: Device) -> None:
    said = refusal(device, "rename", "GC01_*", "GC09_01")

    assert "fits 3: GC01_01, GC01_02, GC01_03" in said
    assert device.all("SELECT count(*) FROM correction") == [(0,)]


def test_an_exact_name_is_found_though_it_is_a_part_of_others(device: Device) -> None:
    device.start()
    write(device.inbox, "GC01_010", 9)
    device.rest()

    assert "10" not in typed(device, "log", "GC01_01").stderr
    assert typed(device, "log", "GC01_01", "--csv").exit_code == 0


def test_the_log_reads_superseded_scans_and_says_what_was_corrected(device: Device) -> None:
    (wrong,) = device.scans("scan_id")[0]
    before = typed(device, "log", "GC01_01", "--csv").stdout
    typed_redo = typed(device, "exclude", "GC01_02", "--why", "a test scan")
    assert typed_redo.exit_code == 0, typed_redo.output
    device.start()
    write(device.inbox, "GC01_01", 9)
    device.rest()

    assert typed(device, "log", "--scan", wrong[:8], "--csv").stdout == before
    shown = typed(device, "log", "--scan", wrong).stdout
    assert "superseded by scan" in shown.splitlines()[0]
    assert typed(device, "log", "GC01_01", "--csv").stdout != before
    assert "expected the identity of one scan" in refusal(device, "log", "--scan", "zz")
    listed = typed(device, "corrections").stdout
    assert "a test scan" in listed
    assert "excluded by " in typed(device, "log").stdout


def test_an_excluded_section_says_so_wherever_it_is_asked_for(device: Device) -> None:
    assert typed(device, "exclude", "GC01_02", "--why", "a test scan").exit_code == 0

    said = refusal(device, "log", "GC01_02")
    assert "a test scan" in said
    assert "`downcore include GC01_02`" in said
    log = downcore.open(device.database)
    assert list(log) == ["GC01_01", "GC01_03"]
    with pytest.raises(SectionError, match="a test scan"):
        log["GC01_02"]
    scan_id = next(one.scan_id for one in log.sections() if one.section == "GC01_02")
    assert len(log.section("GC01_02", scan=scan_id).rows) == 3
    (one,) = log.corrections("GC01_02")
    assert (one.verb, one.why) == ("exclude", "a test scan")
    assert typed(device, "include", "GC01_02").exit_code == 0
    assert list(downcore.open(device.database)) == list(NAMES)


def test_forgetting_asks_first_and_leaves_nothing_but_the_audit(device: Device) -> None:
    (scan_id,) = device.scans("scan_id")[1]
    kept = typed(device, "forget", "GC01_02", answer="n\n")
    assert (kept.exit_code, "GC01_02?" in kept.stdout) == (REFUSED, True)
    assert typed(device, "log", "GC01_02").exit_code == 0
    n_slices = device.all("SELECT count(*) FROM slice")

    assert typed(device, "forget", "GC01_02", "--yes", "--why", "no core at all").exit_code == 0

    assert "GC01_02" not in typed(device, "log").stdout
    assert isinstance(typed(device, "log", "--scan", scan_id).exception, UnknownSectionError)
    assert "no core at all" in typed(device, "corrections").stdout
    assert list(downcore.open(device.database)) == ["GC01_01", "GC01_03"]
    assert device.all("SELECT count(*) FROM slice") == n_slices
    device.start()
    shutil.copy(device.inbox / "GC01_02.tif", device.inbox / "GC01_07.tif")
    device.rest()
    assert list(downcore.open(device.database)) == ["GC01_01", "GC01_03"], "nor does a copy"
    device.stop()
    assert typed(device, "include", "GC01_02").exit_code == 0
    assert list(downcore.open(device.database)) == list(NAMES)


def test_a_name_that_another_section_has_is_not_given_away(device: Device) -> None:
    assert "GC01_02" in refusal(device, "rename", "GC01_01", "GC01_02")
    wrong = typed(device, "rename", "GC01_01", "GC 01/9")
    assert wrong.exit_code == 2
    assert device.all("SELECT count(*) FROM correction") == [(0,)]


@pytest.mark.parametrize("verb", ["redo", "exclude", "include", "release", "forget"])
def test_what_means_no_section_changes_nothing_and_names_what_there_is(
    device: Device, verb: str
) -> None:
    said = refusal(device, verb, "GC09_*", *(["--yes"] if verb == "forget" else []))

    assert "expected" in said
    assert device.all("SELECT count(*) FROM correction") == [(0,)]


def test_a_file_that_was_set_aside_is_released_by_its_name(device: Device) -> None:
    device.start()
    path = device.inbox / "GC02_01.tif"
    path.write_bytes(b"II*\0" + bytes(200))
    device.until_given_up()
    assert path.name in device.reasons()
    device.stop()

    said = refusal(device, "log", "GC02_01")
    assert f"{path.name} was set aside" in said.replace(str(path.parent) + "/", "")
    assert f"`downcore release {path.name}`" in said
    assert typed(device, "release", "GC02_*").exit_code == 0
    assert device.reasons() == {}
