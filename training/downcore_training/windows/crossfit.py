"""
Cross-fitting: every section is answered by a predictor that never saw it.

Nor its core, where there are enough cores. What is measured on these answers, figures, intervals,
the novelty limit and the shares of a blend, holds for sections like those; the predictor that is
shipped learns from all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from downcore.learning.familiarity import Familiar, fit_familiar, novelty_of
from downcore.strata.properties import PROPERTIES
from downcore.strata.windows import Window
from downcore_training.fitting.scaling import TargetScaling
from downcore_training.windows.learning import answers
from downcore_training.windows.section_views import SectionViews, groups_of
from downcore_training.windows.window_set import WindowSet, usable_rows

Values = NDArray[np.float64]

MIN_SECTIONS = 4
"""Fewest sections that can be cross-fitted."""

MIN_LABELS = 50
"""Fewest logged slices of a property that is predicted."""

Make = Callable[[Sequence[SectionViews], TargetScaling, int], nn.Module]
"""Returns a module fitted to some sections; the number is that of the fold, -1 for all."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Answers for slices of sections that the predictor had not learnt from, in units."""

    mean: Values
    """Shape (n, k), ``ms`` in log10."""
    sd: Values
    """Shape (n, k), the predictor's own."""
    label: Values
    """Shape (n, k); NaN where nothing was logged or no sediment shows."""
    novelty: Values
    """Shape (n,)."""
    section: NDArray[np.int64]
    """Number of each slice's section, shape (n,)."""
    row: NDArray[np.int64]
    """Slice in its section, shape (n,)."""
    group: NDArray[np.int64]
    """Number of what was held out together, see :func:`.groups_of`, shape (n,)."""

    def ordered(self) -> "HeldOut":
        """Return the same in order of section and depth."""
        order = np.lexsort((self.row, self.section))
        return HeldOut(
            mean=self.mean[order],
            sd=self.sd[order],
            label=self.label[order],
            novelty=self.novelty[order],
            section=self.section[order],
            row=self.row[order],
            group=self.group[order],
        )


def properties_of(sections: Sequence[SectionViews]) -> tuple[int, ...]:
    """Return the places in PROPERTIES of those that enough slices of enough sections have."""
    counts = np.array([np.isfinite(section.labels).sum(axis=0) for section in sections])
    counts = counts.reshape(-1, len(PROPERTIES))
    is_enough = (counts.sum(axis=0) >= MIN_LABELS) & ((counts > 0).sum(axis=0) >= MIN_SECTIONS)
    return tuple(int(i) for i in np.flatnonzero(is_enough))


def scaling_of(sections: Sequence[SectionViews], properties: Sequence[int]) -> TargetScaling:
    """Return the scaling by the labels of some sections; 0 and 1 for other properties."""
    labels = np.concatenate(
        [np.where(usable_rows(part)[:, None], part.labels, np.nan) for part in sections]
    )
    centre, spread = np.zeros(len(PROPERTIES)), np.ones(len(PROPERTIES))
    for i in properties:
        known = labels[np.isfinite(labels[:, i]), i]
        if known.size > 1 and known.std() > 0:
            centre[i], spread[i] = known.mean(), known.std()
    return TargetScaling(centre, spread)


def labelled(sections: Sequence[SectionViews]) -> list[int]:
    """Return the numbers of the sections with a label."""
    return [i for i, part in enumerate(sections) if np.isfinite(part.labels).any()]


