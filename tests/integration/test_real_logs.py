"""Logs of real loggers, where a developer has them."""

import os
from pathlib import Path

import numpy as np
import pytest

from downcore.loggers import CoreLog, log_format_of, read_log, usable

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("DOWNCORE_REAL_DATA", ROOT.parent / "shared" / "data" / "real"))


def log(name: str) -> CoreLog:
    path = REAL / name
    if not path.exists():
        pytest.skip(f"{name} is not here; set DOWNCORE_REAL_DATA to the folder with real data")
    return read_log(path)


@pytest.mark.parametrize(("core", "rows"), [("23PC", 784), ("25PC", 798)])
def test_a_multi_sensor_log_of_osu_has_density_but_no_usable_velocity(core: str, rows: int) -> None:
    got = log(f"cascadia_m9907/M9907-{core}_MST.csv")

    assert (got.format, got.ms_kind, len(got)) == ("osu", "loop", rows)
    assert set(got.section) == {"1", "2", "3", "4", "5", "6"}
    assert 1.2 < np.nanmedian(got.density) < 1.35
    assert got.excluded == {"vp"}
    kept = usable(got)
    assert kept[:, 0].sum() > 700
    assert not kept[:, 1].any()


def test_a_point_sensor_is_told_from_a_loop() -> None:
    got = log("cascadia_m9907/M9907-23PC_ptMS.csv")

    assert (got.format, got.ms_kind) == ("osu", "point")
    assert np.isnan(got.density).all()


def test_density_of_lago_pato_is_for_ranks_alone() -> None:
    got = log("lago_pato_lp16/LP16_MSCL_2mm.csv")

    assert got.format == "bas"
    assert {"LP16-1B", "LP16-4B"} <= set(got.core)
    assert "density" in got.excluded
    assert any("kg/m3" in text for text in got.warnings)
    assert got.core_depth_cm[0] == 0.7
    assert got.density[0] == 0.9838


@pytest.mark.parametrize(
    ("name", "rows"), [("KITE_GEOTEK_MSCL_0.5cm.csv", 136), ("KITE_DMAR_MSCL_Density.csv", 84)]
)
def test_velocity_of_kiteschsee_is_below_all_mud(name: str, rows: int) -> None:
    got = log(f"fildes_kite/{name}")

    assert (got.format, len(got)) == ("bas", rows)
    assert set(got.core) == {"KITE1.1", "KITE2.1"}
    assert got.excluded == {"vp"}
    assert 1.6 < np.nanmedian(got.density) < 2.0


def test_other_tables_of_the_same_cores_are_no_logs() -> None:
    names = ("RGB", "CT_clean", "pickeddepth", "slices_1cm")
    paths = [REAL / "cascadia_m9907" / f"M9907-23PC_{name}.csv" for name in names]
    paths += [REAL / "cd166_itrax" / "CD166_19_S1_Results.txt"]
    if not all(path.exists() for path in paths):
        pytest.skip("the tables are not here; set DOWNCORE_REAL_DATA to the folder with real data")

    assert [log_format_of(path) for path in paths] == [None] * len(paths)
