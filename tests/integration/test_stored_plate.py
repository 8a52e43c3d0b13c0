"""The plate of a stored section: what the record says, and the image only where it is the same."""

import contextlib
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from played_device import Device, DigestPredictor, bytes_below, core_lines, job_of

from downcore import cli
from downcore.commands.plate import DrawnPlate, stored_plate, write_plate
from downcore.demo.place import CORE_NAME
from downcore.demo.show import draw_core
from downcore.exit_codes import MISSING_EXTRA, OK, REFUSED
from downcore.plate import SIMULATED_CAVEAT, is_earlier_plate
from downcore.settings import Settings, load_settings
from downcore.simulator.scanner import pattern_named
from downcore.sources import Limits
from downcore.store import Reader
from downcore.strata.errors import SectionError, SettingsError

pytest.importorskip("matplotlib", reason="the plate needs the extra 'demo'")

UPPER, LOWER = f"{CORE_NAME}_01", f"{CORE_NAME}_02"


def scan_into(device: Device, name: str, *, seed: int = 3) -> Path:
    lines = core_lines(seed, length_cm=4.6)
    steps = list(pattern_named("growing-tiff").write(job_of(lines, device.inbox, name)))
    return steps[-1].path


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """Yield a device that has read two sections of one core, with two bundles."""
    predictors = (DigestPredictor("aaa1"), DigestPredictor("bbb2"))
    with Device(tmp_path_factory.mktemp("device"), predictors) as device:
        scan_into(device, UPPER, seed=1)
        scan_into(device, LOWER, seed=2)
        device.rest()
        yield device


def drawn(device: Device, *sections: str, bundle: str | None = None) -> DrawnPlate:
    with Reader.open(device.database) as reader:
        return stored_plate(reader, sections, Limits(), bundle=bundle)


@contextlib.contextmanager
def tops_in_core(device: Device, **tops_um: int | None) -> Iterator[None]:
    """Let the record know where sections begin in the core, for as long as the block lasts."""

    def write(tops: dict[str, int | None]) -> None:
        with contextlib.closing(sqlite3.connect(device.database)) as connection, connection:
            connection.executemany(
                "UPDATE scan SET section_top_um = ? WHERE section_id = ?",
                [(top_um, section) for section, top_um in tops.items()],
            )

    write(tops_um)
    try:
        yield
    finally:
        write(dict.fromkeys(tops_um))


def settings_of(device: Device) -> Settings:
    return load_settings(None, store={"path": device.database}, inbox={"path": device.inbox})


def test_a_stored_section_is_drawn_with_its_rows_and_its_image(scanned: Device) -> None:
    plate = drawn(scanned, UPPER).plate

    (section,) = plate.sections
    assert plate.title == f"Section {UPPER}"
    assert not plate.is_depth_in_core
    assert plate.note == ""
    assert [part.bottom_um for part in section.slices] == [10_000, 20_000, 30_000, 40_000, 46_400]
    assert section.picture is not None
    assert (section.picture == core_lines(1, length_cm=4.6)).all(), "the image is another"


def test_the_newest_of_bundles_with_equally_many_values_is_drawn_unless_one_is_asked_for(
    scanned: Device,
) -> None:
    newest = drawn(scanned, UPPER)
    asked = drawn(scanned, UPPER, bundle="aaa")

    assert newest.plate.bundle == "resnet-18 int8 bbb2"
    assert newest.notes == ("not drawn: resnet-18 int8 aaa1; --bundle chooses",)
    assert asked.plate.bundle == "resnet-18 int8 aaa1"
    ids = {e.bundle_id for part in asked.plate.slices for e in part.estimates}
    assert ids == {"aaa1"}


def test_a_bundle_that_the_section_lacks_is_refused_with_those_it_has(scanned: Device) -> None:
    with pytest.raises(SectionError, match=r"got 'ccc'; it has: resnet-18 int8 bbb2, .* aaa1"):
        drawn(scanned, UPPER, bundle="ccc")


def test_sections_of_one_core_whose_tops_are_unknown_follow_one_another(scanned: Device) -> None:
    plate = drawn(scanned, UPPER, LOWER, UPPER).plate

    assert plate.title == "Core 2026-000-FA SIM01, sections 01, 02"
    assert [section.name for section in plate.sections] == ["section 01", "section 02"]
    assert not plate.is_depth_in_core
    assert [(s.top_um, s.bottom_um) for s in plate.sections] == [(0, 46_400), (46_400, 92_800)]


def test_sections_whose_tops_are_known_lie_at_their_depth_in_the_core(scanned: Device) -> None:
    with tops_in_core(scanned, **{UPPER: 1_000_000, LOWER: 1_100_000}):
        plate = drawn(scanned, LOWER, UPPER).plate
        one = drawn(scanned, LOWER).plate

    assert plate.is_depth_in_core
    assert [s.top_um for s in plate.sections] == [1_000_000, 1_100_000]
    assert plate.sections[1].slices[0].top_um == 1_100_000
    assert one.title == f"Section {LOWER}, top at 110 cm in the core"


@pytest.mark.parametrize("tops_um", [(0, 30_000), (0, None)], ids=["overlapping", "one unknown"])
def test_sections_without_a_place_of_their_own_in_the_core_keep_their_own_depths(
    scanned: Device, tops_um: tuple[int | None, int | None]
) -> None:
    with tops_in_core(scanned, **dict(zip((UPPER, LOWER), tops_um, strict=True))):
        plate = drawn(scanned, UPPER, LOWER).plate

    assert not plate.is_depth_in_core
    assert [s.top_um for s in plate.sections] == [0, 46_400]


