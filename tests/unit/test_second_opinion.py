"""What the second opinion flags, kind by kind, on logs whose fault is known."""

from dataclasses import replace

import numpy as np
import pytest
from core_store import row_at
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.measured import MeasuredPoint
from downcore.strata.second_opinion.alarm_rate import AlarmLimit
from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.density_vp import vp_of_density
from downcore.strata.second_opinion.judging import CoreJudge, SectionOpinion, judge_core
from downcore.strata.second_opinion.kinds import BY_ROW, FIRST, KINDS
from downcore.strata.second_opinion.logs import (
    PropertyLog,
    SectionLogs,
    section_logs,
    with_vp_prior,
)
from downcore.strata.second_opinion.residuals import SectionResiduals, fit_residuals

Values = NDArray[np.float64]
N = 120
SD = {"density": 0.04, "vp": 15.0, "ms": 0.08}
LEVEL = {"density": 1.5, "vp": 1650.0, "ms": 2.0}


def walk(rng: np.random.Generator, n: int, range_cm: float) -> Values:
    """Return a random log of variance 1 that is correlated along depth."""
    keep = np.exp(-1.0 / range_cm)
    out = rng.normal(size=n)
    for i in range(1, n):
        out[i] = keep * out[i - 1] + np.sqrt(1.0 - keep**2) * out[i]
    return out


def clean_core(seed: int = 3, n_sections: int = 4) -> list[SectionLogs]:
    """Return sections whose pictures say what was measured, but for correlated errors."""
    rng = np.random.default_rng(seed)
    return [section_of(rng, f"S{k + 1}") for k in range(n_sections)]


def section_of(rng: np.random.Generator, name: str) -> SectionLogs:
    logs = []
    for prop, sd in SD.items():
        predicted = LEVEL[prop] + 2.5 * sd * walk(rng, N, 8.0)
        error = sd * (0.7 * walk(rng, N, 6.0) + 0.3 * rng.normal(size=N))
        logs.append(PropertyLog(prop, predicted - error, predicted, np.full(N, sd)))
    return SectionLogs(name, tuple(logs), np.zeros(N, np.bool_))


def with_measured(section: SectionLogs, name: str, measured: Values) -> SectionLogs:
    logs = [
        replace(one, measured=measured) if one.property == name else one for one in section.logs
    ]
    return replace(section, logs=tuple(logs))


def measured_of(section: SectionLogs, name: str) -> Values:
    log = section.log(name)
    assert log is not None
    return log.measured.copy()


def stepped(name: str, by: float) -> list[SectionLogs]:
    """Return a core whose third section is off by so many sds from 60 to 66 cm."""
    core = clean_core()
    values = measured_of(core[2], name)
    values[60:66] += by * SD[name]
    core[2] = with_measured(core[2], name, values)
    return core


def drifting() -> list[SectionLogs]:
    core = clean_core()
    values = measured_of(core[2], "density")
    values[20:] -= 9.0 * SD["density"] * np.arange(N - 20) / (N - 20)
    core[2] = with_measured(core[2], "density", values)
    return core


def hanging() -> list[SectionLogs]:
    core = clean_core()
    values = measured_of(core[2], "ms")
    values[50:62] = values[50]
    core[2] = with_measured(core[2], "ms", values)
    return core


def all_moved(core: list[SectionLogs], number: int, move: object) -> list[SectionLogs]:
    section = core[number]
    for log in section.logs:
        section = with_measured(section, log.property, move(log.measured))  # type: ignore[operator]
    core[number] = section
    return core


def moved_by_eight(values: Values) -> Values:
    out = np.full(N, np.nan)
    out[8:] = values[:-8]
    return out


def swapped() -> list[SectionLogs]:
    core = clean_core()
    second, third = core[1], core[2]
    for name in SD:
        core[1] = with_measured(core[1], name, measured_of(third, name))
        core[2] = with_measured(core[2], name, measured_of(second, name))
    return core


def twice() -> list[SectionLogs]:
    core = clean_core()
    for name in SD:
        core[2] = with_measured(core[2], name, measured_of(core[1], name))
    return core


def in_kg() -> list[SectionLogs]:
    core = clean_core()
    core[2] = with_measured(core[2], "density", 1.25 * measured_of(core[2], "density"))
    return core


def below_water() -> list[SectionLogs]:
    core = clean_core()
    core[2] = with_measured(core[2], "vp", measured_of(core[2], "vp") - 600.0)
    return core


