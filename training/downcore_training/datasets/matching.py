"""
Matching of slices with the rows of logs, by depth in the section.

A slice has a label only where the log has usable values on both sides of its centre, no more than
1.6 cm apart. No value is carried past the first or the last row of a section, or across the place
where a section is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.loggers import CoreLog, usable
from downcore.strata.depth import LineScale
from downcore.strata.errors import SettingsError
from downcore.strata.properties import PROPERTIES
from downcore_training.datasets._depth_labels import MAX_GAP_CM, distance_to_ends_cm, labels_at
from downcore_training.datasets.matching_rules import MatchingRules, load_rules
from downcore_training.datasets.placing import PlacedSection, place_sections
from downcore_training.datasets.release import Release, ReleaseCore, find_release, section_key
from downcore_training.datasets.slice_images import SliceImages

__all__ = ["MAX_GAP_CM", "MatchedCore", "MatchedSection", "SliceImages", "match", "matched_cores"]


@dataclass(frozen=True, slots=True)
class MatchedSection:
    """One section image and its depth in the core."""

    name: str
    """Such as ``2019_643_FA_GC01_01``."""
    number: int
    """Counted from the core's top, from 1."""
    image: Path
    """The image, or its first strip."""
    top_cm: float
    """Depth in the core of the image's first line."""
    px_per_cm: float
    n_slices: int
    """Centimetres in the image, a short last one included."""


@dataclass(frozen=True, slots=True, eq=False)
class MatchedCore:
    """A core's slices, top to bottom, with their labels; arrays of one length."""

    name: str
    """Expedition and core, such as ``2019-643-FA-GC01``."""
    site: str
    """Cores that were taken together, such as a piston core and its trigger core, share it."""
    sections: tuple[MatchedSection, ...]
    """Sections with an image, top to bottom."""
    section: NDArray[np.int64]
    """Index into ``sections`` of each slice."""
    slice_index: NDArray[np.int64]
    """Which centimetre of the section's image each slice is."""
    depth_cm: NDArray[np.float64]
    """Depth of each slice's centre in the core."""
    run: NDArray[np.int64]
    """Number of the unbroken stretch each slice is in; every section is one of its own."""
    labels: NDArray[np.float64]
    """Shape (n, 3), in the order of PROPERTIES, ``ms`` as log10; NaN where there is none."""
    ms_kind: str
    """``loop``, ``point`` or ``unknown``: what measured the susceptibility of the labels."""
    logs: tuple[tuple[str, str], ...]
    """Name and SHA-256 of every log used."""
    warnings: tuple[str, ...]
    """Warnings for the person who uses the core."""
    placed: tuple[PlacedSection, ...]
    """The placed sections, in the order of ``sections``."""

    def images(self) -> SliceImages:
        """Return a reader of the slices' pixels; close it, or use it in a ``with`` statement."""
        return SliceImages([place.image for place in self.placed], self.section, self.slice_index)


def matched_cores(folder: Path, rules: MatchingRules | None = None) -> Iterator[MatchedCore]:
    """
    Yield the cores of a release that have both images and a log, in the order of their names.

    Pixels are read only through :meth:`MatchedCore.images`.

    Parameters
    ----------
    folder : Path
        Logs and section images, at any depth below it, read and never written.
    rules : MatchingRules, optional
        What the files leave open; read from ``matching.toml`` in the folder unless given.

    Raises
    ------
    SettingsError
        If there is no such core, or ``matching.toml`` cannot be used.
    """
    rules = load_rules(folder) if rules is None else rules
    release = find_release(folder, rules)
    if not release.cores:
        raise SettingsError(_none_found(folder, release))
    for i, core in enumerate(release.cores):
        matched = match(core, rules)
        # Warnings about the whole release are given once, with its first core.
        notes = () if i else release.warnings
        yield replace(matched, warnings=(*notes, *matched.warnings))


def _none_found(folder: Path, release: Release) -> str:
    reasons = "; ".join(release.warnings[:5]) or "no log and no image that a format reads"
    return f"expected a core with section images and a log in {folder}, got none: {reasons}"


