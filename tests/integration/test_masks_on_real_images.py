"""Floors lie a little below what ``benchmarks/mask_iou.py`` measured on the same scans."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import MaskClass
from downcore.strata.mask.masker import MASK_HALO_UM, SectionMasker
from downcore.strata.section import SectionBuffer
from downcore.strata.segment import Segment
from downcore_training.mask.references import UNSCORED, labels_of, lines_first, read_references

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("DOWNCORE_REAL_DATA", ROOT.parent / "shared" / "data" / "real"))
REFERENCES = {one.name: one for one in read_references(ROOT / "tests" / "data" / "mask_references")}


FLOORS = {
    "Kite1.1": 0.94,
    "Kite2.1": 0.83,
    "LP161A": 0.91,
    "LP161B": 0.92,
    "LP161C": 0.85,
    "LP162A": 0.91,
    "LP162B": 0.92,
    "LP163A": 0.92,
    "LP164B": 0.87,
    "YAN8B1_200um": 0.85,
    "YAN8B1_2mm": 0.97,
    "M9907-12PC": 0.6,
    "M9907-23PC": 0.43,
    "M9907-25PC": 0.59,
    "CD166_19_S1": 0.6,
}
"""Least intersection over union of what is not sediment."""


def picture(path: Path) -> NDArray[np.uint8]:
    if not path.exists():
        pytest.skip(f"the folder of real scans has no {path.name}; set DOWNCORE_REAL_DATA to it")
    if path.suffix == ".tif":
        return np.ascontiguousarray(tifffile.imread(path)[..., :3])
    return np.ascontiguousarray(np.asarray(cv2.imread(str(path)))[..., ::-1])


def test_every_marked_scan_has_a_floor() -> None:
    assert set(REFERENCES) == set(FLOORS)


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_tray_foam_and_cards_of_a_real_scan_are_not_called_sediment(name: str) -> None:
    reference = REFERENCES[name]
    stored = picture(REAL / reference.image)
    truth = lines_first(labels_of(reference, stored), reference.top)
    scale = LineScale.of(reference.px_per_cm)
    buffer = SectionBuffer(scale, halo_um=MASK_HALO_UM)

    slices = buffer.push(Segment(lines_first(stored, reference.top), 0)) + buffer.finish()
    masker = SectionMasker(scale)
    mask = np.concatenate([masker.mask(one) for one in slices])

    assert len(slices) == scale.n_slices(len(truth)), "one slice for each centimetre"
    scored = truth != UNSCORED
    other, found = truth[scored] != MaskClass.SEDIMENT, mask[scored] != MaskClass.SEDIMENT
    overlap = np.count_nonzero(other & found) / np.count_nonzero(other | found)
    assert overlap >= FLOORS[name], f"intersection over union is {overlap:.3f}"