def unknown_picture() -> list[SectionLogs]:
    core = clean_core()
    logs = [replace(one, predicted=np.full(N, np.nan)) for one in core[2].logs]
    core[2] = replace(core[2], logs=tuple(logs), is_unlike=np.ones(N, np.bool_))
    return core


FAULTS = {
    Code.VP_DROP_OUT: lambda: stepped("vp", -8.0),
    Code.MS_SPIKE: lambda: stepped("ms", 8.0),
    Code.DENSITY_VOID: lambda: stepped("density", -8.0),
    Code.DRIFT: drifting,
    Code.CONSTANT: hanging,
    Code.SECTION_OFFSET: lambda: all_moved(clean_core(), 2, moved_by_eight),
    Code.UPSIDE_DOWN: lambda: all_moved(clean_core(), 2, lambda values: values[::-1].copy()),
    Code.SECTION_SWAPPED: swapped,
    Code.DUPLICATE_SECTION: twice,
    Code.UNIT_OR_SCALE: in_kg,
    Code.VP_BELOW_WATER: below_water,
    Code.IMAGE_UNLIKE: unknown_picture,
}


def judged_without(core: list[SectionLogs], code: Code) -> list[SectionOpinion]:
    """Judge a core without the kinds that give a code."""
    judge = CoreJudge(
        core,
        first=tuple(one for one in FIRST if code not in one.codes),
        by_row=tuple(one for one in BY_ROW if code not in one.codes),
    )
    return [judge.judge(number) for number in range(len(core))]


@pytest.mark.parametrize("code", list(Code))
def test_each_kind_of_fault_is_flagged_by_its_code_in_its_section(code: Code) -> None:
    opinions = judge_core(FAULTS[code]())

    assert code in {one.code for one in opinions[2].findings}
    assert code not in {one.code for one in opinions[0].findings}


@pytest.mark.parametrize("code", list(Code))
def test_a_fault_is_not_named_when_its_kind_is_off(code: Code) -> None:
    opinions = judged_without(FAULTS[code](), code)

    assert code not in {one.code for opinion in opinions for one in opinion.findings}


def test_every_code_has_a_kind_that_gives_it() -> None:
    assert {code for kind in KINDS for code in kind.codes} == set(Code)


def test_a_clean_core_gives_no_more_alarms_than_are_allowed() -> None:
    n = sum(
        len(one.findings) for seed in range(4) for one in judge_core(clean_core(seed, n_sections=4))
    )
    assert n <= 0.01 * N * 4 * 4 / 10.0 * 1.5


@pytest.mark.parametrize(
    ("code", "name", "sign"),
    [
        (Code.DENSITY_VOID, "density", -1.0),
        (Code.MS_SPIKE, "ms", 1.0),
        (Code.VP_DROP_OUT, "vp", -1),
    ],
)
def test_a_stretch_is_flagged_where_it_lies(code: Code, name: str, sign: float) -> None:
    found = [one for one in judge_core(stepped(name, 10.0 * sign))[2].findings if one.code is code]

    assert len(found) == 1
    assert abs(found[0].top_um - 600_000) <= 10_000
    assert abs(found[0].bottom_um - 660_000) <= 10_000
    assert found[0].score > found[0].limit


def test_a_row_is_judged_by_the_rows_above_it_alone() -> None:
    core = stepped("density", -10.0)
    below = measured_of(core[2], "density")
    below[80:] = np.nan
    short = [*core[:2], with_measured(core[2], "density", below)]

    whole, cut = judge_core(core)[2], judge_core(short)[2]
    a, b = (one.evidence[0] for one in (whole, cut))

    np.testing.assert_array_equal(a.lower[:75], b.lower[:75])
    np.testing.assert_array_equal(a.upper[:75], b.upper[:75])


def test_the_same_core_gives_the_same_opinion() -> None:
    one, other = (judge_core(stepped("ms", 8.0)) for _ in range(2))
    assert [x.findings for x in one] == [x.findings for x in other]


def test_one_fault_of_a_whole_section_gives_one_flag_of_it() -> None:
    found = judge_core(in_kg())[2].findings
    assert [(one.code, one.property) for one in found] == [(Code.UNIT_OR_SCALE, "density")]


