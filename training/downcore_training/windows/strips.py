"""Sections as strips of pixels from which windows are drawn at any depth, with their labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from downcore.strata.core_view import VIEW_PX_PER_CM
from downcore.strata.windows import WINDOW_ACROSS_PX, WINDOW_CHANNELS, Window, cut_window
from downcore_training.windows.section_views import SectionViews
from downcore_training.windows.window_set import usable_rows

MAX_SHIFT_PX = 10
"""Most by which a drawn window lies off the centimetres, half a centimetre."""


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """A section with a window's length of nothing above and below."""

    pixels: NDArray[np.uint8]
    """Shape (lines, 200, 4)."""
    labels: NDArray[np.float64]
    """Shape (n_cm + 2 * margin, n_outputs), scaled; NaN where none may be learnt from."""
    starts: NDArray[np.int64]
    """Rows at which a window may begin that holds a label."""


def strip_of(section: SectionViews, window: Window, scaled: NDArray[np.float64]) -> Strip:
    """Return the strip of a section with its labels (n, k) already scaled."""
    margin = window.n_cm
    parts = [np.zeros((margin * VIEW_PX_PER_CM, WINDOW_ACROSS_PX, WINDOW_CHANNELS), np.uint8)]
    step = Window(0, window.n_cm, 0)
    for first in range(0, len(section), window.n_cm):
        views = list(section.views[first : first + window.n_cm])
        parts.append(cut_window(views + [None] * (window.n_cm - len(views)), step))
    parts.append(parts[0])
    labels = np.full((len(section) + 2 * margin, scaled.shape[1]), np.nan)
    usable = usable_rows(section)
    labels[margin : margin + len(section)] = np.where(usable[:, None], scaled, np.nan)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(labels).any(axis=1))
    last = len(labels) - window.n_cm
    starts = [i for i in range(last) if known[i + 1 : i + window.n_cm - 1].any()]
    return Strip(np.concatenate(parts), labels, np.array(starts, np.int64))


def drawn(
    strips: Sequence[Strip], window: Window, count: int, generator: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """
    Return ``count`` windows drawn at random, and the labels of all their centimetres.

    Returns
    -------
    pixels : Tensor, shape (count, 4, lines, 200), float
    labels : Tensor, shape (count, n_cm, n_outputs)
        Between two centimetres where the window lies between them; NaN at its first and last,
        which lack context.
    """
    share = np.array([len(strip.starts) for strip in strips], np.float64)
    chosen = generator.choice(len(strips), count, p=share / share.sum())
    pixels, labels = [], []
    for strip in (strips[i] for i in chosen):
        row = int(generator.choice(strip.starts))
        shift = int(generator.integers(-MAX_SHIFT_PX, MAX_SHIFT_PX + 1))
        first = min(max(row * VIEW_PX_PER_CM + shift, 0), len(strip.pixels) - window.shape[0])
        pixels.append(strip.pixels[first : first + window.shape[0]])
        labels.append(_labels_at(strip.labels, first / VIEW_PX_PER_CM, window.n_cm))
    stacked = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float().contiguous()
    return stacked, torch.from_numpy(np.stack(labels)).float()


def _labels_at(labels: NDArray[np.float64], top_cm: float, n_cm: int) -> NDArray[np.float64]:
    low = int(np.floor(top_cm))
    part = top_cm - low
    near = labels[low : low + n_cm]
    if part > 0.0 and len(labels) >= low + n_cm + 1:
        below = labels[low + 1 : low + n_cm + 1]
        nearest = below if part > 0.5 else near  # noqa: PLR2004 - half a centimetre
        mixed = (1.0 - part) * near + part * below
        near = np.where(np.isfinite(mixed), mixed, nearest)
    near = near.copy()
    near[[0, -1]] = np.nan
    return near
