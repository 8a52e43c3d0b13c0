"""Augmented views of a marked scan, so that the mask ignores irrelevant variation."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.mask.classes import MaskClass

LIKELY, EVEN, SELDOM = 0.8, 0.5, 0.25
"""Chances of an alteration."""
COARSEST_PX_PER_CM = 1.3
FACTORS = (1.0, 1.0, 1.0, 0.5, 0.25, 0.12)
MAX_TRIMMED = 0.2
"""Share of the width that may be cut off at either side."""
SATURATED = 250
"""Counts from which a pixel is saturated, and stays so in any light."""

LAMINA_EVERY_CM = 25.0
LAMINA_SHADE = (0.25, 0.9)
"""Share of the light that a darkened lamina keeps."""
GAP_CM = (0.7, 4.0)
"""Lengths of a gap put into a core."""

SPACER_COUNTS = (
    (255, 255, 255),
    (255, 255, 255),
    (245, 243, 236),
    (205, 200, 185),
    (40, 75, 150),
    (150, 150, 152),
    (225, 170, 80),
    (235, 190, 200),
)
"""sRGB of common spacers: white, off-white, blue, grey, orange, pink."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A scan, perhaps altered, as scan lines with the label of every pixel."""

    lines: NDArray[np.uint8]
    """Shape (n_lines, n_across, 3), RGB."""
    labels: NDArray[np.uint8]
    """Shape (n_lines, n_across), :class:`MaskClass` or ``UNSCORED``."""
    px_per_cm: float


def altered(view: View, draw: np.random.Generator, *, with_laminae_and_gaps: bool = False) -> View:
    """
    Return an altered view: mirrored, trimmed, coarser, with added artefacts and other light.

    ``with_laminae_and_gaps`` also darkens laminae and puts gaps into the core.
    """
    lines, labels, px_per_cm = view.lines, view.labels, view.px_per_cm
    if draw.random() < EVEN:
        lines, labels = lines[:, ::-1], labels[:, ::-1]
    if draw.random() < EVEN:
        lines, labels = lines[::-1], labels[::-1]
    if draw.random() < SELDOM:
        n_across = lines.shape[1]
        left, right = (draw.uniform(0.0, MAX_TRIMMED, 2) * n_across).astype(int)
        lines, labels = lines[:, left : n_across - right], labels[:, left : n_across - right]
    lines, labels = np.ascontiguousarray(lines), np.ascontiguousarray(labels)
    if draw.random() < EVEN:
        lines, labels = _furnished(lines, labels, px_per_cm, draw)
    if with_laminae_and_gaps and draw.random() < EVEN:
        lines = _with_dark_laminae(lines, labels, px_per_cm, draw)
    if with_laminae_and_gaps and draw.random() < EVEN:
        lines, labels = _parted(lines, labels, px_per_cm, draw)
    factor = float(draw.choice(FACTORS))
    if factor < 1.0 and factor * px_per_cm >= COARSEST_PX_PER_CM:
        size = (max(8, round(lines.shape[1] * factor)), round(lines.shape[0] * factor))
        lines = np.asarray(cv2.resize(lines, size, interpolation=cv2.INTER_AREA), np.uint8)
        labels = np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        px_per_cm *= factor
    return View(_relit(lines, draw), labels, px_per_cm)


