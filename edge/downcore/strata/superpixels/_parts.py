"""
From clusters to labels: connected parts, none too small.

A label that reaches below the lines given out goes on in the next window wherever its cluster
does. Where what was given out is in pieces or too small by itself, the pixels below that make
it whole are kept for it, whatever the clusters say in the next window.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.superpixels.merging import (
    groups_of,
    join_what_goes_on,
    measure_parts,
    merge,
    paint,
)
from downcore.strata.superpixels.planes import Planes
from downcore.strata.superpixels.runs import Runs, parts_of, runs_of, touching


@dataclass(frozen=True, slots=True, eq=False)
class GivenOut:
    """Labels of which lines were given out, and what is decided of them further down."""

    labels: NDArray[np.int32]
    """
    The last line given out and the lines below, shape (n, n_across); 0 where nothing is
    decided. At the section's top it has no lines.
    """
    ids: NDArray[np.int32]
    """The labels in it, ascending, shape (n_labels,)."""
    clusters: NDArray[np.int32]
    """Cluster of the largest part of each, shape (n_labels,)."""
    sums: NDArray[np.int64]
    """Area and sums of colour of what is decided of each, shape (n_labels, 4)."""

    @classmethod
    def nothing(cls, n_across: int) -> "GivenOut":
        """Return the state above the first window."""
        none = np.zeros(0, np.int32)
        return cls(np.zeros((0, n_across), np.int32), none, none, np.zeros((0, 4), np.int64))


@dataclass(frozen=True, slots=True)
class PartRules:
    """What of a window is given out, and how small a part may be."""

    first_held: int
    """Which of the lines held is the window's first."""
    n_lines: int
    """Lines of the window that are given out, with the one given out before."""
    is_last: bool
    """Whether nothing comes below the window."""
    least_px: int
    """Area from which a part stands by itself."""
    look_lines: int
    """How many of the last lines given out are looked at for labels in pieces."""
    next_label: int
    """First number that no label has yet."""


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """The connected parts of a window, and the groups that they were merged into."""

    runs: Runs
    part: NDArray[np.int32]
    number: NDArray[np.int32]
    reach: NDArray[np.int32]
    sums: NDArray[np.int64]
    given: NDArray[np.int32]
    root: NDArray[np.int32]
    largest: NDArray[np.int32]


def label_window(
    clusters: NDArray[np.int32], planes: Planes, *, before: GivenOut, rules: PartRules
) -> tuple[NDArray[np.int32], GivenOut, int]:
    """
    Label the lines of a window that can be given out.

    Parameters
    ----------
    clusters : ndarray of int32, shape (n_lines, n_across)
        Cluster of each pixel, 0 without sediment; changed in place. It begins with the last line
        given out before, if there is one.
    planes : ndarray of int16, shape (4, n, n_across)
        Colour of the same pixels and of others.
    before : GivenOut
        From the window above.
    rules : PartRules
        What to give out.

    Returns
    -------
    labels : ndarray of int32, shape (n, n_across)
        Of the lines that were not given out before; 0 without sediment.
    given : GivenOut
        For the window below.
    next_label : int
        First number that no label has now.
    """
    groups = _groups(clusters, planes, before, rules)
    numbers = np.arange(groups.root.size, dtype=np.int32)
    is_given = groups.given >= 0
    label_of_root = np.zeros(numbers.size, np.int32)
    is_new = (groups.root == numbers) & ~is_given & (groups.reach[:, 0] < rules.n_lines)
    n_new = int(np.count_nonzero(is_new))
    label_of_root[is_new] = np.arange(rules.next_label, rules.next_label + n_new)
    is_root_given = (groups.root == numbers) & is_given
    label_of_root[is_root_given] = before.ids[groups.given[is_root_given]]

    painted = np.empty(clusters.shape, np.int32)
    paint(groups.part, groups.runs, label_of_root[groups.root], 0, painted)
    after = _given_out(painted, groups, label_of_root, before=before, rules=rules)
    n_before = min(1, len(before.labels))
    return painted[n_before : rules.n_lines], after, rules.next_label + n_new


