"""A graph's outputs for tiles, computed as on the device."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from downcore.inference.compiling import compile_graph
from downcore.strata.bundle import OUTPUT_NAMES
from downcore_training.datasets import TileSet


class Tiles(Protocol):
    """Tiles, u8, (n, 200, 200, 3), that are fetched part by part: an array, or some of a set."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def __getitem__(self, part: slice, /) -> NDArray[np.uint8]:
        """Return some of them."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Some:
    """Some tiles of a set, read from disk as they are asked for."""

    tiles: TileSet
    indices: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, part: slice, /) -> NDArray[np.uint8]:
        return self.tiles.pixels(self.indices[part])


def spread_over(tiles: TileSet, count: int) -> Some:
    """Return at most ``count`` tiles, spread evenly over all cores of ``tiles``."""
    count = min(count, len(tiles))
    return Some(tiles, np.linspace(0, len(tiles) - 1, count).round().astype(np.int64))


def all_of(tiles: TileSet) -> Some:
    """Return every tile of ``tiles``, in order."""
    return Some(tiles, np.arange(len(tiles)))


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Outputs of a graph for tiles."""

    outputs: NDArray[np.float32]
    """Shape (3, n, n_properties), in the order of ``OUTPUT_NAMES``, scaled space."""
    last: NDArray[np.float32]
    """Its last output: features (n, k), or novelty (n,)."""


class CompiledGraph:
    """
    A graph compiled as on the device, for repeated use.

    Parameters
    ----------
    graph : openvino.Model
        With the ports of a bundle, or of one that is not finished.
    precision : str, default "f32"
        As in the manifest.
    """

    def __init__(self, graph: Any, *, precision: str = "f32") -> None:
        self._compiled = compile_graph(graph, n_threads=1, precision=precision)

    def answers(self, tiles: Tiles) -> Answers:
        """Return the graph's outputs for ``tiles``, at least one."""
        batch = np.zeros(tuple(self._compiled.input(0).shape), np.uint8)
        n_values = len(OUTPUT_NAMES)
        outputs, last = [], []
        for first in range(0, len(tiles), len(batch)):
            some = tiles[first : first + len(batch)]
            batch[: len(some)] = some
            answers = self._compiled(batch)
            outputs.append(np.stack([answers[i][: len(some)] for i in range(n_values)]))
            last.append(answers[n_values][: len(some)].copy())
        return Answers(np.concatenate(outputs, axis=1), np.concatenate(last))


def answers_of(graph: Any, tiles: Tiles, *, precision: str = "f32") -> Answers:
    """Return the outputs of ``graph`` for ``tiles``; for a graph used once."""
    return CompiledGraph(graph, precision=precision).answers(tiles)


def outputs_of(graph: Any, tiles: Tiles, *, precision: str = "f32") -> NDArray[np.float32]:
    """Return the values of :func:`answers_of`, shape (3, n, n_properties)."""
    return answers_of(graph, tiles, precision=precision).outputs
