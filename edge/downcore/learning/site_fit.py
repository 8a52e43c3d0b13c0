"""Fitting a site's trees, and judging them by sections that they had not learned from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.learning.familiarity import Familiar, fit_familiar, novelty_of
from downcore.learning.interval_fit import WideningInterval, fit_widening
from downcore.learning.packed_trees import summed
from downcore.learning.site_sections import SiteSlices
from downcore.learning.trees import GrownTrees, grow

Values = NDArray[np.float64]

MAX_FOLDS = 6
"""Parts of the sections, each judged by trees of the others; as many as a minute allows."""

_LOG_SD_RANGE = (-4.0, 2.0)
"""As in the graph."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteModel:
    """Trees of a site, before they are a graph."""

    properties: tuple[int, ...]
    """Places in PROPERTIES."""
    grown: GrownTrees
    centre: Values
    """Mean of the measured values, shape (n_properties,)."""
    spread: Values
    feature_centre: Values
    """Shape (64,)."""
    feature_spread: Values
    familiar: Familiar
    """Of the standardised features."""

    def answers(self, features: Values) -> tuple[Values, Values, Values]:
        """Return value and sd, (n, n_properties), in units, and novelty (n,), of features."""
        mean = np.column_stack([summed(trees, features) for trees in self.grown.means])
        log_sd = np.column_stack([summed(trees, features) for trees in self.grown.spreads])
        sd = np.exp(np.clip(log_sd, *_LOG_SD_RANGE)) * self.spread
        standard = (features - self.feature_centre) / self.feature_spread
        return mean * self.spread + self.centre, sd, novelty_of(self.familiar, standard)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutSlices:
    """What trees of other sections say of every slice."""

    value: Values
    sd: Values
    novelty: Values


def fit_site(slices: SiteSlices, properties: tuple[int, ...], *, seed: int = 1) -> SiteModel:
    """Return trees fitted to slices with a measured value."""
    is_known = np.isfinite(slices.labels[:, list(properties)])
    known = slices.of(np.asarray(is_known.any(axis=1), np.bool_))
    labels = known.labels[:, list(properties)]
    centre, spread = np.nanmean(labels, axis=0), np.nanstd(labels, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    grown = grow(known.features, (labels - centre) / spread, known.section, seed=seed)
    middle, around = known.features.mean(axis=0), known.features.std(axis=0)
    around = np.where(around > 0, around, 1.0)
    familiar = fit_familiar((known.features - middle) / around)
    return SiteModel(properties, grown, centre, spread, middle, around, familiar)


def cross_fit(slices: SiteSlices, properties: tuple[int, ...], *, seed: int = 1) -> HeldOutSlices:
    """Return what trees of other sections say of every slice."""
    numbers = np.unique(slices.section)
    n_folds = min(MAX_FOLDS, len(numbers))
    shape = (len(slices.section), len(properties))
    value, sd = np.full(shape, np.nan), np.full(shape, np.nan)
    novelty = np.full(shape[0], np.nan)
    for fold in range(n_folds):
        away = np.isin(slices.section, numbers[fold::n_folds])
        model = fit_site(slices.of(~away), properties, seed=seed)
        value[away], sd[away], novelty[away] = model.answers(slices.features[away])
    return HeldOutSlices(value, sd, novelty)


def interval_of(
    slices: SiteSlices, held_out: HeldOutSlices, k: int, place: int, kept: NDArray[np.bool_]
) -> WideningInterval:
    """Return the interval of property ``k``, at ``place`` in PROPERTIES, by some slices."""
    error = (held_out.value[:, k] - slices.labels[:, place])[kept]
    return fit_widening(error, held_out.sd[kept, k], slices.section[kept], held_out.novelty[kept])
