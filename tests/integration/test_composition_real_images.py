"""Composition of real scans; floors lie below what ``benchmarks/real_composition.py`` finds."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.stats
import tifffile
from numpy.typing import NDArray

from downcore.endmember_tables.files import find_table
from downcore.pipeline import SectionPipeline, SliceRules
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import HAS_VALUE, SliceRow, Status
from downcore.strata.endmembers.library import Library
from downcore.strata.mask.classes import MaskClass
from downcore.strata.segment import Segment
from downcore.strata.unmixing.composition import Composition, compose
from downcore.strata.unmixing.mixing_calibration import uncalibrated
from downcore.strata.unmixing.observations import observe
from downcore.strata.unmixing.physics import Mixing

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("DOWNCORE_REAL_DATA", ROOT.parent / "shared" / "data" / "real"))

SCANS = {
    "cd166_itrax/CD166_19_S1_optical_lowres.tif": ("192000/14008", "left"),
    "lago_pato_lp16/LP161B/optical.tif": ("20", "left"),
    "lago_pato_lp16/LP163A_500um/optical.tif": ("20", "left"),
    "fildes_kite/Kite2.1_top/optical.tif": ("20", "left"),
    "yanou_unlabelled/YAN8B1_200um/optical.tif": ("50", "left"),
    "cascadia_m9907/M9907-12PC_linescan_4.7ppcm.png": ("4.7", "up"),
}


def real(name: str) -> Path:
    path = REAL / name
    if not path.exists():
        pytest.skip(f"the folder of real scans has no {name}; set DOWNCORE_REAL_DATA to it")
    return path


def rows_of(name: str) -> tuple[SliceRow, ...]:
    path, (px_per_cm, top) = real(name), SCANS[name]
    if path.suffix == ".tif":
        picture = tifffile.imread(path)[..., :3]
    else:
        picture = np.asarray(cv2.imread(str(path)))[..., ::-1]
    lines = np.ascontiguousarray(picture if top == "up" else picture.swapaxes(0, 1))
    pipeline = SectionPipeline(LineScale.of(px_per_cm), (), SliceRules())
    return (*pipeline.push(Segment(lines, 0)), *pipeline.finish())


def composed(rows: tuple[SliceRow, ...], preset: str = "marine-colour") -> tuple[Composition, ...]:
    table = find_table(preset).table
    return compose(observe(rows, ()), uncalibrated(Library.of(table), Mixing()))


@pytest.mark.parametrize("name", sorted(SCANS))
def test_a_real_scan_is_composed_where_there_is_sediment_and_nowhere_else(name: str) -> None:
    rows = rows_of(name)

    found = composed(rows)

    assert len(found) == len(rows)
    for row, one in zip(rows, found, strict=True):
        bare = row.core_slice.colour is None or row.core_slice.valid_fraction < 0.3
        if bare:
            assert {g.status for g in one.groups} == {Status.MASKED}, row.core_slice.index
            assert all("sediment" in g.reason for g in one.groups)
        else:
            assert one.total == pytest.approx(1.0)
            assert all(g.lower <= g.fraction <= g.upper for g in one.groups)  # type: ignore[operator]  # all are numbers where the total is
            assert one.porosity is None, "colour says nothing of pores"
    assert any(one.total is not None for one in found)


def test_colour_alone_is_refused_where_a_table_asks_for_more_than_four_groups() -> None:
    found = composed(rows_of("lago_pato_lp16/LP161B/optical.tif"), "marine")

    assert not any(g.status in HAS_VALUE for one in found for g in one.groups)
    said = {g.reason for one in found for g in one.groups if g.status is Status.ABSTAINED}
    assert any("6 groups asked" in reason and "hold at most 4" in reason for reason in said)


def test_a_foam_spacer_is_masked_and_not_called_a_light_mineral() -> None:
    rows = rows_of("cascadia_m9907/M9907-12PC_linescan_4.7ppcm.png")
    foam = [
        i for i, row in enumerate(rows) if row.core_slice.class_fractions[MaskClass.FOAM] > 0.75
    ]

    found = composed(rows)

    assert foam, "the scan shows spacers"
    assert {found[i].groups[0].status for i in foam} == {Status.MASKED}


def calcium_and_titanium(rows: tuple[SliceRow, ...]) -> NDArray[np.float64]:
    """Return XRF peak areas of each slice, shape (n, 2); the stored scan runs from 1401.3 mm up."""
    text = real("cd166_itrax/CD166_19_S1_Results.txt").read_text("latin-1")
    head, *lines = (line.split("\t") for line in text.splitlines()[2:])
    named = ("position (mm)", "validity", "cps", "Ca", "Ti")
    position, valid, cps, *areas = (
        np.array([float(line[head.index(name)] or "nan") for line in lines]) for name in named
    )
    place = ((1401.3 - position) / 10.0).astype(int)
    good = (valid == 1) & (cps > 15_000)
    found = np.full((len(rows), 2), np.nan)
    for i in range(len(rows)):
        if (good & (place == i)).sum() >= 5:
            found[i] = [area[good & (place == i)].mean() for area in areas]
    return found


@pytest.mark.parametrize(
    ("group", "element", "least"),
    [("light minerals", 0, 0.65), ("dark matter and minerals", 1, 0.65)],
)
def test_light_minerals_follow_calcium_and_dark_ones_titanium(
    group: str, element: int, least: float
) -> None:
    rows = rows_of("cd166_itrax/CD166_19_S1_optical_lowres.tif")
    area = calcium_and_titanium(rows)[:, element]

    share = np.array(
        [next(g.fraction for g in one.groups if g.group == group) for one in composed(rows)],
        np.float64,
    )

    known = np.isfinite(area) & np.isfinite(share)
    assert known.sum() > 100
    rank = scipy.stats.spearmanr(share[known], area[known]).statistic
    assert rank >= least, f"rank correlation is {rank:.2f}"
