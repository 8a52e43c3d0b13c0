"""
Figures of predictions by property, in units, and relative to the visible part.

Tiles are joined to slices first: a slice's value is the mean of its tiles, its sd the root
mean square of theirs. ``ms`` is judged as log10 and, besides, in its unit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.footprint import FOOTPRINTS, at_logger_support
from downcore.strata.properties import PROPERTIES
from downcore_training.datasets import TileSet

Scores = dict[str, float]
"""Figures by name, ready for JSON."""


@dataclass(frozen=True, slots=True, eq=False)
class SliceValues:
    """Predictions and true values of slices; units of the property, log10 for ``ms``."""

    mean: NDArray[np.float64]
    """Shape (n_slices, 3)."""
    sd: NDArray[np.float64]
    """Shape (n_slices, 3), the network's own; above 0."""
    label: NDArray[np.float64]
    """Shape (n_slices, 3); NaN where nothing was logged."""
    visible: NDArray[np.float64]
    """The visible part of the label, shape (n_slices, 3); NaN as ``label``."""
    core: NDArray[np.int64]
    """Number of the core of each slice, shape (n_slices,)."""
    logger_mean: NDArray[np.float64] | None = None
    """
    ``mean`` as the logger's sensors would read it, their footprint along the core included,
    shape (n_slices, 3). It is what labels are compared with; ``mean`` is of the slice alone.
    """

    @property
    def at_support(self) -> NDArray[np.float64]:
        """``logger_mean``, or ``mean`` where it was not computed."""
        return self.mean if self.logger_mean is None else self.logger_mean


def join_slices(tiles: TileSet, mean: NDArray[np.float64], sd: NDArray[np.float64]) -> SliceValues:
    """
    Join predictions of all ``tiles``, each of shape (n_tiles, 3), to those of slices.

    Raises
    ------
    ValueError
        If there is not one prediction for each tile.
    """
    if not len(mean) == len(sd) == len(tiles):
        raise ValueError(f"expected {len(tiles)} predictions, got {len(mean)} and {len(sd)}")
    first = tiles.one_tile_a_slice()
    joined = _mean_by(tiles.group, mean)
    return SliceValues(
        mean=joined,
        sd=np.sqrt(_mean_by(tiles.group, sd**2)),
        label=tiles.labels[first],
        visible=tiles.visible[first],
        core=tiles.core[first],
        logger_mean=at_support(tiles, joined),
    )


def at_support(tiles: TileSet, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return values of slices as the logger's sensors would read them.

    Parameters
    ----------
    tiles : TileSet
        Whose slices they are.
    values : ndarray, shape (n_slices, 3)
        One row for each slice that has a tile, log10 for ``ms``; NaN for no answer.

    Returns
    -------
    ndarray, shape (n_slices, 3)
        The mean over each sensor's footprint of the slices there are.
    """
    first = tiles.one_tile_a_slice()
    out = np.empty_like(values)
    for number, core in enumerate(tiles.cores):
        mine = np.flatnonzero(tiles.core[first] == number)
        index = np.unique(core.slice_index)
        for i, footprint in enumerate(FOOTPRINTS):
            whole = np.full(len(core.labels), np.nan)
            whole[index] = values[mine, i]
            out[mine, i] = at_logger_support(whole, core.runs, footprint)[index]
    return out


def score(predicted: NDArray[np.float64], values: SliceValues) -> dict[str, Scores]:
    """
    Return the figures of ``predicted`` (n_slices, 3) for every property.

    Returns
    -------
    dict
        For each property ``n``, ``r2``, ``r``, ``rmse``, ``mae``, ``bias`` and
        ``rmse_core_bias_removed`` (what stays when each core's mean error is known), in its
        unit or log10 of it; for log scaled ones ``rmse_unit``, ``mae_unit`` and
        ``bias_unit`` in the unit as well. A figure that cannot be computed is left out.
    """
    return {
        prop.name: _score_one(
            predicted[:, i], values.label[:, i], values.core, is_log=prop.is_log_scaled
        )
        for i, prop in enumerate(PROPERTIES)
    }


def visible_share(values: SliceValues) -> Scores:
    """
    Return, by property, the R2 of a perfect prediction from colour and texture.

    The log of the generator is partly invisible on purpose; no network can pass this share.
    Properties without a known visible part are left out, as all are for real cores.
    """
    return {
        name: figures["r2"]
        for name, figures in score(values.visible, values).items()
        if "r2" in figures
    }


def _score_one(
    predicted: NDArray[np.float64],
    label: NDArray[np.float64],
    core: NDArray[np.int64],
    *,
    is_log: bool,
) -> Scores:
    known = np.isfinite(label) & np.isfinite(predicted)
    got, true, core = predicted[known], label[known], core[known]
    if true.size < 2:  # noqa: PLR2004 - no variance of one number
        return {"n": float(true.size)}
    error = got - true
    by_core = np.bincount(core, error) / np.maximum(np.bincount(core), 1)
    found = {
        "n": float(true.size),
        "rmse": _rms(error),
        "mae": float(np.abs(error).mean()),
        "bias": float(error.mean()),
        "rmse_core_bias_removed": _rms(error - by_core[core]),
    }
    if true.std() > 0:
        found["r2"] = float(1 - (error**2).mean() / true.var())
        if got.std() > 0:
            found["r"] = float(np.corrcoef(got, true)[0, 1])
    if is_log:
        in_unit = 10**got - 10**true
        found["rmse_unit"] = _rms(in_unit)
        found["mae_unit"] = float(np.abs(in_unit).mean())
        found["bias_unit"] = float(in_unit.mean())
    return found


def _rms(error: NDArray[np.float64]) -> float:
    return float(np.sqrt((error**2).mean()))


def _mean_by(group: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    n = int(group.max()) + 1
    counts = np.bincount(group, minlength=n)
    sums = [np.bincount(group, values[:, i], minlength=n) for i in range(values.shape[1])]
    means: NDArray[np.float64] = np.stack(sums, axis=1) / counts[:, None]
    return means
