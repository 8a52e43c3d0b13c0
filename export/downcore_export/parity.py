"""Parity: how far a quantised network is from the trained one, and whether that is acceptable."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.properties import PROPERTIES
from downcore_training.datasets import TileSet
from downcore_training.evaluation.slice_scores import Scores, SliceValues, join_slices, score
from downcore_training.fitting.scaling import TargetScaling

MAX_R2_LOSS = 0.01
"""R2 that quantising may cost, of any property, on slices of cores not seen before."""

MAX_P95_DEVIATION = 0.1
"""95th percentile that a slice's value may move, of any property, in spreads of training cores."""

_ALL = tuple(known.name for known in PROPERTIES)


@dataclass(frozen=True, slots=True, eq=False)
class Parity:
    """A network against the unquantised one, on the same tiles."""

    scores: dict[str, Scores]
    """Figures of the network by property, on slices."""
    r2_loss: dict[str, float]
    """By property; negative where the network is the better one."""
    p95_deviation: dict[str, float]
    """Of a slice's value, by property, in spreads."""
    n_tiles: int
    values: SliceValues
    """The network's values of the slices, and the true ones."""

    @property
    def is_good_enough(self) -> bool:
        """Whether every property stays within both limits; a NaN does not."""
        return all(x <= MAX_R2_LOSS for x in self.r2_loss.values()) and all(
            x <= MAX_P95_DEVIATION for x in self.p95_deviation.values()
        )

    @property
    def distance(self) -> float:
        """The worst property's deviation, by which candidates are ranked."""
        return max(self.p95_deviation.values())


def compare(
    outputs: NDArray[np.float32],
    reference: NDArray[np.float32],
    tiles: TileSet,
    scaling: TargetScaling,
    properties: Sequence[str] = _ALL,
) -> Parity:
    """
    Compare outputs, each of shape (3, n_tiles, n_properties) in scaled space, slice by slice.

    Slices without a label count for the deviation and not for R2. ``properties`` names the columns
    of the outputs and of the scaling, in the order of PROPERTIES.
    """
    columns = [i for i, prop in enumerate(PROPERTIES) if prop.name in properties]
    values, truth = (
        join_slices(
            tiles,
            _of_all(scaling.unscaled(raw[0].astype(np.float64)), columns),
            _of_all(np.exp(raw[1].astype(np.float64)) * scaling.spread, columns),
        )
        for raw in (outputs, reference)
    )
    got, ideal = score(values.at_support, values), score(truth.at_support, truth)
    moved = np.abs(values.mean - truth.mean)[:, columns] / scaling.spread
    names = [PROPERTIES[i].name for i in columns]
    return Parity(
        scores={name: got[name] for name in names},
        r2_loss={n: ideal[n].get("r2", np.nan) - got[n].get("r2", np.nan) for n in names},
        p95_deviation={n: float(np.percentile(moved[:, i], 95)) for i, n in enumerate(names)},
        n_tiles=len(tiles),
        values=values,
    )


def _of_all(values: NDArray[np.float64], columns: list[int]) -> NDArray[np.float64]:
    """Return values of some properties as columns of all, the others NaN."""
    out = np.full((len(values), len(PROPERTIES)), np.nan)
    out[:, columns] = values
    return out
