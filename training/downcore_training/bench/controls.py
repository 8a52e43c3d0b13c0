"""
Negative controls, which must score about zero unless the bench leaks.

Labels are shuffled inside each core after subtracting the core's mean, so that only leakage between
slices could score; models trained on sediment are shown crops without sediment.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour_profile import PROFILE_NAMES, profile_of_lines
from downcore.strata.properties import PROPERTIES
from downcore_training.bench.baselines import Baseline
from downcore_training.bench.core import BenchCore
from downcore_training.bench.crops import KINDS, crop_of
from downcore_training.bench.fitting import OWN, Round, run_baseline
from downcore_training.bench.predictions import Prediction, answers_of
from downcore_training.bench.protocols import BY_CORE, RANDOM
from downcore_training.bench.scoring import r2

Values = NDArray[np.float64]

LIMIT = 0.05
"""R2 above which a control has failed."""

MIN_SLICES = 20
"""Fewest slices with a crop for a control."""

MAX_CORES = 12
"""Cores whose crops are used."""

SHUFFLED = "labels shuffled"


@dataclass(frozen=True, slots=True)
class Control:
    """One control of one model on one property."""

    control: str
    network: str
    target: str
    """Name of the property."""
    r2: float | None
    """``None`` where it could not be computed."""
    r2_of_best_line: float | None
    """Squared correlation: R2 of the best line; printed, not judged."""
    n_slices: int
    reason: str
    """Why it could not be computed; empty where it was."""

    @property
    def has_passed(self) -> bool | None:
        """Whether R2 is not above the limit; ``None`` where it could not be computed."""
        return None if self.r2 is None else self.r2 <= LIMIT

    def for_json(self) -> dict[str, Any]:
        """Return the control as JSON has it."""
        return {
            "control": self.control,
            "network": self.network,
            "property": self.target,
            "r2": self.r2,
            "r2_of_best_line": self.r2_of_best_line,
            "limit": LIMIT,
            "passed": self.has_passed,
            "n_slices": self.n_slices,
            "reason": self.reason,
        }


def shuffled(cores: Sequence[BenchCore], seed: int) -> list[BenchCore]:
    """Return the cores with labels, less their core's mean, in another order inside each core."""
    every = np.concatenate([core.labels for core in cores])
    grand = [_mean(column) for column in every.T]
    made = []
    for k, core in enumerate(cores):
        rng = np.random.default_rng([seed, 23, k])
        labels = core.labels.copy()
        for column, middle in zip(labels.T, grand, strict=True):
            known = np.flatnonzero(np.isfinite(column))
            column[known] = rng.permutation(column[known] - _mean(column) + middle)
        made.append(dataclasses.replace(core, labels=labels, visible=None, ranks=None))
    return made


def controls_of_baseline(
    baseline: Baseline, cores: Sequence[BenchCore], seed: int
) -> list[Control]:
    """Return every control of a baseline by :data:`BY_CORE`, or random slices of a single core."""
    how = Round(seed, with_intervals=False)
    protocol = BY_CORE if BY_CORE.folds(cores, seed) else RANDOM
    mixed = shuffled(cores, seed)
    predicted = run_baseline(baseline, mixed, protocol, how=how)
    found = _judged(SHUFFLED, baseline.name, mixed, predicted.get(OWN))
    crops = cores_of_crops(cores)
    shown = run_baseline(baseline, cores, protocol, how=how, crops=crops)
    for kind in crops:
        found += _judged(kind, baseline.name, cores, shown.get(kind))
    return found


def cores_of_crops(cores: Sequence[BenchCore]) -> dict[str, list[BenchCore]]:
    """Return, for each kind of crop, the cores with the profile of that crop in every slice."""
    found: dict[str, list[BenchCore]] = {kind: [] for kind in KINDS}
    for k, core in enumerate(cores):
        profiles = {kind: np.full((len(core), len(PROFILE_NAMES)), np.nan) for kind in KINDS}
        if core.image is not None and core.px_per_cm is not None and k < MAX_CORES:
            for i in range(len(core)):
                cut = core.image.lines_and_classes(i)
                if cut is None:
                    continue
                for kind, profile in profiles.items():
                    crop = crop_of(kind, *cut, i)
                    if crop is not None:
                        profile[i] = profile_of_lines(*crop, core.px_per_cm)
            core.image.close()
        for kind, profile in profiles.items():
            found[kind].append(dataclasses.replace(core, profile=profile))
    return found


def controls_of_bundle(
    prediction: Prediction,
    crop_predictions: dict[str, tuple[Values, ...]],
    cores: Sequence[BenchCore],
    *,
    seed: int,
) -> list[Control]:
    """Return every control of a bundle, which was not fitted to these cores."""
    mixed = shuffled(cores, seed)
    moved = [
        dataclasses.replace(answers, predicted=_on_the_mean(answers.predicted, core.labels, mixed))
        for answers, core in zip(prediction.cores, mixed, strict=True)
    ]
    again = dataclasses.replace(prediction, cores=tuple(moved))
    found = _judged(SHUFFLED, prediction.network, mixed, again)
    for kind, values in crop_predictions.items():
        crops = tuple(
            dataclasses.replace(
                answers,
                predicted=predicted,
                asked=np.isfinite(core.labels) & np.isfinite(predicted),
            )
            for answers, predicted, core in zip(prediction.cores, values, cores, strict=True)
        )
        shown = dataclasses.replace(prediction, cores=crops)
        found += _judged(kind, prediction.network, cores, shown)
    return found


def _judged(
    control: str, network: str, cores: Sequence[BenchCore], predicted: Prediction | None
) -> list[Control]:
    found = []
    for i, prop in enumerate(PROPERTIES):
        if not any(np.isfinite(core.labels[:, i]).any() for core in cores):
            continue
        if predicted is None:
            found.append(Control(control, network, prop.name, None, None, 0, "no fold"))
            continue
        answers = answers_of(predicted, cores, i)
        found.append(judge(control, network, prop.name, answers.predicted, answers.label))
    return found


def judge(control: str, network: str, name: str, predicted: Values, label: Values) -> Control:
    """
    Return one control of a model on the property ``name``.

    Parameters
    ----------
    control, network, name : str
    predicted, label : ndarray, shape (n,)
        Predictions, NaN for none, and finite labels.
    """
    has_value = np.isfinite(predicted)
    n = int(has_value.sum())
    if n < MIN_SLICES:
        why = f"{n} slices with such a crop and a label, {MIN_SLICES} are needed"
        return Control(control, network, name, None, None, n, why)
    predicted, label = predicted[has_value], label[has_value]
    score = r2(predicted, label)
    why = "" if score is not None else "all labels are equal"
    return Control(control, network, name, score, _best_line(predicted, label), n, why)


def _best_line(predicted: Values, label: Values) -> float | None:
    if np.ptp(predicted) <= 0 or np.ptp(label) <= 0:
        return None
    return float(np.corrcoef(predicted, label)[0, 1] ** 2)


def _on_the_mean(predicted: Values, labels: Values, cores: Sequence[BenchCore]) -> Values:
    """Return predictions of one core with its own mean replaced by that of all labels."""
    every = np.concatenate([core.labels for core in cores])
    moved = predicted.copy()
    for i in range(moved.shape[1]):
        has_value = np.isfinite(moved[:, i]) & np.isfinite(labels[:, i])
        if has_value.any():
            moved[:, i] += _mean(every[:, i]) - moved[has_value, i].mean()
    return moved


def _mean(values: Values) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
