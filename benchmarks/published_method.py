"""
The published method as published, on one section: the contender of ``full_chain.py --composition``.

``python benchmarks/published_method.py IMAGE [--threads N] [--json FILE]``

The whole image is loaded; scikit-image cuts it into 250 superpixels; torch predicts three
properties of one 256 px crop a centimetre in 32 bit; each superpixel takes the mean over its
pixels; ``scipy.optimize.nnls`` solves the published matrix for every superpixel. Segment Anything
is left out. It runs as a process of its own, so that its peak memory is its own.

Settings are those of the published code: ``slic(n_segments=250, compactness=5, sigma=1)``, HRNet of
width 18 in its original depth, the last of its maps, a DeepLab head and a mean over the crop. The
weights are random, as none are published; time and memory do not depend on them, and the fractions
mean nothing.
"""

import argparse
import copy
import json
import resource
import time
from pathlib import Path

import numpy as np
import scipy.optimize
import skimage.segmentation
import tifffile
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from downcore_training.networks._deeplab import Pyramid
from downcore_training.networks._hrnet import CHANNELS, HRNet
from downcore_training.networks._layers import BasicBlock, Bottleneck

CLASSES = {
    "carbonate": (1.0, 0.8, -0.2),
    "silicate": (0.3, 0.3, -0.2),
    "clay": (-0.8, -0.8, 0.2),
    "iron oxide": (3.0, 0.8, 3.0),
}
"""Density, vp and ms of the published classes, in standard deviations of the logs of one image."""

WEIGHTS = np.array([1.0, 1.0, 0.3])
SUM_WEIGHT = 0.2
"""Of the rows density, vp and ms, and of the row that asks fractions to sum to 1."""

CROP_PX = 256
PX_PER_CM = 200
N_SEGMENTS, COMPACTNESS, SIGMA = 250, 5.0, 1.0
CROPS_PER_CALL = 8
"""Of torch; one by one it is slower."""

_BLOCKS = 4
"""Blocks of each branch of a module, and of the first layer; the tree's smaller network has 2."""
_MODULES = {2: 1, 3: 4, 4: 3}
"""Modules of the stage with so many branches."""
_WIDTH = 256


