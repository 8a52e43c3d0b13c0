"""The columns of what was seen: the image, or the colours kept of it, and the mask."""

from typing import TYPE_CHECKING

import numpy as np

from downcore.plate.axes import depth_axis, head
from downcore.plate.style import CLASS_COLOURS
from downcore.plate.values import UM_PER_CM, Plate, PlateSection
from downcore.strata.colour import counts_of_linear
from downcore.strata.mask.classes import MaskClass

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_image(axes: "Axes", plate: Plate) -> None:
    """Draw each section's picture; without one, each slice in its mean colour."""
    for section in plate.sections:
        top_cm, bottom_cm = section.span_cm
        if section.picture is None:
            _draw_colours(axes, section)
        else:
            axes.imshow(
                section.picture,
                extent=(0.0, 1.0, bottom_cm, top_cm),
                aspect="auto",
                interpolation="antialiased",
            )
        if len(plate.sections) > 1:
            axes.text(
                0.03,
                top_cm,
                section.name,
                size=6.5,
                va="top",
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
                zorder=7,
                parse_math=False,
                clip_on=True,
            )
    axes.set_xticks([])
    axes.set_xlim(0.0, 1.0)
    depth_axis(axes, plate, has_labels=True)
    are_pictures = [section.picture is not None for section in plate.sections]
    head(
        axes,
        "Image" if any(are_pictures) else "Colour",
        ""
        if all(are_pictures)
        else "mean of each cm"
        if not any(are_pictures)
        else "or mean of cm",
    )


def _draw_colours(axes: "Axes", section: PlateSection) -> None:
    for part in section.slices:
        if part.linear_rgb is not None:
            red, green, blue = counts_of_linear(np.array(part.linear_rgb, np.float32)) / 255.0
            axes.axhspan(
                part.top_um / UM_PER_CM,
                part.bottom_um / UM_PER_CM,
                color=(red, green, blue),
                linewidth=0,
            )


def draw_mask(axes: "Axes", plate: Plate) -> None:
    """Draw what each slice's pixels are, as shares that fill the strip from left to right."""
    slices = plate.slices
    tops = np.array([part.top_um for part in slices]) / UM_PER_CM
    heights = np.array([part.bottom_um for part in slices]) / UM_PER_CM - tops
    fractions = np.array([part.class_fractions for part in slices])
    left = np.zeros(len(slices))
    for mask_class in MaskClass:
        share = fractions[:, mask_class]
        axes.barh(
            tops,
            share,
            height=heights,
            left=left,
            align="edge",
            color=CLASS_COLOURS[mask_class],
            linewidth=0,
        )
        left = left + share
    axes.set_xticks([])
    axes.set_xlim(0.0, 1.0)
    depth_axis(axes, plate, has_labels=False)
    head(axes, "Mask", "")