def cross_fit(
    sections: Sequence[SectionViews],
    properties: Sequence[int],
    make: Make,
    window: Window,
    *,
    n_folds: int,
) -> HeldOut:
    """
    Return the answers for every labelled section by predictors of the others.

    Parameters
    ----------
    sections : sequence of SectionViews
        Of all training cores.
    properties : sequence of int
        Places in PROPERTIES of what is predicted.
    make : callable
        Fits a predictor.
    window : Window
        What it sees.
    n_folds : int
        Parts of the sections, or of the cores, each answered by a predictor of the others.
    """
    numbers = labelled(sections)
    if len(numbers) < MIN_SECTIONS:
        raise ValueError(f"expected {MIN_SECTIONS} labelled sections or more, got {len(numbers)}")
    found = []
    group = groups_of(sections)
    distinct = np.unique(group[numbers])
    for fold in range(min(n_folds, len(distinct))):
        away = [i for i in numbers if group[i] in distinct[fold::n_folds]]
        kept = [sections[i] for i in numbers if i not in away]
        scaling = scaling_of(kept, properties)
        module = make(kept, scaling, fold)
        familiar = fit_familiar(_known_features(module, kept, window))
        windows = WindowSet([sections[i] for i in away], window)
        got = _answered(module, windows, scaling, list(properties), familiar)
        section = np.array(away, np.int64)[got.section]
        found.append(replace(got, section=section, group=group[section]))
    parts = [
        np.concatenate([getattr(part, name) for part in found])
        for name in ("mean", "sd", "label", "novelty", "section", "row", "group")
    ]
    return HeldOut(*parts).ordered()


def _known_features(
    module: nn.Module, sections: Sequence[SectionViews], window: Window
) -> NDArray[np.float32]:
    windows = WindowSet(sections, window)
    return answers(module, windows).features[np.isfinite(windows.labels).any(axis=1)]


def _answered(
    module: nn.Module,
    windows: WindowSet,
    scaling: TargetScaling,
    properties: list[int],
    familiar: Familiar,
) -> HeldOut:
    got = answers(module, windows)
    row, section = windows.row, windows.section
    lengths = np.array([len(part) for part in windows.sections])
    usable = np.concatenate([usable_rows(part) for part in windows.sections])
    first = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    inside = row < lengths[section]
    inside[inside] = usable[(first[section] + row)[inside]]
    centre, spread = scaling.centre[properties], scaling.spread[properties]
    return HeldOut(
        mean=(got.mean.astype(np.float64) * spread + centre)[inside],
        sd=(np.exp(got.log_sd.astype(np.float64)) * spread)[inside],
        label=windows.labels[:, properties][inside],
        novelty=novelty_of(familiar, got.features)[inside],
        section=section[inside],
        row=row[inside],
        group=section[inside],
    )


def blended(network: HeldOut, trees: HeldOut, shares: Sequence[float]) -> HeldOut:
    """Return the answers of a blend from those of its parts, for the same slices."""
    share = np.array(list(shares))
    variance = share * network.sd**2 + (1.0 - share) * trees.sd**2
    mean = share * network.mean + (1.0 - share) * trees.mean
    return replace(network, mean=mean, sd=np.sqrt(variance))


def best_shares(network: HeldOut, trees: HeldOut, kept: NDArray[np.bool_]) -> tuple[float, ...]:
    """
    Return the network's share of each property, 0 to 1.

    Half way between one half and the share with the least squared error: a dozen sections tell too
    little of it to be followed all the way.
    """
    shares = []
    for k in range(network.mean.shape[1]):
        known = kept & np.isfinite(network.label[:, k])
        apart = (network.mean - trees.mean)[known, k]
        left = (network.label - trees.mean)[known, k]
        share = float(apart @ left) / max(float(apart @ apart), 1e-12)
        shares.append(float(np.clip(round((share + 0.5) / 2, 2), 0.0, 1.0)))
    return tuple(shares)


def nested_blend(network: HeldOut, trees: HeldOut) -> HeldOut:
    """Return a blend whose shares, for each section or core, come from the others only."""
    out = replace(network, mean=network.mean.copy(), sd=network.sd.copy())
    for number in np.unique(network.group):
        mine = network.group == number
        part = blended(network, trees, best_shares(network, trees, ~mine))
        out.mean[mine], out.sd[mine] = part.mean[mine], part.sd[mine]
    return out
