"""
Fit the mask's small network: ``python -m downcore_training.mask.fit --real DIR --out FILE``.

It learns from the marked scans that say so (under the Open Government Licence, and public
ones of the Ocean Drilling Program) and from generated cores. The result is the text of
``downcore/strata/mask/weights.py``. Scans of other licences and scans kept apart are never
read here.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tifffile
import torch
from numpy.typing import NDArray

from downcore.simulator.generator import CoreRecipe, generate
from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import MaskClass
from downcore.strata.mask.features import N_FEATURES, features_of
from downcore.strata.mask.grid import grid_of
from downcore.strata.mask.masker import MASK_HALO_UM
from downcore.strata.mask.network import Layer, written
from downcore.strata.section import SectionBuffer
from downcore.strata.segment import Segment
from downcore_training.mask.references import UNSCORED, labels_of, lines_first, read_references
from downcore_training.mask.views import View, altered

SEED = 20_260
GENERATED_PX_PER_CM = (20.0,) * 14 + (13.7,) * 3 + (4.7,) * 9 + (1.34, 1.84, 2.5) * 3 + (100.0,) * 2
"""Scale of each generated core; its seed is 7000 and its place in this row."""
STARTS_PX_PER_CM = (20.0, 20.0, 4.7, 13.7, 20.0, 4.7, 100.0, 1.84, 20.0, 2.5, 4.7, 13.7)
"""Scales, in turn three times each, of the cores whose start is learnt from if it is bare floor."""
N_STARTS = 216
"""Cores of which the start is looked at; their seeds are 7100 and on, about a quarter are kept."""
FLOOR_SHARE = 0.9
"""Share of the middle of the first 3 mm that is floor where a core begins with floor."""
COARSE_PX_PER_CM = 4.0
"""Up to this scale 10 cm of a start are learnt from, above it 5 cm."""
TABLES = "odp887/"
"""Folder of the photographs of core tables, below that of the real scans."""
VIEWS_OF_SCANS, VIEWS_OF_CORES, VIEWS_OF_START = 12, 3, 2
CELLS_OF_SCAN, CELLS_OF_CORE, CELLS_OF_START = 5_000, 4_000, 2_500
"""Cells drawn from each view."""
OTHER_WEIGHT = 1.5
"""Weight of a cell that is not sediment, there being fewer of them."""
TABLES_WEIGHT, CORES_WEIGHT, STARTS_WEIGHT = 0.6, 1.2, 0.5
"""Weight of all photographs of core tables, generated cores and starts; other scans have 1."""
HIDDEN = (40, 20)
EPOCHS, BATCH, HIGHEST_RATE = 6, 4_096, 0.01
MEAN_OVER_STEPS = 400
"""The network kept is the running mean of the fit's last steps, which steadies coarse scans."""
NAMING_SHARE = 0.25
"""Weight of the class in the loss, relative to sediment against the rest."""
FEATURE_NOISE = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Training cells."""

    features: NDArray[np.float32]
    """Shape (n, 33)."""
    labels: NDArray[np.int64]
    """Shape (n,)."""
    weights: NDArray[np.float32]
    """Shape (n,), above 0."""


def scans(real: Path, references: Path, *, of_tables: bool = False) -> Iterator[View]:
    """Yield the marked scans that may be learnt from: photographs of core tables, or the others."""
    for reference in read_references(references):
        if reference.is_fitted and reference.image.startswith(TABLES) == of_tables:
            picture = picture_of(real / reference.image)
            labels = labels_of(reference, picture)
            yield View(
                lines_first(picture, reference.top),
                lines_first(labels, reference.top),
                reference.px_per_cm,
            )


def picture_of(path: Path) -> NDArray[np.uint8]:
    """Return the RGB pixels of a scan as stored, shape (rows, columns, 3)."""
    if path.suffix == ".tif":
        return np.ascontiguousarray(tifffile.imread(path)[..., :3])
    return np.ascontiguousarray(np.asarray(cv2.imread(str(path)))[..., ::-1])


def cores() -> Iterator[View]:
    """Yield generated cores with their true classes."""
    draw = np.random.default_rng(SEED)
    for i, px_per_cm in enumerate(GENERATED_PX_PER_CM):
        width_cm = float(np.round(draw.uniform(4.5, 10.5), 1))
        length_cm = 20.0 if px_per_cm > 20.0 else 100.0  # noqa: PLR2004 - finer ones are large
        core = generate(CoreRecipe(7_000 + i, length_cm, px_per_cm, width_cm))
        yield View(core.lines(0, core.n_lines), core.classes(0, core.n_lines), px_per_cm)


def starts() -> Iterator[View]:
    """Yield the first centimetres of generated cores that have bare floor before them."""
    for i in range(N_STARTS):
        seed, px_per_cm = 7_100 + i, STARTS_PX_PER_CM[i // 3 % len(STARTS_PX_PER_CM)]
        width_cm = float(np.round(np.random.default_rng(seed).uniform(4.5, 10.5), 1))
        core = generate(CoreRecipe(seed, 100.0, px_per_cm, width_cm))
        first = core.classes(0, max(1, round(0.3 * px_per_cm)))
        third = first.shape[1] // 3
        if (first[:, third:-third] == MaskClass.OUTSIDE).mean() >= FLOOR_SHARE:
            n_lines = round((5.0 if px_per_cm > COARSE_PX_PER_CM else 10.0) * px_per_cm)
            yield View(core.lines(0, n_lines), core.classes(0, n_lines), px_per_cm)


def cells_of(view: View, max_cells: int, draw: np.random.Generator) -> Cells:
    """Return up to ``max_cells`` cells of a view, drawn at random."""
    scale = LineScale.of(f"{view.px_per_cm:.4f}")
    buffer = SectionBuffer(scale, halo_um=MASK_HALO_UM)
    features, labels = [], []
    for lines in buffer.push(Segment(view.lines, 0)) + buffer.finish():
        grid = grid_of(lines, float(scale.px_per_cm))
        own = view.labels[lines.first_line : lines.first_line + lines.n_lines]
        rows = _middles(grid.n_rows, grid.step_px, own.shape[0])
        columns = _middles(grid.lab.shape[1], grid.step_px, own.shape[1])
        features.append(features_of(grid))
        labels.append(own[np.ix_(rows, columns)].ravel())
    x, y = np.concatenate(features), np.concatenate(labels).astype(np.int64)
    known = np.flatnonzero(y != UNSCORED)
    kept = draw.choice(known, min(max_cells, known.size), replace=False)
    weights = np.where(y[kept] == MaskClass.SEDIMENT, 1.0, OTHER_WEIGHT).astype(np.float32)
    return Cells(x[kept], y[kept], weights)


def _middles(n_cells: int, step_px: int, n_px: int) -> NDArray[np.intp]:
    """Return the pixel in the middle of each cell; the last cell may extend past the edge."""
    return np.minimum(np.arange(n_cells) * step_px + step_px // 2, n_px - 1)


def collect(real: Path, references: Path) -> Cells:
    """Return all cells to learn from, weighted by kind of scan."""
    scanned = _cells_of_views(scans(real, references), VIEWS_OF_SCANS, CELLS_OF_SCAN)
    tables = _cells_of_views(
        scans(real, references, of_tables=True),
        VIEWS_OF_SCANS,
        CELLS_OF_SCAN,
        with_laminae_and_gaps=True,
    )
    generated = _cells_of_views(cores(), VIEWS_OF_CORES, CELLS_OF_CORE)
    begun = _cells_of_views(starts(), VIEWS_OF_START, CELLS_OF_START)
    total = _weight(scanned)
    return _joined(
        (scanned, 1.0),
        (tables, TABLES_WEIGHT * total / _weight(tables)),
        (generated, CORES_WEIGHT * total / _weight(generated)),
        (begun, STARTS_WEIGHT * total / _weight(begun)),
    )


def _weight(cells: list[Cells]) -> float:
    return float(sum(part.weights.sum() for part in cells))


def _joined(*groups: tuple[list[Cells], float]) -> Cells:
    """Return the cells of all groups, those of each with its weight times a factor."""
    parts = [part for cells, _ in groups for part in cells]
    weights = [part.weights * np.float32(factor) for cells, factor in groups for part in cells]
    return Cells(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate(weights),
    )


def _cells_of_views(
    views: Iterator[View], n_views: int, max_cells: int, *, with_laminae_and_gaps: bool = False
) -> list[Cells]:
    draw = np.random.default_rng(SEED)
    cells = []
    for view in views:
        cells.append(cells_of(view, max_cells, draw))
        for _ in range(n_views - 1):
            other = altered(view, draw, with_laminae_and_gaps=with_laminae_and_gaps)
            cells.append(cells_of(other, max_cells, draw))
    return cells


def fit(cells: Cells) -> tuple[Layer, ...]:
    """Return the layers fitted to cells."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    mean, sd = cells.features.mean(axis=0), cells.features.std(axis=0) + 1e-3
    x = torch.from_numpy((cells.features - mean) / sd)
    y, weights = torch.from_numpy(cells.labels), torch.from_numpy(cells.weights)
    network = _network()
    kept = [parameter.detach().clone() for parameter in network.parameters()]
    optimiser = torch.optim.AdamW(network.parameters(), HIGHEST_RATE, weight_decay=0.01)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, HIGHEST_RATE, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for batch in torch.chunk(order[: len(x) // BATCH * BATCH], len(x) // BATCH):
            noisy = x[batch] + FEATURE_NOISE * torch.randn(BATCH, N_FEATURES)
            loss = (_loss(network(noisy), y[batch]) * weights[batch]).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch ships it without types
            optimiser.step()
            schedule.step()
            for average, parameter in zip(kept, network.parameters(), strict=True):
                average.lerp_(parameter.detach(), 1.0 / MEAN_OVER_STEPS)
    arrays = [average.numpy() for average in kept]
    first, *others = (
        Layer(weight.T.copy(), bias) for weight, bias in zip(arrays[::2], arrays[1::2], strict=True)
    )
    scaled = first.weight / sd[:, None]
    return (Layer(scaled, first.bias - mean @ scaled), *others)


def _network() -> torch.nn.Sequential:
    sizes = (N_FEATURES, *HIDDEN, len(MaskClass))
    layers: list[torch.nn.Module] = []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def _loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    named = torch.nn.functional.cross_entropy(scores, labels, reduction="none")
    logs = torch.log_softmax(scores, dim=1)
    is_sediment_log = torch.where(labels == 0, logs[:, 0], torch.logsumexp(logs[:, 1:], dim=1))
    return NAMING_SHARE * named - is_sediment_log


def module_text(layers: tuple[Layer, ...]) -> str:
    """Return the source of ``mask/weights.py`` for fitted layers."""
    sizes, rows = written(layers)
    body = "\n".join(f'    "{row}",' for row in rows)
    return f'''"""
Weights of the mask's network, as text.

Written by ``python -m downcore_training.mask.fit``, which fits them to generated cores and to
the marked scans under ``tests/data/mask_references`` that say so. Base 85 of little-endian
16-bit floats: for each layer its weight, row by row, then its bias.
"""

SIZES = {sizes!r}
"""Features, cells of each hidden layer, classes."""

WEIGHTS = (
{body}
)
'''


def main() -> int:
    """Fit, and write the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, required=True, help="folder of the real scans")
    parser.add_argument("--references", type=Path, default=Path("tests/data/mask_references"))
    parser.add_argument("--out", type=Path, required=True, help="module to write")
    given = parser.parse_args()
    given.out.write_text(module_text(fit(collect(given.real, given.references))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
