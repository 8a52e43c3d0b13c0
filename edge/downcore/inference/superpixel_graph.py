"""
The iterations of SLIC over one window as an OpenVINO graph.

A cell's pixels are adjacent in memory, so their distances to the nine surrounding clusters are one
small matrix product, and their contributions to the sums of the nine are another; cells are the
batch. Gathers find the surrounding clusters and the cells that contribute to each. Only the last
iteration, which sums nothing, computes distances term by term. Nothing is scattered, every shape is
fixed and all numbers have 32 bit: 16 would double the error.

Costly operations take a few cells at a time, because intermediate arrays are far larger than the
inputs and must fit the processor's cache.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from downcore.inference.openvino_runtime import openvino
from downcore.strata.superpixels.grid import Grid

N_AROUND = 9
"""Number of clusters a pixel chooses from, in row order."""

N_TERMS = 6
"""Of a centre or a sum: L*, a*, b*, line, column, and presence or count."""

LAST = np.eye(N_TERMS, dtype=np.float32)[-1]
"""Shape (6,): 1 in the last term, 0 in the others."""

PIXELS_AT_ONCE = 56_000
"""Pixels per call of the costly operations; nine distances of each are 2 MB."""

_FAR = 1e30
"""Distance to a cluster that does not exist."""

_op: Any = openvino.opset13


@dataclass(frozen=True, slots=True, eq=False)
class GraphShape:
    """The shape a graph is built for; all windows of a section share it."""

    grid: Grid
    n_rows: int
    """Rows of cells of a window."""
    iterations: int
    """Iterations in which pixels choose, the last one included."""
    weight: float
    """Squared steps of colour that count as much as one squared pixel."""

    @property
    def n_cells(self) -> int:
        """Cells of a window."""
        return self.n_rows * self.grid.n_columns

    @property
    def n_early(self) -> int:
        """Pixels of a cell that choose in all iterations but the last."""
        return self.grid.n_early * self.grid.widest_px

    @property
    def n_px(self) -> int:
        """Pixels of a cell."""
        return self.grid.cell_px * self.grid.widest_px


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """
    The nine cells around each, and how far they are; the same for every iteration.

    Cells are counted from the first of the row above the window; one that is none comes last.
    Single numbers are gathered, since the processor vectorises that.
    """

    cells: NDArray[np.int32]
    """Which cells, shape (n_cells, 9, 1)."""
    terms: NDArray[np.int32]
    """Shape (n_cells, 9, 6): where the terms of each stand, all cells of a term together."""
    lengths: NDArray[np.float32]
    """Shape (n_cells, 9, 2): lines and columns from the cell to each."""
    given: NDArray[np.int32]
    """Shape (9, 6, n_cells): where what each of the nine gives to the cell's cluster stands."""
    axis: int = 2
    """The axis of terms in all but ``given``."""

    @property
    def last(self) -> NDArray[np.float32]:
        """1 in the last term, 0 in the others, along the axis of terms."""
        shape = [N_TERMS if i == self.axis else 1 for i in range(3)]
        last: NDArray[np.float32] = LAST.reshape(shape)
        return last

    def by_term(self) -> "Around":
        """Return the same with all cells of a term adjacent, as the last iteration reads them."""
        return Around(
            cells=_cells_last(self.cells),
            terms=_cells_last(self.terms),
            lengths=_cells_last(self.lengths),
            given=self.given,
            axis=1,
        )


_Number = TypeVar("_Number", np.int32, np.float32)


def _cells_last(values: NDArray[_Number]) -> NDArray[_Number]:
    return np.ascontiguousarray(np.moveaxis(values, 0, 2))


