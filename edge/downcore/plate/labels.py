"""The strip of regions: colours that only tell neighbours apart."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from downcore.plate.axes import depth_axis, head
from downcore.plate.style import LABEL_COLOURS, NO_LABEL_COLOUR
from downcore.plate.values import PlateSection

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_labels(axes: "Axes", section: PlateSection) -> None:
    """Draw the regions of a section; neighbours differ in colour, which means nothing else."""
    if section.labels is None:
        raise ValueError("expected labels to draw, got none")
    top_cm, bottom_cm = section.span_cm
    axes.imshow(
        coloured(section.labels),
        extent=(0.0, 1.0, bottom_cm, top_cm),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_xticks([])
    axes.set_xlim(0.0, 1.0)
    depth_axis(axes, section, has_labels=False)
    n = int(np.unique(section.labels[section.labels > 0]).size)
    head(axes, "Regions", f"{n} labels")


def coloured(labels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """
    Return labels as a picture, shape (n_rows, n_across, 3); 0 is no sediment.

    Each label takes the first colour that no neighbour with a lower place has taken, or where
    neighbours have taken them all, the one that the fewest of them have.
    """
    names, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape)
    pairs = np.concatenate([
        np.stack([dense[:-1].ravel(), dense[1:].ravel()], axis=1),
        np.stack([dense[:, :-1].ravel(), dense[:, 1:].ravel()], axis=1),
    ])  # fmt: skip
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    neighbours: list[list[int]] = [[] for _ in names]
    for low, high in pairs.tolist():
        neighbours[high].append(low)
    chosen = np.full(names.size, -1)
    for i, name in enumerate(names.tolist()):
        if name == 0:
            continue
        taken = chosen[neighbours[i]]
        counts = np.bincount(taken[taken >= 0], minlength=len(LABEL_COLOURS))
        # Begins elsewhere for each label, so that colours are spread evenly.
        order = (np.arange(len(LABEL_COLOURS)) + i) % len(LABEL_COLOURS)
        chosen[i] = order[int(np.argmin(counts[order]))]
    palette = np.array([*map(_rgb, LABEL_COLOURS), _rgb(NO_LABEL_COLOUR)], np.uint8)
    picture: NDArray[np.uint8] = palette[chosen][dense]
    return picture


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
