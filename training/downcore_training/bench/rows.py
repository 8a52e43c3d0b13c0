"""The figures of the bench as rows, ready for JSON and for tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from downcore.strata.properties import PROPERTIES, Property
from downcore_training.bench.bootstrap import Spread, spread_of_r2
from downcore_training.bench.core import BenchCore
from downcore_training.bench.noise import noise_of
from downcore_training.bench.online_correction import (
    DELAY_CM,
    FIRST_CM,
    adaptive_coverage,
    calibrated,
)
from downcore_training.bench.predictions import Prediction, answers_of
from downcore_training.bench.protocols import BY_CORE, BY_CORE_IN_SITE, BY_SITE, UNSEEN
from downcore_training.bench.scoring import Figures, r2, score, spearman

CALIBRATED = f" + first {FIRST_CM} cm"
"""Ending of a protocol's name for rows whose level the first measured rows set."""

_WHOLE_CORES = frozenset({BY_CORE.name, BY_CORE_IN_SITE.name, BY_SITE.name})

MIN_SLICES = 2
"""Slices below which a row would hold nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model, one protocol, one property."""

    prediction: Prediction
    target: Property
    figures: Figures
    spread: Spread | None
    extra: Mapping[str, Any]
    """Further figures by name; numbers, text or ``None``."""
    sensor: str = ""
    """Sensor of the labels; empty where unknown."""
    is_main: bool = True
    """Whether the sensor is the one that most cores share; others take no part in the verdict."""

    @property
    def protocol(self) -> str:
        """Name of the protocol."""
        return self.prediction.protocol

    @property
    def network(self) -> str:
        """Name of the model."""
        return self.prediction.network

    @property
    def r2(self) -> float | None:
        """R2 about the mean of the test slices."""
        return self.figures.r2

    def for_json(self) -> dict[str, Any]:
        """Return the row with its documented keys first, every number finite or ``None``."""
        found, prop, spread = self.figures, self.target, self.spread
        row: dict[str, Any] = {
            "protocol": self.protocol,
            "network": self.network,
            "property": prop.name,
            "unit": prop.unit,
            "r2": found.r2,
            "rmse": found.rmse,
            "mae": found.mae,
            "bias": found.bias,
            "spearman": found.spearman,
            "coverage90": found.coverage90,
            "width90": found.width90,
            "abstained": found.abstained,
            "n_slices": found.n_slices,
            "n_cores": found.n_cores,
            "title": self.prediction.title,
            "r2_is_of": "log10" if prop.is_log_scaled else "value",
            "r2_about_training_mean": found.r2_about_training_mean,
            "r2_se": spread.se if spread else None,
            "r2_low90": spread.low90 if spread else None,
            "r2_high90": spread.high90 if spread else None,
            "bootstrap_over": spread.over if spread else None,
            "rmse_bias_removed": found.rmse_bias_removed,
            "worst_section_coverage90": found.worst_section_coverage90,
            "rmse_log10": found.rmse_log10,
            "bias_log10": found.bias_log10,
            "uses_core_labels": not self.prediction.is_candidate,
            "n_folds": self.prediction.n_folds,
            "abstained_because": dict(self.prediction.reasons),
            "sensor": self.sensor or None,
            **self.extra,
        }
        return {key: _plain(value) for key, value in row.items()}


def rows_of(
    prediction: Prediction, cores: Sequence[BenchCore], *, draws: int, seed: int
) -> list[Row]:
    """Return the rows of a model under one protocol; properties nobody logged give none."""
    found: list[Row] = []
    for i, prop in enumerate(PROPERTIES):
        answers = answers_of(prediction, cores, i)
        if answers.label.size < MIN_SLICES:
            continue
        figures = score(answers, prop)
        spread = spread_of_r2(answers, draws=draws, seed=seed)
        extra = _extra(prediction, cores, i, figures)
        sensor = _sensor_of(cores, i)
        found.append(Row(prediction, prop, figures, spread, extra, sensor))
    return found