def around(shape: GraphShape) -> Around:
    """Return what lies around each cell of a window."""
    edges, n_columns, n_rows = shape.grid.edges, shape.grid.n_columns, shape.n_rows
    k, term = np.arange(N_AROUND), np.arange(N_TERMS)
    below, right = k // 3 - 1, k % 3 - 1
    r = np.arange(n_rows).repeat(n_columns)[:, None] + below
    c = np.tile(np.arange(n_columns), n_rows)[:, None]
    is_there = (r < n_rows) & (c + right >= 0) & (c + right < n_columns)
    none = (n_rows + 1) * n_columns
    cells = np.where(is_there, (r + 1) * n_columns + c + right, none)
    lines = np.broadcast_to(below * shape.grid.cell_px, cells.shape)
    across = edges[np.clip(c + right, 0, n_columns - 1)] - edges[c]
    lengths = np.stack([lines, across], axis=2) * is_there[:, :, None]
    # The cell below contributes to its neighbour above, and so on.
    given = (N_AROUND * cells + N_AROUND - 1 - k)[:, :, None] * N_TERMS + term
    return Around(
        cells=cells[:, :, None].astype(np.int32),
        terms=((none + 1) * term + cells[:, :, None]).astype(np.int32),
        lengths=lengths.astype(np.float32),
        given=_cells_last(given.astype(np.int32)),
    )


def slic_graph(shape: GraphShape) -> Any:
    """
    Return the graph (openvino.Model) of one window.

    Inputs, with n cells, C columns, T iterations, E pixels that choose early and P in all:

    - ``early``, (n, 6, E): L*, a*, b* in steps, line and column in the cell, and 1; all of them
      0 for a pixel without sediment. ``early_across``, (n, E, 6): the same turned.
    - ``planes``, (3, n, P): L*, a*, b* of every pixel.
    - ``centres``, (6, n): where the clusters begin, L* to column and 1; all 0 where there is none.
    - ``centres_above``, (T, 6, C), and ``sums_above``, (T - 1, C, 9, 6): what the window above
      passed on about the row before this window's first.
    - ``passed_on``, (C,), int32: the cells whose results are passed on to the window below,
      counted from the first cell of the row above the window.

    Outputs: ``chosen``, (1, n, P), uint8, which of the nine each pixel chooses, and
    ``centres_passed_on`` and ``sums_passed_on``, inputs of the window below. With one iteration
    there are neither ``sums_above`` nor ``sums_passed_on``.
    """
    inputs = _inputs(shape)
    nine, passed_on = around(shape), inputs["passed_on"]
    pixels, centres = _pixels(inputs, shape), inputs["centres"]
    above = _apart(inputs["centres_above"], shape.iterations)
    known = begun = _known(above[0], centres, shape)
    missing = _missing(begun, nine)
    passed_centres, passed_sums = [], []
    for i in range(shape.iterations - 1):
        given_above = _apart(inputs["sums_above"], shape.iterations - 1)[i]
        given = _given(_forms(known, missing, nine, shape), pixels, given_above)
        passed_centres.append(_op.gather(known, passed_on, _constant(1, np.int32)))
        passed_sums.append(_op.gather(given, passed_on, _constant(0, np.int32)))
        centres = _moved(centres, given, nine, shape)
        known = _known(above[i + 1], centres, shape)
    passed_centres.append(_op.gather(known, passed_on, _constant(1, np.int32)))
    nine = nine.by_term()
    forms = _forms(known, _missing(begun, nine), nine, shape)
    n_columns = shape.grid.n_columns
    outputs = {
        "chosen": _chosen(forms, inputs["planes"], shape),
        "centres_passed_on": _shaped(_op.concat(passed_centres, 0), -1, N_TERMS, n_columns),
    }
    if passed_sums:
        sums = _op.concat(passed_sums, 0)
        outputs["sums_passed_on"] = _shaped(sums, -1, n_columns, N_AROUND, N_TERMS)
    results = [_result(value, name) for name, value in outputs.items()]
    return openvino.Model(results, list(inputs.values()), "slic")


def _inputs(shape: GraphShape) -> dict[str, Any]:
    n, times, n_columns = shape.n_cells, shape.iterations, shape.grid.n_columns
    shapes = {
        "early": (n, N_TERMS, shape.n_early),
        "early_across": (n, shape.n_early, N_TERMS),
        "planes": (3, n, shape.n_px),
        "centres": (N_TERMS, n),
        "centres_above": (times, N_TERMS, n_columns),
        "sums_above": (times - 1, n_columns, N_AROUND, N_TERMS),
        "passed_on": (n_columns,),
    }
    if times == 1:
        del shapes["sums_above"]
    kinds = {"passed_on": openvino.Type.i32}
    return {
        name: _op.parameter(list(lengths), kinds.get(name, openvino.Type.f32), name=name)
        for name, lengths in shapes.items()
    }