def _groups(
    clusters: NDArray[np.int32], planes: Planes, before: GivenOut, rules: PartRules
) -> _Groups:
    kept = before.labels[: len(clusters)]
    np.copyto(clusters[: len(kept)], -kept, where=kept > 0)
    runs = runs_of(clusters)
    part, n_parts = parts_of(clusters, runs)
    lines = (rules.first_held, rules.n_lines)
    sums, reach, number = measure_parts(
        clusters, planes, lines, part=part, runs=runs, n_parts=n_parts
    )
    area_px = sums[0, :, 0].copy()
    parent = np.arange(n_parts, dtype=np.int32)
    given = _recognise(number, before, parent, sums)
    pairs = touching(part, (area_px < rules.least_px) | (given >= 0), runs)
    goes_on = number.copy()
    goes_on[given >= 0] = -before.clusters[given[given >= 0]]
    whole = sums[0].copy()
    join_what_goes_on(pairs, whole, given=given, goes_on=goes_on, parent=parent)
    may_wait = (reach[:, 1] == len(clusters) - 1) & (reach[:, 0] >= rules.n_lines)
    may_wait &= not rules.is_last
    merge(pairs, whole, given=given, may_wait=may_wait, parent=parent, least_px=rules.least_px)
    root, largest = groups_of(parent, area_px)
    return _Groups(runs, part, number, reach, sums, given, root, largest)


def _recognise(
    number: NDArray[np.int32],
    before: GivenOut,
    parent: NDArray[np.int32],
    sums: NDArray[np.int64],
) -> NDArray[np.int32]:
    """Return which label given out each part belongs to, or -1; its pieces become one group."""
    given = np.full(number.size, -1, np.int32)
    pieces = np.flatnonzero(number < 0)
    which = np.searchsorted(before.ids, -number[pieces])
    given[pieces] = which
    _, first = np.unique(which, return_index=True)
    first_piece = np.zeros(before.ids.size, np.int32)
    first_piece[which[first]] = pieces[first]
    parent[pieces] = first_piece[which]
    # What lies above counts too, and with it all that was decided then.
    sums[:, pieces] = 0
    sums[:, pieces[first]] = before.sums[which[first]]
    return given


def _given_out(
    painted: NDArray[np.int32],
    groups: _Groups,
    label_of_root: NDArray[np.int32],
    *,
    before: GivenOut,
    rules: PartRules,
) -> GivenOut:
    """Return what the next window has to know."""
    goes_below = groups.reach[:, 1] >= rules.n_lines - 1
    below = np.unique(groups.root[(label_of_root[groups.root] > 0) & goes_below])
    below = below[np.argsort(label_of_root[below])]
    ids = label_of_root[below]
    place = np.full(label_of_root.size, -1, np.int64)
    place[below] = np.arange(below.size)
    sums = np.zeros((2, below.size, 4), np.int64)
    members = np.flatnonzero(place[groups.root] >= 0)
    for total, of_part in zip(sums, groups.sums, strict=True):
        np.add.at(total, place[groups.root[members]], of_part[members])

    in_pieces = _labels_in_pieces(painted[: rules.n_lines][-rules.look_lines :])
    stays = (sums[1, :, 0] < rules.least_px) | np.isin(ids, in_pieces)
    # What was kept for a label counts as its own by now, so it stays kept.
    kept_before = (groups.number < 0) & (groups.reach[:, 1] >= rules.n_lines)
    stays[place[groups.root[kept_before]]] = True
    cluster = groups.number[groups.largest[below]]
    is_old = groups.given[below] >= 0
    cluster[is_old] = before.clusters[groups.given[below][is_old]]
    labels = painted[rules.n_lines - 1 :].copy()
    stays_of_root = np.zeros(label_of_root.size, np.bool_)
    stays_of_root[below] = stays
    kept = (label_of_root * stays_of_root)[groups.root]
    paint(groups.part, groups.runs, kept, rules.n_lines, labels[1:])
    return GivenOut(labels, ids, cluster, np.where(stays[:, None], sums[0], sums[1]))


def _labels_in_pieces(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    runs = runs_of(labels)
    part, n_parts = parts_of(labels, runs)
    start, _, first_of_line = runs
    label_of_part = np.zeros(n_parts, np.int32)
    label_of_part[part] = labels[np.repeat(np.arange(len(labels)), np.diff(first_of_line)), start]
    found, count = np.unique(label_of_part, return_counts=True)
    return found[count > 1]