def match(core: ReleaseCore, rules: MatchingRules) -> MatchedCore:
    """
    Match the slices of one core with its logs.

    Each property is taken from one log alone, the one that labels most slices; of
    susceptibility, a loop goes before a point sensor.

    Parameters
    ----------
    core : ReleaseCore
        Its images and logs.
    rules : MatchingRules
        What the files leave open.
    """
    placed, notes = place_sections(core, rules)
    warnings = list(notes)
    n_slices = [LineScale(place.image.px_per_cm).n_slices(place.image.n_lines) for place in placed]
    section = np.repeat(np.arange(len(placed)), n_slices).astype(np.int64)
    slice_index = np.concatenate([np.arange(n) for n in [*n_slices, 0]]).astype(np.int64)
    centre = (
        slice_index + 0.5 + np.array([place.image_top_cm for place in placed], np.float64)[section]
    )
    by_log = [_labels_of(log, placed, section, centre, rules) for log in core.logs]
    chosen = _choose(core.logs, by_log, warnings, core.name)
    labels = np.full((section.size, len(PROPERTIES)), np.nan)
    for k, which in enumerate(chosen):
        if which is not None:
            labels[:, k] = by_log[which][:, k]
    used = sorted({which for which in chosen if which is not None})
    warnings += [f"{core.logs[i].source}: {text}" for i in used for text in core.logs[i].warnings]
    return MatchedCore(
        name=core.name,
        site=core.site,
        sections=tuple(_section_of(place, n) for place, n in zip(placed, n_slices, strict=True)),
        section=section,
        slice_index=slice_index,
        depth_cm=centre + np.array([place.top_cm for place in placed], np.float64)[section],
        run=section.copy(),
        labels=labels,
        ms_kind="unknown" if chosen[2] is None else core.logs[chosen[2]].ms_kind,
        logs=tuple((core.logs[i].source, core.logs[i].sha256) for i in used),
        warnings=tuple(warnings),
        placed=placed,
    )


def _section_of(place: PlacedSection, n_slices: int) -> MatchedSection:
    return MatchedSection(
        name=place.image.name,
        number=place.number,
        image=place.image.paths[0],
        top_cm=place.top_cm + place.image_top_cm,
        px_per_cm=float(place.image.px_per_cm),
        n_slices=n_slices,
    )


def _choose(
    logs: tuple[CoreLog, ...],
    by_log: list[NDArray[np.float64]],
    warnings: list[str],
    name: str,
) -> list[int | None]:
    """Return which log labels each property."""
    chosen: list[int | None] = []
    for k, prop in enumerate(PROPERTIES):
        counts = [int(np.isfinite(labels[:, k]).sum()) for labels in by_log]
        ranked = sorted(
            (i for i, count in enumerate(counts) if count),
            key=lambda i: (
                prop.name == "ms" and logs[i].ms_kind != "loop",
                -counts[i],
                logs[i].source,
            ),
        )
        chosen.append(ranked[0] if ranked else None)
        if len(ranked) > 1:
            others = ", ".join(logs[i].source for i in ranked[1:])
            warnings.append(f"{name}: {prop.name} is from {logs[ranked[0]].source}, not {others}")
        elif not ranked and any(
            np.isfinite(log.values[:, k]).any() and prop.name in log.excluded for log in logs
        ):
            warnings.append(
                f"{name}: no {prop.name} labels, for its doubts; see use_doubtful in matching.toml"
            )
    return chosen


def _labels_of(
    log: CoreLog,
    placed: tuple[PlacedSection, ...],
    section: NDArray[np.int64],
    centre: NDArray[np.float64],
    rules: MatchingRules,
) -> NDArray[np.float64]:
    """Return the labels that one log gives, shape (n, 3), susceptibility as log10."""
    keys = np.array([section_key(text) if text else "" for text in log.section])
    labels = np.full((section.size, len(PROPERTIES)), np.nan)
    to_end = np.full(len(log), np.nan)
    parts = []
    for i, place in enumerate(placed):
        rows = np.flatnonzero(keys == place.log_section)
        depth = log.section_depth_cm[rows]
        if not np.isfinite(depth).any():
            below = log.core_depth_cm - place.top_cm
            rows = np.flatnonzero((below >= 0.0) & (below <= place.length_cm))
            depth = below[rows]
        to_end[rows] = np.fmin(
            to_end[rows], distance_to_ends_cm(depth, [(0.0, max(place.length_cm, _deepest(depth)))])
        )
        parts.append((i, rows, depth, place.length_cm))
    kept = usable(log, to_end, use_doubtful=rules.use_doubtful)
    for i, rows, depth, length in parts:
        # Below the section's end an image shows the bed or the next section.
        mine = np.flatnonzero((section == i) & (centre <= length))
        for k, measured in enumerate(PROPERTIES):
            got = labels_at(centre[mine], depth, log.values[rows, k], kept[rows, k])
            labels[mine, k] = _log10(got) if measured.is_log_scaled else got
    return labels


def _deepest(depth: NDArray[np.float64]) -> float:
    return float(np.nanmax(depth)) if np.isfinite(depth).any() else 0.0


def _log10(values: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(values.shape, np.nan)
    np.log10(values, out=out, where=np.isfinite(values) & (values > 0.0))
    return out
