"""All slices of a folder with their views, one row each, as every model of the table sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.errors import SettingsError
from downcore_training.bench.core import BenchCore
from downcore_training.windows.section_views import SectionViews, all_sections
from downcore_training.windows.window_set import usable_rows

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SliceTable:
    """
    Slices of every section that has an image, section by section, core by core.

    Views are kept at 20 px/cm, so that a metre of core takes about a megabyte, whatever the size of
    its image.
    """

    sections: tuple[SectionViews, ...]
    labels: Values
    """
    Logged values, shape (n, 3), ``ms`` as log10; NaN where there is none, or too little sediment or
    no colour, so that every model learns from the same slices and is scored on the same.
    """
    depth_cm: Values
    """Top of each slice, shape (n,)."""
    profile: Values
    """Colour profile, shape (n, 5)."""
    section: NDArray[np.int64]
    """Number of each slice's section, shape (n,)."""
    core: NDArray[np.int64]
    """Number of each slice's core, shape (n,)."""
    site: NDArray[np.int64]
    """Number of each slice's site, shape (n,)."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def is_labelled(self) -> NDArray[np.bool_]:
        """Whether a slice has any label, shape (n,)."""
        return np.asarray(np.isfinite(self.labels).any(axis=1))

    @property
    def n_view_bytes(self) -> int:
        """Memory that the views take."""
        views = (view for section in self.sections for view in section.views)
        return sum(view.rgb.nbytes + view.is_sediment.nbytes for view in views if view is not None)

    def cores_with(self, labels: Values) -> list[BenchCore]:
        """Return the cores with ``labels`` (n, 3) in place of their own, without images."""
        found = []
        for number in np.unique(self.core):
            mine = self.core == number
            first = self.sections[self.section[mine][0]]
            found.append(
                BenchCore(
                    name=first.core,
                    site=first.site,
                    depth_cm=self.depth_cm[mine],
                    run=self.section[mine],
                    profile=self.profile[mine],
                    labels=labels[mine],
                )
            )
        return found


def slice_table(cores: Sequence[BenchCore]) -> SliceTable:
    """
    Return the slices of cores; their images are read once, core by core, and only views are kept.

    Raises
    ------
    SettingsError
        If no slice has both an image and a label.
    """
    by_name = {(core.site, core.name): core for core in cores}
    sections = all_sections(cores)
    parts = [_part(by_name[section.site, section.core], section) for section in sections]
    if not any(np.isfinite(labels).any() for labels, _, _ in parts):
        raise SettingsError(
            "expected slices with an image and a logged value for the published table, got none: "
            "its networks learn from images; without --published the baselines are scored"
        )
    labels, depth, profile = (np.concatenate(part) for part in zip(*parts, strict=True))
    lengths = [len(section) for section in sections]
    return SliceTable(
        sections=tuple(sections),
        labels=labels,
        depth_cm=depth,
        profile=profile,
        section=np.repeat(np.arange(len(sections)), lengths),
        core=np.repeat(_numbers([(s.site, s.core) for s in sections]), lengths),
        site=np.repeat(_numbers([(s.site,) for s in sections]), lengths),
    )


def _part(core: BenchCore, section: SectionViews) -> tuple[Values, Values, Values]:
    is_known = usable_rows(section) & core.has_colour[section.place]
    labels = np.where(is_known[:, None], section.labels, np.nan)
    return labels, core.depth_cm[section.place], core.profile[section.place]


def _numbers(names: Sequence[tuple[str, ...]]) -> NDArray[np.int64]:
    """Return a number for each name, in order of first appearance."""
    known = {name: k for k, name in enumerate(dict.fromkeys(names))}
    return np.array([known[name] for name in names], np.int64)
