"""The demo's plate of a core whose rows are not all there."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from played_device import PX_PER_CM, Device, core_lines, job_of

from downcore.demo.picture import PICTURE_ROWS_PER_CM, _picture, draw_core
from downcore.demo.place import CORE_NAME
from downcore.simulator.image_lines import ImageLines
from downcore.simulator.scanner import pattern_named
from downcore.store import Reader

pytest.importorskip("matplotlib", reason="the plate needs the extra 'demo'")


def scan_into(device: Device, number: int, length_cm: float) -> Path:
    name = f"{CORE_NAME}_{number:02}"
    steps = pattern_named("growing-tiff").write(
        job_of(core_lines(seed=number, length_cm=length_cm), device.inbox, name)
    )
    return [step.path for step in steps][-1]


@pytest.mark.parametrize("n_least", [1, 5, 9])
def test_a_core_whose_rows_are_not_all_there_is_drawn_with_what_is(
    tmp_path: Path, n_least: int
) -> None:
    with Device(tmp_path) as device:
        for number, length_cm in ((1, 6.0), (2, 9.0)):
            scan_into(device, number, length_cm)
        n_rows = 0
        for _ in range(60):
            if n_rows >= n_least:
                break
            device.round()
            ((n_rows,),) = device.all("SELECT count(*) FROM slice")
        with Reader.open(device.database) as reader:
            plate = draw_core(reader, tmp_path / "plate.png", device.inbox)

    assert n_least <= n_rows < 15
    assert plate is not None
    assert plate.drawn_cm == n_rows
    assert cv2.imread(str(plate.path)) is not None


def test_a_core_without_any_row_has_no_plate(tmp_path: Path) -> None:
    with Device(tmp_path) as device, Reader.open(device.database) as reader:
        assert draw_core(reader, tmp_path / "plate.png", device.inbox) is None


def test_a_picture_is_as_long_as_its_image_however_few_rows_there_are(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        lines = ImageLines(scan_into(device, 1, 6.0))

    picture = _picture(lines, Fraction(PX_PER_CM))

    assert len(picture) == 6 * PICTURE_ROWS_PER_CM
    assert picture.dtype == np.uint8