class PublishedNetwork(HRNet):
    """HRNet-W18 in its original depth; the coarsest map, a DeepLab head, a mean, three numbers."""

    def __init__(self) -> None:
        super().__init__()
        for _ in range(_BLOCKS - len(self.layer1)):
            self.layer1.append(copy.deepcopy(self.layer1[-1]))
        for n_branches, n_modules in _MODULES.items():
            _deepen(getattr(self, f"stage{n_branches}"), n_modules)
        self.widen = Bottleneck(CHANNELS[-1], _WIDTH)
        self.head = nn.Sequential(
            Pyramid(_WIDTH * Bottleneck.expansion, _WIDTH),
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm2d(_WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv2d(_WIDTH, _WIDTH, 1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(_WIDTH, _WIDTH // 2),
            nn.ReLU(inplace=True),
            nn.Linear(_WIDTH // 2, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return density, vp and ms of each crop, shape (n, 3), in standard deviations."""
        out: Tensor = self.head(self.widen(self.branches(x)[-1]))
        return out


def _deepen(stage: nn.Sequential, n_modules: int) -> None:
    for _ in range(n_modules - len(stage)):
        stage.append(copy.deepcopy(stage[-1]))
    for module in stage:
        branches = module.branches
        if not isinstance(branches, nn.ModuleList):
            raise TypeError(f"expected branches, got {type(branches).__name__}")
        for branch, n in zip(branches, CHANNELS, strict=False):
            if isinstance(branch, nn.Sequential):
                while len(branch) < _BLOCKS:
                    branch.append(BasicBlock(n, n))


def properties(image: NDArray[np.uint8], network: nn.Module) -> NDArray[np.float64]:
    """Return three properties of each centimetre, shape (n, 3), from one crop in the middle."""
    n = -(-image.shape[0] // PX_PER_CM)
    across = max((image.shape[1] - CROP_PX) // 2, 0)
    found = []
    with torch.inference_mode():
        for first in range(0, n, CROPS_PER_CALL):
            crops = []
            for i in range(first, min(first + CROPS_PER_CALL, n)):
                middle = i * PX_PER_CM + PX_PER_CM // 2
                top = min(max(middle - CROP_PX // 2, 0), max(image.shape[0] - CROP_PX, 0))
                crops.append(image[top : top + CROP_PX, across : across + CROP_PX])
            x = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float()
            found.append(network(x).double().numpy())
    return np.concatenate(found)


def pooled(labels: NDArray[np.int64], of_slices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean properties over each superpixel's pixels, shape (n_labels, 3)."""
    n_rows, n_across = labels.shape
    n = int(labels.max()) + 1
    flat = labels.ravel()
    count = np.maximum(np.bincount(flat, minlength=n), 1)
    columns = []
    for column in of_slices.T:
        of_rows = np.repeat(column, PX_PER_CM)[:n_rows]
        columns.append(np.bincount(flat, weights=np.repeat(of_rows, n_across), minlength=n) / count)
    return np.stack(columns, axis=1)[1:]


def fractions(of_segments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the published classes' fractions of each superpixel, one ``nnls`` after another."""
    spread = of_segments.std(axis=0)
    scores = (of_segments - of_segments.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    matrix = np.array(list(CLASSES.values())).T * WEIGHTS[:, None]
    matrix = np.vstack([matrix, np.full((1, matrix.shape[1]), SUM_WEIGHT)])
    solved = [
        scipy.optimize.nnls(matrix, np.append(row * WEIGHTS, SUM_WEIGHT))[0] for row in scores
    ]
    found: NDArray[np.float64] = np.array(solved)
    total = found.sum(axis=1, keepdims=True)
    return np.divide(found, total, out=np.zeros_like(found), where=total > 0.0)


class _Laps:
    """Wall and CPU seconds of one step after another."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self._last = (time.perf_counter(), time.process_time())

    def lap(self, name: str) -> None:
        now = (time.perf_counter(), time.process_time())
        self.metrics[f"{name}_wall_s"] = now[0] - self._last[0]
        self.metrics[f"{name}_cpu_s"] = now[1] - self._last[1]
        self._last = now


def _warm(network: nn.Module) -> None:
    """Load what is loaded late, so that only the section's own work is timed."""
    nothing = np.random.default_rng(0).integers(0, 256, (CROP_PX, CROP_PX, 3), np.uint8)
    skimage.segmentation.slic(nothing, n_segments=4, start_label=1)
    properties(nothing, network)


def run(path: Path, n_threads: int) -> dict[str, float]:
    """Return seconds and peak memory of the published method on one image."""
    torch.set_num_threads(n_threads)
    torch.manual_seed(0)
    network = PublishedNetwork().eval()
    _warm(network)
    laps = _Laps()
    image = tifffile.imread(path)[..., :3]
    laps.lap("load")
    labels = skimage.segmentation.slic(
        image, n_segments=N_SEGMENTS, compactness=COMPACTNESS, sigma=SIGMA, start_label=1
    )
    laps.lap("slic")
    of_slices = properties(image, network)
    laps.lap("network")
    found = fractions(pooled(labels, of_slices))
    laps.lap("pooling_and_nnls")
    metrics = laps.metrics
    for clock in ("wall_s", "cpu_s"):
        metrics[clock] = sum(v for key, v in metrics.items() if key.endswith(f"_{clock}"))
    return metrics | {
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "metres": image.shape[0] / PX_PER_CM / 100,
        "n_segments": float(len(found)),
        "million_weights": sum(p.numel() for p in network.parameters()) / 1e6,
        "n_threads": float(n_threads),
    }


def main() -> None:
    """Print the figures as JSON, which ``full_chain.py`` reads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path, help="a TIFF, 200 px/cm, core top up")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    text = json.dumps(run(given.image, given.threads), indent=2)
    print(text)
    if given.json is not None:
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
