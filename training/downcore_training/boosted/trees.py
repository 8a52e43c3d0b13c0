"""Packed trees as a module: sums of leaves, by array operations that can be exported."""

from collections.abc import Sequence

import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from torch import Tensor, nn

from downcore.learning.packed_trees import (
    ALWAYS,
    DEPTH,
    N_LEAVES,
    PackedTrees,
    packed,
    packed_forest,
    paths_of,
)

__all__ = ["DEPTH", "N_LEAVES", "PackedTrees", "Trees", "packed", "packed_forest"]


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
        self.register_buffer("threshold", torch.full((total, n_tests), ALWAYS))
        self.register_buffer("leaf", torch.zeros((total, n_tests + 1)))
        self.register_buffer("baseline", torch.zeros(len(n_trees)))
        self.register_buffer("_paths", torch.from_numpy(paths_of(depth)), persistent=False)

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