def _pixels(inputs: dict[str, Any], shape: GraphShape) -> list[tuple[Any, Any]]:
    """Return the pixels that choose early and the same turned, some cells at a time."""
    parts = _parts(shape.n_cells, shape.n_early)
    turned = _cut(inputs["early_across"], parts)
    return list(zip(_cut(inputs["early"], parts), turned, strict=True))


def _known(above: Any, centres: Any, shape: GraphShape) -> Any:
    """Return all centres, (6, n + C + 1): of the row above, of the window, and none."""
    row = _shaped(above, N_TERMS, shape.grid.n_columns)
    return _op.concat([row, centres, _constant(np.zeros((N_TERMS, 1)))], 1)


def _missing(begun: Any, nine: Around) -> Any:
    """
    Return a large distance to each of the nine clusters that does not exist, as a linear form.

    Presence is exactly 0 or 1 only for the initial clusters.
    """
    presence = _row_gathered(begun, N_TERMS - 1, nine)
    absence = _op.subtract(presence, _constant(1.0))
    return _op.multiply(absence, _constant(-_FAR * nine.last))


def _forms(known: Any, missing: Any, nine: Around, shape: GraphShape) -> Any:
    """
    Return the distance to each of nine clusters as a linear form, (n, 9, 6).

    Terms that depend on the cluster alone are computed before it is gathered.
    """
    weights = np.array([1.0, 1.0, 1.0, shape.weight, shape.weight, 0.0])[:, None]
    weighted = _op.multiply(known, _constant(weights))
    products = _op.multiply(known, weighted)
    squared = _op.reduce_sum(products, _constant([0], np.int64), keep_dims=True)
    seen = _op.multiply(weighted, _constant(-2.0))
    own = _op.add(seen, _op.multiply(squared, _constant(LAST[:, None])))
    forms = _op.add(_gathered(own, nine.terms), missing)
    lines, across = np.split(nine.lengths, 2, axis=nine.axis)
    slopes = np.zeros(nine.terms.shape)
    part = [slice(None)] * 3
    part[nine.axis] = slice(3, 5)
    slopes[tuple(part)] = -2.0 * shape.weight * nine.lengths
    part[nine.axis] = slice(5, 6)
    slopes[tuple(part)] = shape.weight * (lines**2 + across**2)
    forms = _op.add(forms, _constant(slopes))
    for which, length in ((3, lines), (4, across)):
        from_cell = _constant(2.0 * shape.weight * length)
        farther = _op.multiply(_row_gathered(known, which, nine), from_cell)
        forms = _op.add(forms, _op.multiply(farther, _constant(nine.last)))
    return forms


def _row_gathered(known: Any, which: int, nine: Around) -> Any:
    n = known.shape[1]
    return _gathered(known, which * n + nine.cells)


def _gathered(values: Any, at: NDArray[np.int32]) -> Any:
    return _op.gather(_shaped(values, -1), _constant(at, np.int32), _constant(0, np.int32))


def _given(forms: Any, pixels: list[tuple[Any, Any]], above: Any) -> Any:
    """
    Return the sums of each cell's pixels for each of the nine clusters, (n + C + 1, 9, 6).

    Sums are of whole numbers below 2**24, so the order of addition does not matter. A pixel equally
    near to two clusters counts for both. As for centres, the row above comes first, and none last.
    """
    parts = [early.shape[0] for early, _ in pixels]
    found = [_shaped(above, -1, N_AROUND, N_TERMS)]
    for form, (early, turned) in zip(_cut(forms, parts), pixels, strict=True):
        distance = _op.matmul(form, early, transpose_a=False, transpose_b=False)
        least = _op.reduce_min(distance, _constant([1], np.int64), keep_dims=True)
        chooses = _op.convert(_op.less_equal(distance, least), "f32")
        found.append(_op.matmul(chooses, turned, transpose_a=False, transpose_b=False))
    found.append(_constant(np.zeros((1, N_AROUND, N_TERMS))))
    return _op.concat(found, 0)