def calibrated_rows_of(
    prediction: Prediction, cores: Sequence[BenchCore], *, draws: int, seed: int
) -> list[Row]:
    """
    Return rows of a model whose level the first rows of each core set; none for an oracle.

    They are scored on the rest of the cores, next to the figures of the uncorrected model on the
    same slices, under keys that end in ``_uncalibrated``.
    """
    found: list[Row] = []
    if not prediction.is_candidate or prediction.protocol not in {*_WHOLE_CORES, UNSEEN}:
        return found
    for i, prop in enumerate(PROPERTIES):
        both = calibrated(prediction, cores, i)
        if both is None:
            continue
        before = score(answers_of(both.plain, cores, i), prop)
        answers = answers_of(both.corrected, cores, i)
        extra = {
            "calibrated_with_first_cm": FIRST_CM,
            "r2_uncalibrated": before.r2,
            "rmse_uncalibrated": before.rmse,
            "bias_uncalibrated": before.bias,
            "coverage90_uncalibrated": before.coverage90,
            "width90_uncalibrated": before.width90,
        }
        under = replace(both.corrected, protocol=f"{prediction.protocol}{CALIBRATED}", reasons={})
        spread = spread_of_r2(answers, draws=draws, seed=seed)
        sensor = _sensor_of(cores, i)
        found.append(Row(under, prop, score(answers, prop), spread, extra, sensor))
    return found


def _extra(
    prediction: Prediction, cores: Sequence[BenchCore], i: int, figures: Figures
) -> dict[str, Any]:
    noise = noise_of(cores, i, PROPERTIES[i])
    is_new_core = prediction.protocol in {*_WHOLE_CORES, UNSEEN}
    extra: dict[str, Any] = {
        "noise": noise,
        "rmse_over_noise": figures.rmse / noise if figures.rmse is not None and noise else None,
        "r2_by_core": _by_core(prediction, cores, i),
        "r2_1cm": _r2_of(prediction, cores, i, "plain"),
        "r2_forced": _r2_of(prediction, cores, i, "forced"),
        "spearman_forced": _spearman_forced(prediction, cores, i),
        "spearman_where_only_order_is_believed": _spearman_of_ranks(prediction, cores, i),
    }
    extra["coverage90_adaptive"] = adaptive_coverage(prediction, cores, i) if is_new_core else None
    extra["adaptive_delay_cm"] = DELAY_CM if is_new_core else None
    visible = _visible(prediction, cores, i)
    extra["r2_visible"] = visible
    shares = figures.r2 is not None and visible is not None and visible > 0
    extra["share_of_visible"] = figures.r2 / visible if shares else None  # type: ignore[operator]  # shares says so
    return extra


def _sensor_of(cores: Sequence[BenchCore], i: int) -> str:
    """Return the sensor of a property of cores; the cores of a view share it."""
    return next((c.sensors[i] for c in cores if np.isfinite(c.labels[:, i]).any()), "")


def _r2_of(prediction: Prediction, cores: Sequence[BenchCore], i: int, of: str) -> float | None:
    if all(getattr(answers, of) is None for answers in prediction.cores):
        return None
    answers = answers_of(prediction, cores, i, of=of)
    has_value = np.isfinite(answers.predicted)
    return r2(answers.predicted[has_value], answers.label[has_value])


def _spearman_forced(prediction: Prediction, cores: Sequence[BenchCore], i: int) -> float | None:
    if all(answers.forced is None for answers in prediction.cores):
        return None
    answers = answers_of(prediction, cores, i, of="forced")
    has_value = np.isfinite(answers.predicted)
    return spearman(answers.predicted[has_value], answers.label[has_value])


def _by_core(prediction: Prediction, cores: Sequence[BenchCore], i: int) -> dict[str, float | None]:
    found = {}
    for core, answers in zip(cores, prediction.cores, strict=True):
        mine = answers.asked[:, i] & np.isfinite(answers.predicted[:, i])
        if mine.any():
            found[core.name] = r2(answers.predicted[mine, i], core.labels[mine, i])
    return found


def _spearman_of_ranks(
    prediction: Prediction, cores: Sequence[BenchCore], i: int
) -> dict[str, float | None]:
    """Return the rank correlation in cores where only the order of values is credible."""
    found = {}
    for core, answers in zip(cores, prediction.cores, strict=True):
        if core.ranks is None:
            continue
        predicted = answers.predicted[:, i] if answers.forced is None else answers.forced[:, i]
        mine = np.isfinite(core.ranks[:, i]) & np.isfinite(predicted)
        if mine.any():
            found[core.name] = spearman(predicted[mine], core.ranks[mine, i])
    return found


def _visible(prediction: Prediction, cores: Sequence[BenchCore], i: int) -> float | None:
    """Return the R2 of the visible part, on the slices that this model was scored on."""
    predicted, label = [], []
    for core, answers in zip(cores, prediction.cores, strict=True):
        if core.visible is None:
            return None
        mine = answers.asked[:, i] & np.isfinite(answers.predicted[:, i])
        predicted.append(core.visible[mine, i])
        label.append(core.labels[mine, i])
    return r2(np.concatenate(predicted), np.concatenate(label)) if predicted else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
