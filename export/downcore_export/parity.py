"""How far a quantised network is from the one that was trained, and whether that will do."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from downcore.inference.compiling import compile_graph
from downcore.strata.bundle import OUTPUT_NAMES
from downcore.strata.properties import PROPERTIES
from downcore_export.conversion import with_corrected_outputs
from downcore_training.datasets import TileSet
from downcore_training.evaluation.slice_scores import Scores, SliceValues, join_slices, score
from downcore_training.fitting.scaling import TargetScaling

MOST_R2_LOSS = 0.01
"""R2 that quantising may cost, of any property, on slices of cores not seen before."""

MOST_P95_DEVIATION = 0.1
"""95th percentile that a slice's value may move, of any property, in spreads of training cores."""


@dataclass(frozen=True, slots=True, eq=False)
class Parity:
    """A network against the unquantised one, on the same tiles."""

    scores: dict[str, Scores]
    """Figures of the network by property, on slices."""
    r2_loss: dict[str, float]
    """By property; negative where the network is the better one."""
    p95_deviation: dict[str, float]
    """Of a slice's value, by property, in spreads."""
    n_tiles: int
    values: SliceValues
    """What the network says of the slices, and what is true."""

    @property
    def is_good_enough(self) -> bool:
        """Whether every property stays within both limits; a NaN does not."""
        return all(x <= MOST_R2_LOSS for x in self.r2_loss.values()) and all(
            x <= MOST_P95_DEVIATION for x in self.p95_deviation.values()
        )

    @property
    def distance(self) -> float:
        """The worst property's deviation, by which candidates are ranked."""
        return max(self.p95_deviation.values())


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
    """What a graph says of tiles."""

    outputs: NDArray[np.float32]
    """Shape (3, n, n_properties), in the order of ``OUTPUT_NAMES``, scaled space."""
    last: NDArray[np.float32]
    """Its last output: features (n, k), or novelty (n,)."""


def answers_of(graph: Any, tiles: Tiles, *, precision: str = "f32") -> Answers:
    """
    Return what ``graph`` says of ``tiles``, compiled as on the device.

    Parameters
    ----------
    graph : openvino.Model
        With the ports of a bundle, or of one that is not finished.
    tiles : Tiles
        At least one.
    precision : str, default "f32"
        As in the manifest.
    """
    compiled = compile_graph(graph, n_threads=1, precision=precision)
    batch = np.zeros(tuple(compiled.input(0).shape), np.uint8)
    n_values = len(OUTPUT_NAMES)
    outputs, last = [], []
    for first in range(0, len(tiles), len(batch)):
        some = tiles[first : first + len(batch)]
        batch[: len(some)] = some
        answers = compiled(batch)
        outputs.append(np.stack([answers[i][: len(some)] for i in range(n_values)]))
        last.append(answers[n_values][: len(some)].copy())
    return Answers(np.concatenate(outputs, axis=1), np.concatenate(last))


def outputs_of(graph: Any, tiles: Tiles, *, precision: str = "f32") -> NDArray[np.float32]:
    """Return the values of :func:`answers_of`, shape (3, n, n_properties)."""
    return answers_of(graph, tiles, precision=precision).outputs


def corrected(graph: Any, outputs: NDArray[np.float32], reference: NDArray[np.float32]) -> Any:
    """
    Return ``graph`` with its outputs brought as near ``reference`` as a line can.

    Rounding activations shifts deep networks as a whole, the values of all tiles alike; a
    gain and an offset for each value take that back. The log sd only gets an offset, the
    spread inside a tile only a gain, so that it stays 0 or more.

    Parameters
    ----------
    graph : openvino.Model
        Quantised.
    outputs, reference : ndarray, shape (3, n_tiles, n_properties)
        What ``graph`` and the unquantised one say of the same calibration tiles.
    """
    return with_corrected_outputs(graph, *correction(outputs, reference))


def correction(
    outputs: NDArray[np.float32], reference: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the gains and the offsets of :func:`corrected`, each of shape (3, n_properties)."""
    got, ideal = outputs.astype(np.float64), reference.astype(np.float64)
    gains, offsets = np.ones_like(got[:, 0]), np.zeros_like(got[:, 0])
    mean, log_sd, within = range(len(OUTPUT_NAMES))
    centred = got[mean] - got[mean].mean(axis=0)
    gains[mean] = _quotient((centred * ideal[mean]).sum(axis=0), (centred**2).sum(axis=0))
    offsets[mean] = ideal[mean].mean(axis=0) - gains[mean] * got[mean].mean(axis=0)
    offsets[log_sd] = (ideal[log_sd] - got[log_sd]).mean(axis=0)
    gains[within] = _quotient(
        (got[within] * ideal[within]).sum(axis=0), (got[within] ** 2).sum(axis=0)
    )
    return gains.astype(np.float32), offsets.astype(np.float32)


def _quotient(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    # A value that never varies tells nothing of its gain.
    return np.divide(above, below, out=np.ones_like(above), where=below > 0)


def compare(
    outputs: NDArray[np.float32],
    reference: NDArray[np.float32],
    tiles: TileSet,
    scaling: TargetScaling,
) -> Parity:
    """
    Compare outputs, each of shape (3, n_tiles, n_properties) in scaled space, slice by slice.

    Slices without a label count for the deviation and not for R2.
    """
    values, truth = (
        join_slices(
            tiles,
            scaling.unscaled(one[0].astype(np.float64)),
            np.exp(one[1].astype(np.float64)) * scaling.spread,
        )
        for one in (outputs, reference)
    )
    got, ideal = score(values.at_support, values), score(truth.at_support, truth)
    moved = np.abs(values.mean - truth.mean) / scaling.spread
    names = [one.name for one in PROPERTIES]
    return Parity(
        scores=got,
        r2_loss={n: ideal[n].get("r2", np.nan) - got[n].get("r2", np.nan) for n in names},
        p95_deviation={n: float(np.percentile(moved[:, i], 95)) for i, n in enumerate(names)},
        n_tiles=len(tiles),
        values=values,
    )