def _furnished(
    lines: NDArray[np.uint8], labels: NDArray[np.uint8], px_per_cm: float, draw: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the scan with spacers, pins and cracks put into its sediment."""
    lines, labels = lines.copy(), labels.copy()
    n_lines, n_across = labels.shape
    for _ in range(max(1, round(n_lines / px_per_cm / 12))):
        middle = draw.uniform(0, n_lines)
        what = draw.integers(0, 4)
        if what <= 1:
            label, counts = MaskClass.FOAM, SPACER_COUNTS[draw.integers(len(SPACER_COUNTS))]
            half, lean = draw.uniform(0.3, 2.5) * px_per_cm, draw.normal(0.0, 0.05) * n_across
            left, right = draw.uniform(-0.05, 0.15) * n_across, draw.uniform(0.85, 1.05) * n_across
        elif what == 2:  # noqa: PLR2004 - a pin
            label, counts = MaskClass.TAG, (240, 240, 248)
            half, lean = draw.uniform(0.3, 0.9) * px_per_cm, 0.0
            left = draw.uniform(0.02, 0.9) * n_across
            right = left + draw.uniform(0.5, 2.0) * px_per_cm
        else:
            label, counts = MaskClass.VOID, (24, 20, 20)
            half, lean = draw.uniform(0.06, 0.5) * px_per_cm, draw.normal(0.0, 0.05) * n_across
            left, right = np.sort(draw.uniform(-0.2, 1.2, 2)) * n_across
        corners = [(left, -half - lean), (right, -half + lean), (right, half + lean)]
        corners.append((left, half - lean))
        shape = np.zeros((n_lines, n_across), np.uint8)
        points = np.array([(x, middle + y) for x, y in corners])
        cv2.fillPoly(shape, [np.round(points).astype(np.int32)], 1)
        chosen = (shape > 0) & (labels == MaskClass.SEDIMENT)
        lines[chosen] = counts
        labels[chosen] = label
    return lines, labels


def _with_dark_laminae(
    lines: NDArray[np.uint8], labels: NDArray[np.uint8], px_per_cm: float, draw: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the scan with laminae darkened; they stay sediment and keep their texture."""
    n_lines = labels.shape[0]
    down = (np.arange(n_lines) + 0.5)[:, None] / px_per_cm
    shade = np.ones(labels.shape)
    for _ in range(max(1, round(n_lines / px_per_cm / LAMINA_EVERY_CM))):
        middle = draw.uniform(0.0, n_lines / px_per_cm)
        half, blur = draw.uniform(0.2, 3.0), draw.uniform(0.02, 0.8)
        edge = np.clip((half - np.abs(down - middle)) / blur + 0.5, 0.0, 1.0)
        shade *= 1.0 - (1.0 - draw.uniform(*LAMINA_SHADE)) * edge
    shaded = np.where((labels == MaskClass.SEDIMENT)[..., None], lines * shade[..., None], lines)
    return np.rint(shaded).astype(np.uint8)


def _parted(
    lines: NDArray[np.uint8], labels: NDArray[np.uint8], px_per_cm: float, draw: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the scan with a gap in its core that looks like what lies before or after it."""
    bare = np.flatnonzero(~(labels == MaskClass.SEDIMENT).any(axis=1))
    runs = [run for run in np.split(bare, np.flatnonzero(np.diff(bare) > 1) + 1) if run.size]
    if not runs:
        return lines, labels
    run = runs[draw.integers(len(runs))]
    length = int(min(run.size, draw.uniform(*GAP_CM) * px_per_cm, labels.shape[0] // 4))
    taken = slice(run[0] + int(draw.integers(run.size - length + 1)), None)
    first = int(draw.integers(labels.shape[0] - length + 1))
    lines, labels = lines.copy(), labels.copy()
    lines[first : first + length] = lines[taken][:length].copy()
    labels[first : first + length] = labels[taken][:length].copy()
    return lines, labels


def _relit(lines: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
    light = lines / 255.0
    if draw.random() < LIKELY:
        light = light ** np.exp(draw.normal(0.0, 0.15))
        light = light * np.exp(draw.normal(0.0, 0.15)) * np.exp(draw.normal(0.0, 0.03, 3))
        light = light + draw.normal(0.0, 0.012, 3)
    light = np.where(lines >= SATURATED, lines / 255.0, light)
    noisy = 255.0 * light + draw.normal(0.0, draw.uniform(0.0, 1.5), lines.shape)
    return np.clip(np.rint(noisy), 0.0, 255.0).astype(np.uint8)
