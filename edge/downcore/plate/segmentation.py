"""The segmentation: regions in a few classes of colour, from the darkest to the lightest."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from downcore.plate.axes import depth_axis, head
from downcore.plate.regions import mean_counts
from downcore.plate.values import Plate
from downcore.strata.colour import linear_of_counts
from downcore.strata.regions.colour_classes import colour_classes

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_SCALE = "viridis"
"""From dark to light, as the classes are, and in order with any kind of colour vision."""


def classes_of_pictures(
    sections: Sequence[tuple[NDArray[np.int32], NDArray[np.uint8]]],
) -> list[NDArray[np.uint8]]:
    """
    Return the class of each pixel of sections whose regions are known by a picture of them only.

    Classes are the same in all sections: as many as the colours of all their regions need.

    Parameters
    ----------
    sections : sequence of tuple
        Of each the labels, shape (n_rows, n_across), and its picture, sRGB, of any size.

    Returns
    -------
    list of ndarray
        Class of each label's pixels, from 1; 0 is no sediment.
    """
    found = [mean_counts(labels, picture) for labels, picture in sections]
    inside = [names > 0 for names, _, _ in found]
    colours = np.concatenate(
        [linear_of_counts(counts[at]) for (_, _, counts), at in zip(found, inside, strict=True)]
    )
    sizes = [np.bincount(dense)[at] for (_, dense, _), at in zip(found, inside, strict=True)]
    classes = colour_classes(
        colours.astype(np.float64), np.concatenate(sizes).astype(np.float64)
    ).of_region
    pictures: list[NDArray[np.uint8]] = []
    for (labels, _), (names, dense, _), at in zip(sections, found, inside, strict=True):
        own, classes = classes[: at.sum()], classes[at.sum() :]
        of_name = np.zeros(names.size, np.uint8)
        of_name[at] = own
        pictures.append(of_name[dense].reshape(labels.shape))
    return pictures


def draw_segmentation(axes: "Axes", plate: Plate) -> None:
    """Draw the classes of the regions of each section that has them."""
    colours = class_colours(n_classes(plate))
    palette = np.concatenate([np.ones((1, 3)), colours])
    for section in plate.sections:
        if section.classes is None:
            continue
        top_cm, bottom_cm = section.span_cm
        axes.imshow(
            palette[section.classes],
            extent=(0.0, 1.0, bottom_cm, top_cm),
            aspect="auto",
            interpolation="nearest",
        )
    axes.set_xticks([])
    axes.set_xlim(0.0, 1.0)
    depth_axis(axes, plate, has_labels=False)
    n = n_classes(plate)
    head(axes, "Segmentation", f"{n} label{'s' if n != 1 else ''}")


def n_classes(plate: Plate) -> int:
    """Return how many classes the plate has."""
    known = [section.classes for section in plate.sections if section.classes is not None]
    return max((int(one.max()) for one in known if one.size), default=0)


def class_colours(n: int) -> NDArray[np.float64]:
    """Return a colour for each class, shape (n, 3), 0 to 1."""
    from matplotlib import colormaps  # noqa: PLC0415 - an extra, loaded by the caller

    return np.asarray(colormaps[_SCALE](np.linspace(0.0, 1.0, n)), np.float64)[:, :3]


def legend_of_classes(plate: Plate) -> "list[Artist]":
    """Return a patch for each class, with its share of the sediment."""
    from matplotlib.patches import Patch  # noqa: PLC0415 - an extra, loaded by the caller

    n = n_classes(plate)
    known = [section.classes.ravel() for section in plate.sections if section.classes is not None]
    pixels = np.bincount(np.concatenate(known), minlength=n + 1)[1:]
    share = 100.0 * pixels / max(int(pixels.sum()), 1)
    words = {0: " darkest", n - 1: " lightest"} if n > 1 else {}
    return [
        Patch(
            facecolor=colour.tolist(),
            edgecolor="#888888",
            linewidth=0.5,
            label=f"{i + 1}{words.get(i, '')}, {_percent(share[i])} %",
        )
        for i, colour in enumerate(class_colours(n))
    ]


def _percent(share: float) -> str:
    return f"{share:.0f}" if share >= 1.0 or share == 0.0 else "< 1"
