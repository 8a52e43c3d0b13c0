"""Composed slices as a composer makes them: with groups, a joined sum, a guard, regions, a tile."""

import numpy as np

from downcore.composing.label_png import label_tile
from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import Status
from downcore.strata.regions.shapes import GrainSizes, SliceRegions
from downcore.strata.unmixing.composition import Composition, GroupShare
from downcore.strata.unmixing.identifiability import IdentifiabilityReport

GUARD = IdentifiabilityReport(
    rows=("density", "red", "green", "blue"),
    rank=2,
    condition=31.5,
    freedom=1.75,
    n_free=6,
    members=(("quartz", 0.9), ("calcite", 0.5)),
    groups=(("light", 0.4), ("dark", 0.8)),
    ties=(("quartz", "calcite"),),
    joined=(("light", "dark"),),
    refusal="",
)
GRAINS = GrainSizes(
    n_grains=12,
    least_um=1_000.0,
    d10_um=1_100.5,
    d50_um=1_500.25,
    d90_um=2_200.0,
    sphericity=0.7,
    roundness=0.6,
)


def share(group: str, fraction: float, *, is_prior_driven: bool = False) -> GroupShare:
    """Return a group's share with an interval of a tenth to either side."""
    return GroupShare(
        group=group,
        fraction=fraction,
        lower=max(fraction - 0.1, 0.0),
        upper=min(fraction + 0.1, 1.0),
        status=Status.PREDICTED,
        is_prior_driven=is_prior_driven,
        reason="",
    )


def composed(index: int, *, composer_id: str = "c1", light: float = 0.3) -> ComposedSlice:
    """Return a slice of two groups with everything that there can be."""
    groups = (share("light", light), share("dark", 1.0 - light, is_prior_driven=True))
    labels = np.arange(12, dtype=np.int32).reshape(3, 4) + 70_000 * index
    return ComposedSlice(
        index=index,
        top_um=10_000 * index,
        bottom_um=10_000 * (index + 1),
        composer_id=composer_id,
        table="two",
        composition=Composition(index, groups, (share("light + dark", 1.0),), 0.6, GUARD),
        regions=SliceRegions(index, 12, 0.25, GRAINS, ""),
        labels=label_tile(labels, 50.0),
    )


def without_value(index: int, status: Status, reason: str) -> ComposedSlice:
    """Return a slice of which nothing is said, on a scan without regions."""
    groups = tuple(
        GroupShare(name, None, None, None, status, is_prior_driven=False, reason=reason)
        for name in ("light", "dark")
    )
    return ComposedSlice(
        index=index,
        top_um=10_000 * index,
        bottom_um=10_000 * (index + 1),
        composer_id="c1",
        table="two",
        composition=Composition(index, groups, (), None, None),
        regions=None,
        labels=None,
    )
