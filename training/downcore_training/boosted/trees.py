"""
Trees as arrays, and the arrays as sums of leaves.

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

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from torch import Tensor, nn

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
_ALWAYS = float(np.finfo(np.float32).max)
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


def packed(model: HistGradientBoostingRegressor, depth: int = DEPTH) -> PackedTrees:
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


def packed_forest(model: ExtraTreesRegressor, depth: int) -> PackedTrees:
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
        np.full((n_trees, n_tests), _ALWAYS, np.float32),
        np.zeros((n_trees, n_tests + 1), np.float32),
        0.0,
    )


class Trees(nn.Module):
    """
    Sums of trees; nothing is learned by gradient.

    Parameters
    ----------
    n_trees : tuple of int
        Trees of each sum; where a model has fewer, the others add 0.
    depth : int, default 4
        Number of tests on the path to a leaf.
    """

    feature: Tensor
    threshold: Tensor
    leaf: Tensor
    baseline: Tensor
    _paths: Tensor

    def __init__(self, n_trees: tuple[int, ...], depth: int = DEPTH) -> None:
        super().__init__()
        self.n_trees = n_trees
        self.depth = depth
        total, n_tests = sum(n_trees), 2**depth - 1
        self.register_buffer("feature", torch.zeros((total, n_tests), dtype=torch.int64))
        self.register_buffer("threshold", torch.full((total, n_tests), _ALWAYS))
        self.register_buffer("leaf", torch.zeros((total, n_tests + 1)))
        self.register_buffer("baseline", torch.zeros(len(n_trees)))
        self.register_buffer("_paths", torch.from_numpy(_paths(depth)), persistent=False)

    def take(self, ensembles: Sequence[Sequence[HistGradientBoostingRegressor]]) -> None:
        """Take boosted models, for each sum those whose predictions are added up."""
        self.take_packed([[packed(model, self.depth) for model in models] for models in ensembles])

    def take_packed(self, ensembles: Sequence[Sequence[PackedTrees]]) -> None:
        """
        Take trees, for each sum those whose leaves and baselines are added up.

        Raises
        ------
        ValueError
            If a sum has more trees than there is room for, or trees that do not fit.
        """
        first = 0
        for i, (trees, room) in enumerate(zip(ensembles, self.n_trees, strict=True)):
            at, end = first, first + room
            for tree in trees:
                mine = slice(at, at + len(tree.leaf))
                if mine.stop > end:
                    raise ValueError(f"expected at most {room} trees in sum {i}, got more")
                self.feature[mine] = torch.from_numpy(tree.feature)
                self.threshold[mine] = torch.from_numpy(tree.threshold)
                self.leaf[mine] = torch.from_numpy(tree.leaf)
                at = mine.stop
            self.baseline[i] = sum(tree.baseline for tree in trees)
            first = end

    def forward(self, features: Tensor) -> Tensor:
        """Return the sums, shape (n, n_sums), of ``features`` (n, k)."""
        asked = torch.index_select(features, 1, self.feature.flatten())
        holds = (asked <= self.threshold.flatten()).to(features.dtype)
        # A test that holds is 1, one that does not is -1, so that only one path sums to its depth.
        # One product for all sums: with one for each, OpenVINO 2026.4 gave wrong numbers, why is
        # not known.
        signs = (2.0 * holds - 1.0).reshape(-1, 2**self.depth - 1)
        is_here = (torch.matmul(signs, self._paths) > self.depth - 0.5).to(features.dtype)
        reached = is_here.reshape(-1, sum(self.n_trees), 2**self.depth) * self.leaf
        sums = [part.sum(dim=(1, 2)) for part in torch.split(reached, list(self.n_trees), dim=1)]
        return torch.stack(sums, dim=1) + self.baseline


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


def _paths(depth: int) -> NDArray[np.float32]:
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
