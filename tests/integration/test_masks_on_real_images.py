"""Floors lie a little below what ``benchmarks/mask_iou.py`` measured on the same scans."""

import os
from functools import cache
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
    "LP161B": 0.9,
    "LP161C": 0.85,
    "LP162A": 0.91,
    "LP162B": 0.9,
    "LP163A": 0.92,
    "LP164B": 0.87,
    "YAN8B1_200um": 0.85,
    "YAN8B1_2mm": 0.86,
    "ODP887A-1H-1": 0.86,
    "ODP887A-1H-2": 0.91,
    "ODP887A-1H-3": 0.9,
    "ODP887A-1H-4": 0.89,
    "ODP887A-2H-1": 0.84,
    "ODP887A-2H-2": 0.91,
    "ODP887A-2H-3": 0.9,
    "ODP887A-2H-4": 0.92,
    "ODP887A-2H-6": 0.92,
    "ODP887A-2H-7": 0.89,
    "M9907-12PC": 0.6,
    "M9907-23PC": 0.41,
    "M9907-25PC": 0.59,
    "CD166_19_S1": 0.6,
}
"""Least intersection over union of what is not sediment."""


TABLES_KEPT_APART = tuple(
    sorted(name for name, one in REFERENCES.items() if name.startswith("ODP") and not one.is_fitted)
)


def picture(path: Path) -> NDArray[np.uint8]:
    if not path.exists():
        pytest.skip(f"the folder of real scans has no {path.name}; set DOWNCORE_REAL_DATA to it")
    if path.suffix == ".tif":
        return np.ascontiguousarray(tifffile.imread(path)[..., :3])
    return np.ascontiguousarray(np.asarray(cv2.imread(str(path)))[..., ::-1])


def test_every_marked_scan_has_a_floor() -> None:
    assert set(REFERENCES) == set(FLOORS)


@cache
def truth_and_mask(name: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    reference = REFERENCES[name]
    stored = picture(REAL / reference.image)
    truth = lines_first(labels_of(reference, stored), reference.top)
    scale = LineScale.of(reference.px_per_cm)
    buffer = SectionBuffer(scale, halo_um=MASK_HALO_UM)
    slices = buffer.push(Segment(lines_first(stored, reference.top), 0)) + buffer.finish()
    masker = SectionMasker(scale)
    mask = np.concatenate([masker.mask(one) for one in slices])
    assert len(slices) == scale.n_slices(len(truth)), "one slice for each centimetre"
    return truth, mask


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_tray_foam_and_cards_of_a_real_scan_are_not_called_sediment(name: str) -> None:
    truth, mask = truth_and_mask(name)

    scored = truth != UNSCORED
    other, found = truth[scored] != MaskClass.SEDIMENT, mask[scored] != MaskClass.SEDIMENT
    overlap = np.count_nonzero(other & found) / np.count_nonzero(other | found)
    assert overlap >= FLOORS[name], f"intersection over union is {overlap:.3f}"


def test_the_sections_that_check_core_tables_were_not_fitted() -> None:
    assert len(TABLES_KEPT_APART) >= 4
    assert not any(REFERENCES[name].is_fitted for name in TABLES_KEPT_APART)


@pytest.mark.parametrize("name", TABLES_KEPT_APART)
def test_a_core_table_photograph_loses_at_most_two_percent_of_its_sediment(name: str) -> None:
    truth, mask = truth_and_mask(name)

    lost = (mask[truth == MaskClass.SEDIMENT] != MaskClass.SEDIMENT).mean()
    assert lost <= 0.02, f"{lost:.4f} of the sediment is lost"


def test_black_ash_on_a_core_table_photograph_stays_sediment() -> None:
    _, mask = truth_and_mask("ODP887A-2H-3")

    ash = mask[2_460:2_515, 30:120]
    assert (ash == MaskClass.SEDIMENT).mean() >= 0.9, "it is as dark as an open crack"


def test_liner_caps_and_foam_on_core_table_photographs_are_found() -> None:
    found, there = 0, 0
    for name in TABLES_KEPT_APART:
        truth, mask = truth_and_mask(name)
        is_sediment = (truth == MaskClass.SEDIMENT).astype(np.uint8)
        touching = np.ones((3, 3), np.uint8)
        border = cv2.dilate(is_sediment, touching) != cv2.erode(is_sediment, touching)
        other = (truth != UNSCORED) & (is_sediment == 0) & ~border
        found += np.count_nonzero(mask[other] != MaskClass.SEDIMENT)
        there += np.count_nonzero(other)
    assert found / there >= 0.985, f"{found / there:.4f} of it is found"
