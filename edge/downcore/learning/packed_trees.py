"""
Trees of scikit-learn as arrays, which a graph adds up without scikit-learn.

A tree of limited depth becomes a complete one: a branch that ends early goes on with tests
that always hold, down to leaves that repeat its value. All tests of all trees are then one
gather and one comparison, and a fixed matrix of paths gives the leaf of a tile. Numbers
are compared as 32 bit: a threshold is rounded down to the next of those, which for a feature of
32 bit gives the same answer as the threshold of 64 bit.

scikit-learn keeps its boosted trees in private attributes; the tests hold the two against each
other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEPTH = 4
"""Number of tests on the path to a leaf, where nothing else is asked for."""
N_LEAVES = 2**DEPTH
_NODE = [
    ("feature_idx", "i8"),
    ("num_threshold", "f8"),
    ("left", "i8"),
    ("right", "i8"),
    ("is_leaf", "?"),
    ("is_categorical", "?"),
    ("value", "f8"),
]
"""Fields of a node, by the names that boosted trees give them."""
ALWAYS = float(np.finfo(np.float32).max)
"""Threshold of a test that always holds; infinity is not safe in every graph format."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedTrees:
    """Complete trees of one depth, in level order."""

    feature: NDArray[np.int64]
    """Column that each test reads, shape (n_trees, 2**depth - 1)."""
    threshold: NDArray[np.float32]
    """A test holds where the feature is not above it, shape (n_trees, 2**depth - 1)."""
    leaf: NDArray[np.float32]
    """Shape (n_trees, 2**depth)."""
    baseline: float


def packed(model: Any, depth: int = DEPTH) -> PackedTrees:
    """
    Return the trees of a fitted boosted model.

    Raises
    ------
    ValueError
        If a tree is deeper than ``depth``, or tests a category.
    """
    trees = [stage[0].nodes for stage in model._predictors]  # noqa: SLF001 - there is no public way
    found = _empty(len(trees), depth)
    for i, nodes in enumerate(trees):
        _place(nodes, (found.feature[i], found.threshold[i], found.leaf[i]))
    baseline = float(np.ravel(model._baseline_prediction)[0])  # noqa: SLF001 - the same
    return replace(found, baseline=baseline)


def packed_forest(model: Any, depth: int) -> PackedTrees:
    """
    Return the trees of a fitted forest; their sum is the forest's mean.

    Raises
    ------
    ValueError
        If a tree is deeper than ``depth``.
    """
    found = _empty(len(model.estimators_), depth)
    for i, fitted in enumerate(model.estimators_):
        tree = fitted.tree_
        nodes = np.zeros(
            tree.node_count,
            _NODE,
        )
        nodes["feature_idx"], nodes["num_threshold"] = tree.feature, tree.threshold
        nodes["left"], nodes["right"] = tree.children_left, tree.children_right
        nodes["is_leaf"] = tree.children_left < 0
        nodes["value"] = tree.value[:, 0, 0] / len(model.estimators_)
        _place(nodes, (found.feature[i], found.threshold[i], found.leaf[i]))
    return found


def _empty(n_trees: int, depth: int) -> PackedTrees:
    n_tests = 2**depth - 1
    return PackedTrees(
        np.zeros((n_trees, n_tests), np.int64),
        np.full((n_trees, n_tests), ALWAYS, np.float32),
        np.zeros((n_trees, n_tests + 1), np.float32),
        0.0,
    )


def _place(nodes: np.ndarray, arrays: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    feature, threshold, leaf = arrays
    waiting = [(0, 0)]
    while waiting:
        at, place = waiting.pop()
        node = nodes[at]
        if place >= len(feature):
            if not node["is_leaf"]:
                depth = len(leaf).bit_length() - 1
                raise ValueError(f"expected trees of depth {depth} at most, got a deeper one")
            leaf[place - len(feature)] = node["value"]
        elif node["is_leaf"]:
            # Unused tests always hold; both branches are filled because of NaN.
            waiting += [(at, 2 * place + 1), (at, 2 * place + 2)]
        elif node["is_categorical"]:
            raise ValueError("expected tests of numbers, got one of a category")
        else:
            feature[place] = node["feature_idx"]
            threshold[place] = _rounded_down(node["num_threshold"])
            waiting += [(node["left"], 2 * place + 1), (node["right"], 2 * place + 2)]


def _rounded_down(value: float) -> np.float32:
    near = np.float32(value)
    return np.nextafter(near, np.float32(-np.inf)) if float(near) > value else near


def paths_of(depth: int) -> NDArray[np.float32]:
    """Return each leaf's path, (n_tests, n_leaves): 1 where a test holds, -1 fails, else 0."""
    n_tests = 2**depth - 1
    paths = np.zeros((n_tests, n_tests + 1), np.float32)
    for leaf in range(n_tests + 1):
        place = leaf + n_tests
        while place:
            above = (place - 1) // 2
            paths[above, leaf] = 1.0 if place == 2 * above + 1 else -1.0
            place = above
    return paths


def summed(ensemble: Sequence[PackedTrees], features: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Return the sums of trees for features (n, k), shape (n,), as the graph computes them.

    Example
    -------
    >>> one = PackedTrees(
    ...     np.array([[0]]), np.array([[0.5]], np.float32), np.array([[1, 2]], np.float32), 10.0
    ... )
    >>> summed([one], np.array([[0.0], [1.0]])).tolist()
    [11.0, 12.0]
    """
    asked = features.astype(np.float32)
    row = np.arange(len(asked))
    out = np.zeros(len(asked))
    for trees in ensemble:
        out += trees.baseline
        for feature, threshold, leaf in zip(
            trees.feature, trees.threshold, trees.leaf, strict=True
        ):
            place = np.zeros(len(asked), np.int64)
            while place.size and place[0] < len(feature):
                above = asked[row, feature[place]] > threshold[place]
                place = 2 * place + 1 + above
            out += leaf[place - len(feature)]
    return out
