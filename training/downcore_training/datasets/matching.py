"""
Matching of slices with the rows of logs, by depth in the section.

A slice has a label only where the log has usable values on both sides of its centre, no more than
1.6 cm apart. No value is carried past the first or the last row of a section, or across the place
where a section is missing. Of a log whose own rows lie further apart, as those of loops do, a
slice has the value of the nearest row, if that is no further than such a sensor sees.
"""

import numpy as np
from numpy.typing import NDArray

from downcore.loggers import CoreLog, usable
from downcore.strata.depth import LineScale
from downcore.strata.properties import PROPERTIES
from downcore_training.datasets._depth_labels import (
    MAX_GAP_CM,
    distance_to_ends_cm,
    labels_at,
    nearest_at,
    step_cm,
)
from downcore_training.datasets.matched_core import MatchedCore, MatchedSection
from downcore_training.datasets.matching_rules import MatchingRules
from downcore_training.datasets.placing import PlacedSection, place_sections
from downcore_training.datasets.release import ReleaseCore
from downcore_training.datasets.section_image import section_key

NEAREST_CM = (1.0, 1.0, 1.5)
"""Largest distance of a row of a sparse log that labels a slice, in the order of PROPERTIES."""

__all__ = ["MAX_GAP_CM", "match"]


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
    warnings += _unused(core, used)
    warnings += [note for i in used for note in _unshown(core.logs[i], placed)]
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


def _unused(core: ReleaseCore, used: list[int]) -> list[str]:
    """Return why logs label nothing, where they say so themselves."""
    return [
        f"{core.name}: {log.source} labels nothing: "
        + ("; ".join(log.warnings) or "no row with a value lies at an image, or others label more")
        for i, log in enumerate(core.logs)
        if i not in used
    ]


def _unshown(log: CoreLog, placed: tuple[PlacedSection, ...]) -> list[str]:
    """Return which sections of a log no image shows, as they are written."""
    shown = {place.log_section for place in placed}
    names = sorted({text for text in log.section if text and section_key(text) not in shown})
    return [f"{log.source}: no image shows section {', '.join(names)}"] if names else []


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
    is_sparse = [
        step_cm([depth[np.isfinite(values[rows])] for _, rows, depth, _ in parts]) > MAX_GAP_CM
        for values in log.values.T
    ]
    for i, rows, depth, length in parts:
        # Below the section's end an image shows the bed or the next section.
        mine = np.flatnonzero((section == i) & (centre <= length))
        for k, measured in enumerate(PROPERTIES):
            row_values = (centre[mine], depth, log.values[rows, k], kept[rows, k])
            got = nearest_at(*row_values, NEAREST_CM[k]) if is_sparse[k] else labels_at(*row_values)
            labels[mine, k] = _log10(got) if measured.is_log_scaled else got
    return labels


def _deepest(depth: NDArray[np.float64]) -> float:
    return float(np.nanmax(depth)) if np.isfinite(depth).any() else 0.0


def _log10(values: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(values.shape, np.nan)
    np.log10(values, out=out, where=np.isfinite(values) & (values > 0.0))
    return out
