"""Doubts about a whole log, and rules by which values are left out of it."""

from pathlib import Path

import numpy as np
import pytest

from downcore.loggers import CULLS, CoreLog, culled, read_log, usable

HEADER = "SB_DEPTH_cm,SECT_NUM_cm,SECT_DEPTH_cm,PWVel_m/s,Den_gm/cc,MS"


def log_of(folder: Path, *, density: float = 1.4, vp: float = 1500.0, ms: float = 30.0) -> CoreLog:
    path = folder / "M1234-1PC_MST.csv"
    rows = [f"{i},1,{i},{vp},{density},{ms}" for i in range(1, 21)]
    path.write_text("\n".join([HEADER, *rows]))
    return read_log(path)


def test_a_sound_log_has_no_doubt_that_excludes_it(tmp_path: Path) -> None:
    log = log_of(tmp_path)

    assert log.excluded == frozenset()
    assert usable(log).all()


@pytest.mark.parametrize(("vp", "excludes"), [(1064.0, True), (1416.0, True), (1440.0, False)])
def test_velocity_below_water_is_told_and_below_all_mud_excluded(
    vp: float, *, excludes: bool, tmp_path: Path
) -> None:
    log = log_of(tmp_path, vp=vp)

    assert any("water" in text for text in log.warnings)
    assert ("vp" in log.excluded) == excludes
    assert log.vp[0] == vp, "the number stays as it was written"


def test_density_of_a_half_core_read_as_a_whole_one_is_excluded(tmp_path: Path) -> None:
    log = log_of(tmp_path, density=2.4)

    assert log.excluded == {"density"}
    assert not usable(log)[:, 0].any()
    assert usable(log, use_doubtful=True)[:, 0].all()


def test_a_header_in_kg_over_values_in_g_is_told(tmp_path: Path) -> None:
    path = tmp_path / "LAKE.csv"
    rows = [f"LAKE,{i},{i},1.4" for i in range(10)]
    header = "Core,Core_depth,Field_depth_,GRD_Gamma_Ray_Density__SAT_cal"
    path.write_text("\n".join([header, ",cm,cm,kgm-3", *rows]))

    log = read_log(path)

    assert any("kg/m3" in text for text in log.warnings)
    assert log.excluded == frozenset()
    assert log.density[0] == 1.4


def test_a_depth_in_a_unit_that_is_not_known_is_left_out_and_the_other_kept(tmp_path: Path) -> None:
    path = tmp_path / "LAKE.csv"
    rows = [f"LAKE,{i},{i},1.4" for i in range(10)]
    header = "Core,Core_depth,Field_depth_,GRD_Gamma_Ray_Density__SAT_cal"
    path.write_text("\n".join([header, ",cm,fathoms,kgm-3", *rows]))

    log = read_log(path)

    assert any("core depth" in text and "'fathoms'" in text for text in log.warnings)
    assert np.isnan(log.core_depth_cm).all()
    assert log.section_depth_cm[9] == 9.0


def test_depth_below_the_sea_floor_is_in_metres(tmp_path: Path) -> None:
    path = tmp_path / "LAKE.csv"
    rows = [f"LAKE,{i},{i},1.4" for i in range(10)]
    header = "Core,Core_depth,Field_depth_,GRD_Gamma_Ray_Density__SAT_cal"
    path.write_text("\n".join([header, ",cm,mbsf,kgm-3", *rows]))

    log = read_log(path)

    assert (log.section_depth_cm[9], log.core_depth_cm[9]) == (9.0, 900.0)


def test_susceptibility_in_the_instrument_units_of_janus_is_used_and_it_says_so(
    tmp_path: Path,
) -> None:
    path = tmp_path / "loop.csv"
    header = "leg,site,hole,core,type,section,top_cm,depth_mbsf,mag_sus_loop_instr"
    path.write_text("\n".join([header, *(f"145,887,A,1,H,CC,{i},0.0{i},65" for i in range(10))]))

    log = read_log(path)

    assert log.excluded == frozenset()
    assert any("instrument units" in text for text in log.warnings)
    assert (set(log.core), set(log.section)) == ({"145-887A-1H"}, {"CC"})


def test_instrument_units_are_no_susceptibility(tmp_path: Path) -> None:
    path = tmp_path / "MSL.csv"
    header = "Exp,Site,Hole,Core,Type,Sect,Offset (cm),Magnetic susceptibility (instr. units)"
    path.write_text("\n".join([header, *(f"379,U1,B,1,H,1,{i},30" for i in range(10))]))

    log = read_log(path)

    assert (log.ms_kind, log.ms_unit) == ("loop", "instrument units")
    assert log.excluded == {"ms"}
    assert set(log.core) == {"379-U1B-1H"}


def test_susceptibility_too_small_for_any_coil_is_no_1e_5_si_though_no_unit_is_written(
    tmp_path: Path,
) -> None:
    def read(factor: float) -> CoreLog:
        path = tmp_path / "a.csv"
        rows = (f"{i},1.5,{(40 + i) * factor}" for i in range(10))
        path.write_text("\n".join(["sb_depth_cm,density,mag_sus", *rows]))
        return read_log(path)

    assert read(1.0).excluded == frozenset()
    small = read(1e-5)
    assert small.excluded == {"ms"}
    assert any("it may be in SI" in text for text in small.warnings)


def test_a_rule_counts_what_it_masks_and_changes_nothing(tmp_path: Path) -> None:
    log = log_of(tmp_path, density=1.02)
    before = log.values.copy()
    to_end = np.minimum(np.arange(20.0), 19.0 - np.arange(20.0))

    found = {one.rule.name: one for one in culled(log, to_end)}

    assert set(found) == {rule.name for rule in CULLS}
    assert found["density bounds"].count == 20
    assert found["ms near section ends"].count == 10
    assert found["ms near section ends"].mask[:5].all()
    assert all(one.count == one.mask.sum() for one in found.values())
    assert all(one.rule.source for one in found.values())
    np.testing.assert_array_equal(log.values, before)


def test_unknown_section_ends_cull_nothing(tmp_path: Path) -> None:
    found = {one.rule.name: one.count for one in culled(log_of(tmp_path))}

    assert found["ms near section ends"] == 0
