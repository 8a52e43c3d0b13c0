"""A section processed with measured rows: a profile of its own whose rows all say so."""

import json
from pathlib import Path

import pytest
from tests.support.played_device import PX_PER_CM, Device, core_lines
from typer.testing import CliRunner

from downcore.cli import app
from downcore.commands.process import process_at
from downcore.service.measured_series import calibrated_station, read_measured
from downcore.strata.errors import MeasuredRowsError
from downcore.strata.measured import MeasuredRows, parse_measured

ROWS = "depth_cm,density\n0.5,1.9\n1.5,1.95\n2.5,1.9\n"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "GC01.png"
    assert cv2.imwrite(str(path), core_lines(length_cm=8.6)[:, :, ::-1])
    return path


def processed(device: Device, image: Path, measured: MeasuredRows) -> None:
    station = calibrated_station(device.station, measured)
    (outcome,) = process_at(station, [image], on_slices=lambda *_: None)
    assert outcome.is_stored, outcome.sentence


def series(device: Device, of: str = "") -> list[tuple[object, ...]]:
    """Return the rows of the corrected series, or of the bundle ``of``."""
    return device.all(
        "SELECT slice_index, property, value, lower, upper, status, reason, bundle_id"
        " FROM estimate WHERE (bundle_id = ?) OR (? = '' AND bundle_id <> 'b1')"
        " ORDER BY slice_index, property",
        of,
        of,
    )


def test_the_profile_stands_beside_the_plain_one(tmp_path: Path, image: Path) -> None:
    measured = parse_measured(ROWS, "rows")
    before = image.read_bytes()
    with Device(tmp_path) as device:
        (plain,) = process_at(device.station, [image], on_slices=lambda *_: None)
        uncorrected = series(device, "b1")
        processed(device, image, measured)

        found = series(device)

        assert plain.is_stored
        assert series(device, "b1") == uncorrected, "predictions must not be overwritten"
        assert len(found) == len(uncorrected)
        assert image.read_bytes() == before
        for was, now in zip(uncorrected, found, strict=True):
            assert was[:2] == now[:2]
            assert was[5] == now[5]
            if now[5] == "predicted" and now[1] == "density":
                assert "with 3 measured rows, the nearest" in str(now[6])
            elif now[5] == "predicted":
                assert "no measured ms" in str(now[6])
                assert was[2:5] == now[2:5]
        density = [
            (float(was[2]), float(now[2]))  # type: ignore[arg-type] # a REAL column
            for was, now in zip(uncorrected, found, strict=True)
            if now[1] == "density" and now[5] == "predicted"
        ]
        assert density
        at_rows = [now for _, now in density[:3]]
        assert at_rows == pytest.approx([1.9, 1.95, 1.9], abs=0.03), "a row is what was measured"


def test_the_store_says_what_a_series_was_corrected_with(tmp_path: Path, image: Path) -> None:
    measured = parse_measured(ROWS, "rows")
    with Device(tmp_path) as device:
        processed(device, image, measured)

        ids = {row[-1] for row in series(device)}
        told = [
            json.loads(text)
            for bundle_id, text in device.all("SELECT bundle_id, manifest FROM bundle")
            if bundle_id in ids
        ]

    assert len(ids) == len(told) == 1
    assert told[0]["corrected_series_of"] == "b1"
    assert told[0]["measured_sha256"] == measured.sha256
    assert len(told[0]["measured_rows"]) == 3


@pytest.mark.parametrize("slices_per_step", [1, 3])
def test_rows_of_a_profile_do_not_depend_on_the_cuts(
    tmp_path: Path, image: Path, slices_per_step: int
) -> None:
    measured = parse_measured(ROWS, "rows")
    logs = []
    for steps in (64, slices_per_step):
        home = tmp_path / f"by-{steps}"
        home.mkdir()
        with Device(home, slices_per_step=steps) as device:
            processed(device, image, measured)
            logs.append(series(device))

    assert logs[0] == logs[1]


def test_a_series_that_was_cut_off_goes_on_with_the_same_profile(
    tmp_path: Path, image: Path
) -> None:
    measured = parse_measured(ROWS, "rows")
    with Device(tmp_path, slices_per_step=1) as device:
        seen: list[int] = []

        def stop_after_five(_: str, n_slices: int, __: int | None) -> None:
            seen.append(n_slices)
            if n_slices >= 5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            process_at(
                calibrated_station(device.station, measured), [image], on_slices=stop_after_five
            )
        part = series(device)
        processed(device, image, measured)
        whole = series(device)

    assert 0 < len(part) < len(whole)
    assert whole[: len(part)] == part


def test_rows_far_below_the_end_of_the_section_change_nothing_and_that_is_told(
    tmp_path: Path, image: Path
) -> None:
    measured = parse_measured("depth_cm,density\n50,1.9\n51,1.9\n52,1.9\n", "rows")
    with Device(tmp_path) as device:
        processed(device, image, measured)
        found = series(device)

    told = [str(row[6]) for row in found if row[1] == "density" and row[5] == "predicted"]
    assert told
    assert all("no measured row within 20 cm" in one for one in told)


def test_another_file_of_rows_makes_another_series(tmp_path: Path, image: Path) -> None:
    with Device(tmp_path) as device:
        processed(device, image, parse_measured(ROWS, "rows"))
        processed(device, image, parse_measured(ROWS.replace("1.95", "1.96"), "rows"))

        assert len({row[-1] for row in series(device)}) == 2


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(MeasuredRowsError, match=r"none\.csv: cannot read it"):
        read_measured(tmp_path / "none.csv")
    with pytest.raises(MeasuredRowsError, match="expected text in UTF-8"):
        read_measured(tmp_path / "rows.csv")


def test_measured_rows_belong_to_one_image(tmp_path: Path, image: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(ROWS)

    ran = CliRunner().invoke(
        app,
        ["process", str(image), str(image), "--px-per-cm", PX_PER_CM, "--measured", str(rows)],
    )

    assert ran.exit_code == 2
    assert "expected one image with --measured, got 2" in " ".join(ran.output.split())