def test_vp_without_a_prediction_is_judged_by_density() -> None:
    density = PropertyLog("density", np.full(3, 1.45), np.full(3, np.nan), np.full(3, np.nan))
    vp = PropertyLog("vp", np.full(3, 1500.0), np.full(3, np.nan), np.full(3, np.nan))

    judged = with_vp_prior([density, vp])[1]

    assert judged.is_by_density
    np.testing.assert_allclose(judged.predicted, vp_of_density(np.full(3, 1.45)))


def test_vp_is_expected_only_of_densities_that_were_fitted() -> None:
    expected = vp_of_density(np.array([0.7, 1.45, 2.9, np.nan]))
    assert np.isfinite(expected).tolist() == [False, True, False, False]
    assert 1490.0 < expected[1] < 1520.0


def test_density_of_light_mud_is_no_void_but_a_step_to_it_is() -> None:
    light = np.full(N, 1.04)
    for value, n_flags in ((1.04, 0), (1.4, 1)):
        measured = light.copy()
        measured[:40] = value
        measured += 0.001 * np.random.default_rng(1).normal(size=N)
        log = PropertyLog("density", measured, np.full(N, np.nan), np.full(N, np.nan))
        (opinion,) = judge_core([SectionLogs("S", (log,), np.zeros(N, np.bool_))])
        assert len(opinion.findings) == n_flags


def test_values_that_are_cut_off_or_in_another_unit_are_not_judged() -> None:
    points = [
        MeasuredPoint(5_000, "density", 1400.0, 10_000, "MSCL", "other unit"),
        MeasuredPoint(15_000, "density", 1.0, 10_000, "MSCL", "cut off"),
    ]
    logs = section_logs("S", [row_at(0), row_at(1)], points)
    assert logs.logs == ()
    assert logs.other_unit == ("density",)
    (opinion,) = judge_core([logs])
    assert [one.code for one in opinion.findings] == [Code.UNIT_OR_SCALE]


def test_a_number_that_is_no_reading_in_any_unit_is_left_out() -> None:
    points = [
        MeasuredPoint(5_000, "density", 1e300, 10_000, "MSCL", "out of range"),
        MeasuredPoint(15_000, "density", 1.5, 10_000, "MSCL"),
    ]

    (log,) = section_logs("S", [row_at(0), row_at(1)], points).logs

    assert np.isfinite(log.measured).tolist() == [False, True]


def test_a_limit_rises_with_alarms_and_falls_along_a_clean_log() -> None:
    calm, wild = AlarmLimit(2.5, 12.0, 1.0), AlarmLimit(2.5, 12.0, 1.0)
    before = calm.limit(0.1)
    calm.passed(10.0)
    wild.passed(10.0)
    for _ in range(20):
        wild.saw(9.0, 9.0)
    assert calm.limit(0.1) < before < wild.limit(0.1)
    assert calm.limit(1.0) < calm.limit(0.1)


def test_the_spread_of_residuals_is_learnt_from_the_rows_above() -> None:
    rng = np.random.default_rng(0)
    above = [
        SectionResiduals(np.arange(100.0) + 110 * k, 0.01 * rng.normal(size=100)) for k in range(6)
    ]
    assert fit_residuals([], 0.1).sd > 0.05
    assert fit_residuals(above, 0.1).sd < 0.03
    assert fit_residuals(above, 0.1).noise_share == 0.6


def test_a_finding_has_a_length() -> None:
    with pytest.raises(ValueError, match="expected 0 <= top < bottom"):
        Finding(Code.DRIFT, "ms", 5, 5, 1.0, 1.0, "")


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(
        st.one_of(
            st.just(float("nan")),
            st.floats(-1e6, 1e6),
            st.sampled_from([1.5, 1.5001, 0.0]),
        ),
        min_size=1,
        max_size=70,
    ),
    name=st.sampled_from(["density", "vp", "ms"]),
    has_prediction=st.booleans(),
)
def test_whatever_was_measured_findings_lie_in_the_section_above_their_limits(
    *, values: list[float], name: str, has_prediction: bool
) -> None:
    measured = np.array(values)
    n = measured.size
    predicted = np.full(n, LEVEL[name] if has_prediction else np.nan)
    log = PropertyLog(name, measured, predicted, np.where(np.isfinite(predicted), SD[name], np.nan))
    section = SectionLogs("S", (log,), np.zeros(n, np.bool_))

    for opinion in judge_core([section, replace(section, section_id="T")]):
        for one in opinion.findings:
            assert 0 <= one.top_um < one.bottom_um <= n * 10_000
            assert one.score > one.limit
            assert one.evidence