def _moved(centres: Any, given: Any, nine: Around, shape: GraphShape) -> Any:
    """Move every cluster to the mean of its pixels; one without pixels stays."""
    to_own = _gathered(given, nine.given)
    # Positions are relative to the contributing cell.
    lengths = np.zeros(nine.given.shape)
    lengths[:, 3:5] = np.moveaxis(nine.lengths, 0, 2)
    longer = _op.multiply(_last(to_own, 1), _constant(lengths))
    total = _op.reduce_sum(_op.add(to_own, longer), _constant([0], np.int64), keep_dims=False)
    count = _last(total, 0)
    shift = np.array([0.0, 0.0, 0.0, shape.grid.shift, 0.0, 0.0])[:, None]
    mean = _op.add(_op.divide(total, _op.maximum(count, _constant(1.0))), _constant(shift))
    # The last term of the mean is the count over itself: the cluster still exists.
    return _op.select(_op.greater(count, _constant(0.0)), mean, centres)


def _chosen(forms: Any, planes: Any, shape: GraphShape) -> Any:
    """Return the nearest of nine clusters of every pixel, the first of equals; (1, n, P), uint8."""
    place = [_constant(plane[None, None]) for plane in shape.grid.place()]
    by_term = _shaped(forms, N_AROUND * N_TERMS, shape.n_cells, 1)
    parts = _parts(shape.n_cells, shape.n_px)
    pixels = [_cut(plane, parts, 1) for plane in _apart(planes, 3)]
    weights = [_cut(weight, parts, 1) for weight in _apart(by_term, N_AROUND * N_TERMS)]
    found = [
        _nearest([*(plane[i] for plane in pixels), *place], [part[i] for part in weights])
        for i in range(len(parts))
    ]
    return _op.concat(found, 1)


def _nearest(pixel: list[Any], weights: list[Any]) -> Any:
    """Return which of nine forms is least, by rounds of two against two."""
    left = []
    for k in range(N_AROUND):
        *slopes, distance = weights[N_TERMS * k : N_TERMS * (k + 1)]
        for slope, term in zip(slopes, pixel, strict=True):
            distance = _op.add(distance, _op.multiply(slope, term))
        left.append((distance, _constant(k)))
    while len(left) > 1:
        pairs = zip(left[::2], left[1::2], strict=False)
        left = [_nearer(*pair) for pair in pairs] + left[len(left) // 2 * 2 :]
    return _op.convert(left[0][1], "u8")


def _nearer(first: tuple[Any, Any], other: tuple[Any, Any]) -> tuple[Any, Any]:
    is_other = _op.less(other[0], first[0])
    return _op.minimum(first[0], other[0]), _op.select(is_other, other[1], first[1])


def _constant(value: Any, kind: Any = np.float32) -> Any:
    return _op.constant(np.asarray(value, kind))


def _shaped(values: Any, *shape: int) -> Any:
    return _op.reshape(values, _constant(shape, np.int64), special_zero=False)


def _parts(n_cells: int, n_px: int) -> list[int]:
    """Return the number of cells of each call."""
    at_once = max(1, PIXELS_AT_ONCE // n_px)
    n_parts = -(-n_cells // at_once)
    lengths: list[int] = np.diff(np.arange(n_parts + 1) * n_cells // n_parts).tolist()
    return lengths


def _cut(values: Any, parts: list[int], axis: int = 0) -> list[Any]:
    lengths = _constant(parts, np.int64)
    return list(_op.variadic_split(values, _constant(axis, np.int32), lengths).outputs())


def _apart(values: Any, n: int) -> list[Any]:
    return list(_op.split(values, _constant(0, np.int32), n).outputs())


def _last(values: Any, axis: int) -> Any:
    """Return the last term: the count of a sum."""
    ends = (N_TERMS - 1, N_TERMS, 1, axis)
    return _op.slice(values, *(_constant([end], np.int64) for end in ends))


def _result(value: Any, name: str) -> Any:
    result = _op.result(value)
    result.get_output_tensor(0).set_names({name})
    return result
