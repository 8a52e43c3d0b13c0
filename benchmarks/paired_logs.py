"""Measured and predicted logs of generated and real cores, for the benchmark of second opinions."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.generator import CoreRecipe, GeneratedCore, generate
from downcore.strata.colour_profile import PROFILE_NAMES, profile_of_lines, with_context
from downcore.strata.footprint import FOOTPRINTS, POINT_SENSOR, at_logger_support
from downcore.strata.mask.classes import MaskClass
from downcore.strata.second_opinion.logs import MS_FLOOR, PropertyLog, SectionLogs, with_vp_prior
from downcore_training.bench.layouts import read_folder
from downcore_training.evaluation.boosted_profile import BoostedProfile

Values = NDArray[np.float64]

NAMES = ("density", "vp", "ms")
SECTION_CM = 150
_PX_PER_CM = 40
_SITES = 6
_LEAST_SEDIMENT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class LoggedSection:
    """A section: the colours of its picture, and what was measured of it."""

    core: str
    name: str
    features: Values
    """Shape (n, k); NaN where the slice is masked."""
    measured: Values
    """Shape (n, 3), in the order of NAMES, log10 of ms; NaN where nothing was measured."""
    labels: Values
    """The same as far as trees may learn from it."""


def generated_sections(seed: int, n_cores: int, sections_a_core: int) -> list[LoggedSection]:
    """Return sections of generated cores, three metres of one site after the other."""
    found = []
    for number in range(n_cores):
        recipe = CoreRecipe(
            seed=seed + number,
            length_cm=float(SECTION_CM * sections_a_core),
            px_per_cm=float(_PX_PER_CM),
            site=seed + number % _SITES,
        )
        core = generate(recipe)
        truth = core.truth
        n = SECTION_CM * sections_a_core
        profile = np.stack([_profile(core, i) for i in range(n)])
        measured = np.stack(
            [truth.density, truth.vp, np.log10(np.maximum(truth.ms, MS_FLOOR))], axis=1
        )[:n]
        measured += np.random.default_rng(seed + number).normal(size=measured.shape) * NOISE
        for k in range(sections_a_core):
            rows = slice(k * SECTION_CM, (k + 1) * SECTION_CM)
            run = np.zeros(SECTION_CM, np.int64)
            features = with_context(profile[rows], run)
            features[np.isnan(profile[rows]).all(axis=1)] = np.nan
            found.append(
                LoggedSection(
                    f"G{seed + number}", f"G{seed + number}-{k + 1}", features, measured[rows],
                    measured[rows],
                )
            )  # fmt: skip
    return found


def _profile(core: GeneratedCore, i: int) -> Values:
    """Return the colours of a slice; NaN where less than half of the core shows sediment."""
    lines = core.lines(i * _PX_PER_CM, _PX_PER_CM)
    classes = core.classes(i * _PX_PER_CM, _PX_PER_CM)
    is_core = (classes != MaskClass.OUTSIDE) & (classes != MaskClass.TRAY)
    share = float((classes == MaskClass.SEDIMENT).sum()) / max(float(is_core.sum()), 1.0)
    if share < _LEAST_SEDIMENT:
        return np.full(len(PROFILE_NAMES), np.nan)
    return profile_of_lines(lines, classes, float(_PX_PER_CM))


NOISE = np.array([0.004, 3.0, 0.006])
"""Of single readings: g/cm3, m/s, log10 of 1e-5 SI."""


def real_sections(folder: Path) -> dict[str, list[LoggedSection]]:
    """Return the sections of ODP 887A, M9907 and LP16."""
    found = {
        "ODP 887A": _of_table(
            folder / "odp887", "odp887A_slices_1cm.csv", "887A",
            ("density_g_cm3", "", "mag_sus_loop_instr"),
        ),
        "M9907": [],
        "LP16": _of_table(
            folder / "lago_pato_lp16", "LP16_slices_1cm.csv", "LP16",
            ("density_SAT_g_cm3", "pwave_vel_m_s", "mag_sus_point_1e-5SI"),
        ),
    }  # fmt: skip
    for core in ("M9907-23PC", "M9907-25PC"):
        found["M9907"] += _of_table(
            folder / "cascadia_m9907", f"{core}_slices_1cm.csv", core,
            ("density_g_cm3", "pwave_vel_m_s_UNCALIBRATED", "mag_sus_loop_1e-5SI"),
        )  # fmt: skip
    return found


def _of_table(
    folder: Path, name: str, core: str, columns: tuple[str, str, str]
) -> list[LoggedSection]:
    with (folder / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    bench = {one.name: one for one in read_folder(folder).cores}
    cores = [one for key, one in bench.items() if key.startswith(core)]
    by_section: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_section.setdefault(row["section"], []).append(row)
    profile = np.concatenate([one.profile for one in cores])
    labels = np.concatenate([one.labels for one in cores])
    found, first = [], 0
    for section, mine in by_section.items():
        own, label = profile[first : first + len(mine)], labels[first : first + len(mine)]
        first += len(mine)
        top = [float(row.get("depth_top_cm") or row["core_depth_top_cm"]) for row in mine]
        at = np.round(np.array(top) - top[0]).astype(np.int64)
        n = int(at[-1]) + 1
        placed = [np.full((n, width.shape[1]), np.nan) for width in (own, label)]
        placed[0][at], placed[1][at] = own, label
        measured = np.full((n, 3), np.nan)
        for k, column in enumerate(columns):
            if column:
                values = np.array([float(row[column] or "nan") for row in mine])
                if k == 2:
                    values = np.log10(np.maximum(values, MS_FLOOR))
                measured[at, k] = values
        if mine[0].get("kind"):
            measured = _without_repeats(measured, mine, at)
        run = np.zeros(n, np.int64)
        found.append(
            LoggedSection(
                mine[0]["core"], section, with_context(placed[0], run), measured, placed[1]
            )
        )
    return found


def _without_repeats(
    measured: Values, rows: Sequence[dict[str, str]], at: NDArray[np.int64]
) -> Values:
    """Keep each sample of ODP once: the table gives it to all centimetres near it."""
    out = measured.copy()
    for k, column in ((0, "density_dist_cm"), (2, "mag_sus_dist_cm")):
        middle = [
            round(i + 0.5 + float(row[column]), 1) if row[column] else None
            for i, row in zip(at, rows, strict=True)
        ]
        nearest: dict[float, int] = {}
        for i, place in zip(at, middle, strict=True):
            if place is not None and (
                place not in nearest or abs(i + 0.5 - place) < abs(nearest[place] + 0.5 - place)
            ):
                nearest[place] = int(i)
        out[:, k] = np.nan
        for i in nearest.values():
            out[i, k] = measured[i, k]
    return out


def paired(
    sections: Sequence[LoggedSection], folds: Sequence[str], *, is_point: bool = False
) -> list[SectionLogs]:
    """
    Return both logs of sections, each predicted by trees that saw no section of its fold.

    The standard deviation of a prediction is that of the trees' errors on the folds that they did
    not see, of all other folds.
    """
    names = sorted(set(folds))
    labels = [one.labels for one in sections]
    predicted = [np.full(one.shape, np.nan) for one in labels]
    for fold in names:
        rest = [i for i, one in enumerate(folds) if one != fold]
        x = np.concatenate([sections[i].features for i in rest])
        y = np.concatenate([labels[i] for i in rest])
        group = np.concatenate([np.full(len(labels[i]), i) for i in rest])
        known = np.isfinite(x).any(axis=1)
        trees = BoostedProfile().fit(x[known], y[known], group[known])
        for i, one in enumerate(folds):
            if one == fold:
                seen = np.isfinite(sections[i].features[:, 0])
                predicted[i][seen] = trees.predict(sections[i].features[seen])
    found = []
    for i, one in enumerate(sections):
        rest = [k for k in range(len(sections)) if folds[k] != folds[i]]
        error = np.concatenate([predicted[k] - labels[k] for k in rest])
        sd = np.nanstd(error, axis=0) if len(error) else np.full(3, np.nan)
        found.append(_logs(one, predicted[i], sd, is_point=is_point))
    return found


def _logs(section: LoggedSection, predicted: Values, sd: Values, *, is_point: bool) -> SectionLogs:
    logs = []
    run = np.zeros(len(predicted), np.int64)
    for k, name in enumerate(NAMES):
        if not np.isfinite(section.measured[:, k]).any():
            continue
        sensor = next(one for one in FOOTPRINTS if one.property == name)
        if is_point and name == "ms":
            sensor = POINT_SENSOR
        value = at_logger_support(predicted[:, k], run, sensor)
        spread = np.where(np.isfinite(value), sd[k], np.nan)
        logs.append(PropertyLog(name, section.measured[:, k], value, spread))
    n = len(predicted)
    return SectionLogs(section.name, with_vp_prior(logs), np.zeros(n, np.bool_))
