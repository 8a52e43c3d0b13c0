"""The small network that classifies a cell: three matrix products on its features."""

import base64
import functools
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.mask.classes import MaskClass
from downcore.strata.mask.features import N_FEATURES
from downcore.strata.mask.weights import SIZES, WEIGHTS

_CELLS_AT_ONCE = 192
"""Products this small run on one thread, since starting others takes longer than the work."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer: ``features @ weight + bias``."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def scores_of(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """
    Return the score of each class for each cell.

    Parameters
    ----------
    features : ndarray of float32, shape (n_cells, 33)
        From :func:`downcore.strata.mask.features.features_of`.

    Returns
    -------
    ndarray of float32, shape (n_cells, 7)
        Natural logarithms of relative probabilities, in the order of :class:`MaskClass`.
    """
    *hidden, last = layers()
    for layer in hidden:
        features = _product(features, layer)
        np.maximum(features, np.float32(0.0), out=features)
    return _product(features, last)


def _product(features: NDArray[np.float32], layer: Layer) -> NDArray[np.float32]:
    found = np.empty((features.shape[0], layer.bias.size), np.float32)
    for first in range(0, features.shape[0], _CELLS_AT_ONCE):
        part = slice(first, first + _CELLS_AT_ONCE)
        np.matmul(features[part], layer.weight, out=found[part])
    found += layer.bias
    return found


@functools.cache
def layers() -> tuple[Layer, ...]:
    """
    Return the layers that the text of :mod:`downcore.strata.mask.weights` holds.

    Raises
    ------
    ValueError
        If the text does not fit the features and the classes.
    """
    if (SIZES[0], SIZES[-1]) != (N_FEATURES, len(MaskClass)):
        raise ValueError(
            f"expected weights from {N_FEATURES} features to {len(MaskClass)} classes, got {SIZES}"
        )
    numbers = np.frombuffer(base64.b85decode("".join(WEIGHTS)), "<f2").astype(np.float32)
    found = []
    for n_in, n_out in itertools.pairwise(SIZES):
        weight, bias, numbers = np.split(numbers, [n_in * n_out, (n_in + 1) * n_out])
        found.append(Layer(weight.reshape(n_in, n_out), bias))
    return tuple(found)


def written(found: tuple[Layer, ...]) -> tuple[tuple[int, ...], list[str]]:
    """Return sizes and text of layers, as :mod:`downcore.strata.mask.weights` keeps them."""
    sizes = (found[0].weight.shape[0], *(layer.bias.size for layer in found))
    parts = [part.ravel() for layer in found for part in (layer.weight, layer.bias)]
    text = base64.b85encode(np.concatenate(parts).astype("<f2").tobytes()).decode()
    return sizes, [text[i : i + 88] for i in range(0, len(text), 88)]
