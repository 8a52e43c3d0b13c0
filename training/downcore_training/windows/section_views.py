"""Sections as predictors with context see them: views of every centimetre, with their labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.core_view import VIEW_PX_PER_CM, SliceView, view_of
from downcore.strata.flat_field import FlatField
from downcore_training.bench.core import BenchCore

LEAST_SEDIMENT = 0.3
"""Share of the core that must be sediment for the device to give a value, and to be learnt from."""


@dataclass(frozen=True, slots=True, eq=False)
class SectionViews:
    """One unbroken stretch of core, centimetre by centimetre."""

    name: str
    core: str
    site: str
    px_per_cm: float
    """Of the scan."""
    views: tuple[SliceView | None, ...]
    """Colours relative to the white board where there is one; ``None`` without an image."""
    has_board: NDArray[np.bool_]
    """Whether a white board was seen in the slice or above it, shape (n,)."""
    labels: NDArray[np.float64]
    """What the logger read, shape (n, 3), in the order of PROPERTIES, ``ms`` as log10; or NaN."""
    place: NDArray[np.int64]
    """Number of each slice in its core, shape (n,)."""

    def __len__(self) -> int:
        return len(self.views)


def sections_of(core: BenchCore) -> list[SectionViews]:
    """Return the sections of a core that has an image, from its top down; empty without one."""
    if core.image is None or core.px_per_cm is None:
        return []
    found = []
    for number in np.unique(core.run):
        mine = np.flatnonzero(core.run == number)
        flat = FlatField()
        views: list[SliceView | None] = []
        has_board = np.zeros(len(mine), np.bool_)
        for k, i in enumerate(mine.tolist()):
            cut = core.image.lines_and_classes(i)
            if cut is None:
                views.append(None)
                continue
            view, lighting = flat.correct(view_of(*cut, core.px_per_cm))
            views.append(view)
            has_board[k] = lighting.board_counts is not None
        if any(view is not None for view in views):
            found.append(
                SectionViews(
                    name=f"{core.name} {number}",
                    core=core.name,
                    site=core.site,
                    px_per_cm=core.px_per_cm,
                    views=tuple(views),
                    has_board=has_board,
                    labels=core.labels[mine],
                    place=mine,
                )
            )
    core.image.close()
    return found


def coarser(section: SectionViews, px_per_cm: float) -> SectionViews:
    """Return the section as if it had been scanned at ``px_per_cm``, at most 20."""
    share = px_per_cm / VIEW_PX_PER_CM
    if share >= 1.0:
        return section
    views = tuple(None if view is None else _coarser(view, share) for view in section.views)
    return SectionViews(
        name=section.name,
        core=section.core,
        site=section.site,
        px_per_cm=min(px_per_cm, section.px_per_cm),
        views=views,
        has_board=section.has_board,
        labels=section.labels,
        place=section.place,
    )


def _coarser(view: SliceView, share: float) -> SliceView:
    height, width = view.is_sediment.shape
    few = (max(1, round(share * width)), max(1, round(share * height)))
    # Only sediment is averaged: on a coarse scan the mask leaves mixed pixels at the edges out.
    weight = view.is_sediment.astype(np.float32)
    mass = cv2.resize(view.rgb * weight[..., None], few, interpolation=cv2.INTER_AREA)
    total = np.asarray(cv2.resize(weight, few, interpolation=cv2.INTER_AREA))
    small = np.asarray(mass) / np.maximum(total, 1e-3)[..., None]
    usual = view.rgb[view.is_sediment].mean(axis=0) if view.is_sediment.any() else 0.0
    small = np.where((total > 0)[..., None], small, usual).astype(np.float32)
    rgb = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    return SliceView(np.rint(rgb).clip(0, 255).astype(np.uint8), view.is_sediment)


def all_sections(cores: Sequence[BenchCore]) -> list[SectionViews]:
    """Return the sections of every core that has an image."""
    return [section for core in cores for section in sections_of(core)]
