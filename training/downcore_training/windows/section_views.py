"""Sections as predictors with context see them: views of every centimetre, with their labels."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.core_view import SliceView, view_of
from downcore.strata.flat_field import FlatField
from downcore_training.bench.core import BenchCore

MIN_CORES = 4
"""Fewest cores that are held out whole; of fewer, sections are held out one by one."""


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


def all_sections(cores: Sequence[BenchCore]) -> list[SectionViews]:
    """Return the sections of every core that has an image."""
    return [section for core in cores for section in sections_of(core)]


def groups_of(sections: Sequence[SectionViews]) -> NDArray[np.int64]:
    """
    Return which sections are held out together, numbers of shape (n,).

    Those of a core, where four cores or more have labels: they share strata, lighting and the
    offset of a logger. Else each section is a group.
    """
    with_labels = {part.core for part in sections if np.isfinite(part.labels).any()}
    if len(with_labels) < MIN_CORES:
        return np.arange(len(sections), dtype=np.int64)
    names = list(dict.fromkeys(part.core for part in sections))
    return np.array([names.index(part.core) for part in sections], np.int64)


def sections_sha256(sections: Sequence[SectionViews]) -> str:
    """Return a digest over names, resolutions, labels and colours of sections."""
    digest = hashlib.sha256()
    for section in sections:
        digest.update(f"{section.name} {section.px_per_cm!r} {len(section)}".encode())
        digest.update(np.ascontiguousarray(section.labels).astype("<f8").tobytes())
        for view in section.views:
            if view is not None:
                digest.update(view.rgb.tobytes() + view.is_sediment.tobytes())
    return digest.hexdigest()
