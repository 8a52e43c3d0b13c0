"""Figures of the table: MSE and R2 of each property in its unit, and of all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.strata.properties import PROPERTIES
from downcore_training.bench.published.protocols import Mask, Targets
from downcore_training.bench.scoring import in_units

Values = NDArray[np.float64]

ALL = "all"
"""Name of the properties together."""

_MIN_SLICES = 2


@dataclass(frozen=True, slots=True)
class TableScore:
    """One model on one property, or on all, under one protocol."""

    protocol: str
    model: str
    target: str
    """Name of the property, or :data:`ALL`."""
    unit: str
    """Of the error, not squared; ``sd`` for all properties together."""
    r2: float | None
    """About each property's mean over the test slices; of ``ms`` that of log10."""
    mse: float | None
    """In the square of ``unit``."""
    n_slices: int
    """Labels that were scored."""
    n_folds: int
    steps: tuple[int, int] | None = None
    """Fewest and most training steps of a fold; ``None`` for what has no steps."""
    gap: float | None = None
    """R2 of the same model with random slices less this one; ``None`` where not both are known."""

    def for_json(self) -> dict[str, Any]:
        """Return the score as JSON has it."""
        return {
            "protocol": self.protocol,
            "model": self.model,
            "property": self.target,
            "unit": self.unit,
            "r2": self.r2,
            "mse": self.mse,
            "leakage_gap": self.gap,
            "n_slices": self.n_slices,
            "n_folds": self.n_folds,
            "steps": None if self.steps is None else list(self.steps),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """Predictions of one model under one protocol."""

    values: Values
    """In units, ``ms`` as log10, shape (n, 3); NaN where nothing was predicted."""
    test: Mask
    """Slices that are scored."""
    scale: Targets
    """What errors are divided by where properties are put together."""
    n_folds: int
    steps: tuple[int, int] | None = None


def scores_of(protocol: str, model: str, labels: Values, predicted: Predicted) -> list[TableScore]:
    """Return the score on all properties together, then on each that was logged."""
    known = np.isfinite(labels) & np.isfinite(predicted.values) & predicted.test[:, None]
    if known.sum() < _MIN_SLICES:
        return []
    found = []
    total, errors = 0.0, 0.0
    for i, prop in enumerate(PROPERTIES):
        mine = known[:, i]
        if mine.sum() < _MIN_SLICES:
            continue
        said, label = predicted.values[mine, i], labels[mine, i]
        in_unit = in_units(said, prop) - in_units(label, prop)
        centre, spread = predicted.scale.centre[mine, i], predicted.scale.spread[mine, i]
        scaled = (label - centre) / spread
        errors += float((((said - label) / spread) ** 2).sum())
        total += float(((scaled - scaled.mean()) ** 2).sum())
        found.append(
            TableScore(
                protocol,
                model,
                prop.name,
                prop.unit,
                _r2(float(((said - label) ** 2).sum()), float(((label - label.mean()) ** 2).sum())),
                float((in_unit**2).mean()),
                int(mine.sum()),
                predicted.n_folds,
                predicted.steps,
            )
        )
    n = sum(one.n_slices for one in found)
    if not n:
        return []
    together = TableScore(
        protocol,
        model,
        ALL,
        "sd",
        _r2(errors, total),
        errors / n,
        n,
        predicted.n_folds,
        predicted.steps,
    )
    return [together, *found]


def with_gaps(scores: Sequence[TableScore], leaky: str) -> list[TableScore]:
    """Return the scores with the gap to the leaky protocol."""
    known = {(one.model, one.target): one.r2 for one in scores if one.protocol == leaky}
    return [_with_gap(one, known.get((one.model, one.target)), leaky) for one in scores]


def _with_gap(one: TableScore, random: float | None, leaky: str) -> TableScore:
    if one.protocol == leaky or one.r2 is None or random is None:
        return one
    return replace(one, gap=random - one.r2)


def _r2(errors: float, total: float) -> float | None:
    return 1.0 - errors / total if total > 1e-12 else None  # noqa: PLR2004 - nothing differs