def test_an_image_that_went_away_is_not_drawn_and_the_plate_says_so(
    tmp_path: Path,
) -> None:
    with Device(tmp_path) as device:
        path = scan_into(device, "GONE")
        device.rest()
        path.unlink()

        plate = drawn(device, "GONE").plate

    assert plate.sections[0].picture is None
    assert "mean colour" in plate.note
    assert "No such file" in plate.note
    assert any(part.linear_rgb for part in plate.slices)


def test_a_changed_pixel_is_another_image(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        path = scan_into(device, "OTHER")
        device.rest()
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

        plate = drawn(device, "OTHER").plate

    assert plate.sections[0].picture is None
    assert plate.note.endswith("OTHER.tif has other lines than were scanned")


def test_a_scan_that_still_grows_has_the_image_of_its_rows(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        steps = pattern_named("growing-tiff").write(
            job_of(core_lines(length_cm=6.6), device.inbox, "GROWS")
        )
        plate = None
        for _ in steps:
            device.round()
            if device.all("SELECT count(*) FROM slice") == [(2,)]:
                plate = drawn(device, "GROWS").plate
                break

    assert plate is not None, "expected a look at which two slices were there"
    picture = plate.sections[0].picture
    assert picture is not None, plate.note
    assert len(picture) == 25, "expected two slices of 12.5 lines"


def test_a_section_without_rows_says_how_far_its_scan_is(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        scan_into(device, "NEW")
        device.rest()
        with contextlib.closing(sqlite3.connect(device.database)) as connection, connection:
            connection.execute("DELETE FROM estimate")
            connection.execute("DELETE FROM slice")
        with pytest.raises(SectionError, match="section 'NEW' has no row yet; its scan is done"):
            drawn(device, "NEW")


def test_an_unknown_section_names_the_nearest_and_all(scanned: Device) -> None:
    with pytest.raises(SectionError, match=rf"did you mean '{LOWER}'\? known: {UPPER}, {LOWER}"):
        drawn(scanned, f"{LOWER}x")


@pytest.mark.parametrize("ending", ["png", "PDF"])
def test_drawing_writes_one_file_and_touches_nothing_else(
    scanned: Device, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"plate.{ending}"
    before = bytes_below(scanned.inbox)

    words = write_plate([UPPER], out, settings_of(scanned))
    again = write_plate([LOWER], out, settings_of(scanned))

    assert words.startswith(f"{out}: Section {UPPER}")
    assert again.startswith(f"{out}: Section {LOWER}"), "an earlier plate is replaced"
    assert is_earlier_plate(out)
    assert bytes_below(scanned.inbox) == before
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_what_is_no_earlier_plate_is_never_replaced(scanned: Device, tmp_path: Path) -> None:
    (photo := tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "folder.pdf").mkdir()
    settings = settings_of(scanned)
    for out, reason in (
        (photo, "expected a new file for --out, or an earlier one"),
        (tmp_path / "plate.jpg", r"ends in .png or .pdf or .svg for --out, got .*plate.jpg"),
        (tmp_path / "none" / "plate.png", "expected a folder that exists"),
        (tmp_path / "folder.pdf", "got the folder"),
        (scanned.inbox / "plate.png", "expected a file outside the inbox"),
        (scanned.database, "ends in .png"),
    ):
        with pytest.raises(SettingsError, match=reason):
            write_plate([UPPER], out, settings)
    assert photo.read_bytes() == b"\x89PNG\r\n\x1a\n"


def plate_command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Return the exit code of ``downcore plate``."""
    monkeypatch.setattr("sys.argv", ["downcore", "plate", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_the_command_draws_and_says_what(
    scanned: Device,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "plate.png"
    words = ("--db", str(scanned.database), "--out", str(out), "--bundle", "aaa1")

    assert plate_command(monkeypatch, UPPER, LOWER, *words) == OK
    assert "Core 2026-000-FA SIM01, sections 01, 02" in capsys.readouterr().out
    assert is_earlier_plate(out)
    assert plate_command(monkeypatch, "nobody", *words) == REFUSED
    assert f"known: {UPPER}, {LOWER}" in capsys.readouterr().err


def test_a_store_named_on_the_command_line_counts_from_where_the_command_is_given(
    scanned: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, out = tmp_path / "edge.toml", tmp_path / "plate.png"
    config.write_text('[store]\npath = "another.db"\n', encoding="utf-8")
    monkeypatch.chdir(scanned.database.parent)
    words = ("--db", scanned.database.name, "--config", str(config), "--out", str(out))

    assert plate_command(monkeypatch, UPPER, *words) == OK
    assert is_earlier_plate(out)


def test_without_matplotlib_the_command_says_how_to_install_it_before_it_reads_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")

    monkeypatch.setattr("downcore.commands.plate.check_can_draw", missing)
    no_database = ("--db", str(tmp_path / "none.db"), "--out", str(tmp_path / "plate.png"))

    assert plate_command(monkeypatch, "X", *no_database) == MISSING_EXTRA
    message = capsys.readouterr().err
    assert f"install it with: {sys.executable} -m pip install " in message
    assert "'matplotlib<4,>=3.10'" in message


def test_the_demo_draws_the_sections_that_have_rows_as_simulated(
    scanned: Device, tmp_path: Path
) -> None:
    with Reader.open(scanned.database) as reader:
        plate = draw_core(reader, tmp_path / "plate.png")

    assert plate is not None
    assert len(plate.slices) == 10
    assert plate.caveat == SIMULATED_CAVEAT
    assert is_earlier_plate(tmp_path / "plate.png")


def test_a_demo_without_any_row_has_no_plate(tmp_path: Path) -> None:
    with Device(tmp_path) as device, Reader.open(device.database) as reader:
        assert draw_core(reader, tmp_path / "plate.png") is None
    assert not (tmp_path / "plate.png").exists()
