"""The composition track: groups' fractions beside one another, down the section."""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from downcore.plate.axes import depth_axis, head
from downcore.plate.style import GROUP_COLOURS, INK, STATUS_COLOURS
from downcore.plate.values import UM_PER_CM, Plate
from downcore.strata.depthlog import HAS_VALUE
from downcore.strata.unmixing.composition import GroupShare, words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

_HATCH = "////"
"""Of what the prior says, rather than the data."""


def group_colours(plate: Plate) -> dict[str, str]:
    """Return the colour of each group with a value, in the order in which they are met."""
    names = dict.fromkeys(
        share.group
        for part in plate.slices
        for share in part.composition
        if share.fraction is not None
    )
    return dict(zip(names, itertools.cycle(GROUP_COLOURS), strict=False))


def draw_composition(axes: "Axes", plate: Plate) -> None:
    """Draw each slice's fractions from left to right; hatched where the prior speaks."""
    colours = group_colours(plate)
    for part in plate.slices:
        top, bottom = part.top_um / UM_PER_CM, part.bottom_um / UM_PER_CM
        left = 0.0
        for share in part.composition:
            if share.fraction is None:
                continue
            axes.barh(
                top,
                share.fraction,
                height=bottom - top,
                left=left,
                align="edge",
                color=colours[share.group],
                linewidth=0,
                hatch=_HATCH if share.is_prior_driven else None,
                edgecolor="#ffffff",
            )
            left += share.fraction
        if part.composition and part.composition[0].status not in HAS_VALUE:
            colour = STATUS_COLOURS[part.composition[0].status]
            axes.axhspan(top, bottom, color=colour, alpha=0.3, linewidth=0)
    _draw_first_interval(axes, plate)
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks([0.0, 0.5, 1.0], ["0", "50", "100"])
    depth_axis(axes, plate, has_labels=False)
    axes.tick_params(axis="x", labelsize=7.5, colors=INK, length=3, top=True, labeltop=True)
    axes.tick_params(axis="x", bottom=False, which="both", labelbottom=False)
    head(axes, "Composition", "vol % of solids, 90 % dotted")


def legend_of_groups(plate: Plate) -> list["Patch"]:
    """Return a patch for each group, with its median fraction and 90 % interval."""
    from matplotlib.patches import Patch  # noqa: PLC0415 - an extra, loaded by the caller

    patches = []
    for name, colour in group_colours(plate).items():
        shares = [s for part in plate.slices for s in part.composition if s.group == name]
        is_blind = any(share.is_prior_driven for share in shares)
        patches.append(
            Patch(
                facecolor=colour,
                edgecolor="#ffffff",
                linewidth=0,
                hatch=_HATCH if is_blind else None,
                label=f"{name} {_typical(shares)}",
            )
        )
    if any(patch.get_hatch() for patch in patches):
        patches.append(
            Patch(facecolor="#bbbbbb", edgecolor="#ffffff", hatch=_HATCH, label="by the prior")
        )
    return patches


def _typical(shares: list[GroupShare]) -> str:
    known = [
        (share.lower, share.fraction, share.upper)
        for share in shares
        if share.fraction is not None and share.lower is not None and share.upper is not None
    ]
    lower, middle, upper = np.median(np.array(known, float), axis=0).tolist()
    return words_of(middle, lower, upper)


def _draw_first_interval(axes: "Axes", plate: Plate) -> None:
    """Dot the 90 % interval of the first group, whose edge is the only one that starts at 0."""
    parts = [part for part in plate.slices if part.composition]
    edges = [(part.top_um / UM_PER_CM, part.bottom_um / UM_PER_CM) for part in parts]
    depths = np.array(edges, float).ravel()
    gaps = 2 * np.array([i for i in range(1, len(edges)) if edges[i][0] != edges[i - 1][1]], int)
    for end in ("lower", "upper"):
        ends = [getattr(part.composition[0], end) for part in parts]
        values = np.repeat(np.array([np.nan if x is None else x for x in ends], float), 2)
        # The line is broken where a depth has no composition.
        axes.plot(
            np.insert(values, gaps, np.nan),
            np.insert(depths, gaps, np.nan),
            color=INK,
            linewidth=0.7,
            linestyle=":",
        )
