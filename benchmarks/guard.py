"""
Where a bundle speaks: the share of slices with a value, on cores like and unlike its own.

``python benchmarks/guard.py BUNDLE [BUNDLE ...] [--json FILE] [--real DIR]``

Each scan goes through mask, windows or tiles, networks and guard as on the device. Kept: scans of
the site that the ODP 887 bundles were trained on. Changed: the same, enlarged from 2 px/cm,
blurred, brighter, darker, with a cast, in grey, without their white board, as low-gain noise.
Others: real cores of other sites and instruments, tables, hands and rock where the folder
has them, and generated cores.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from mask_iou import read_picture, real_folder
from numpy.typing import NDArray
from reporting import arguments, report

from downcore.inference import Mode, find_bundle, open_guarded
from downcore.pipeline import SectionPipeline, SliceRules
from downcore.simulator.generator import CoreRecipe, generate
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Status
from downcore.strata.segment import Segment

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A scan, core top first."""

    group: str
    name: str
    lines: Pixels
    px_per_cm: float


def odp887(folder: Path) -> Iterator[Scan]:
    """Yield sections of hole A as they are, and changed."""
    for path in sorted((folder / "odp887").glob("145-887A-2H-[36].png")):
        lines = read_picture(path)
        yield Scan("its own cores", path.stem, lines, 17.4)
        for name, changed in changes_of(lines).items():
            yield Scan(f"changed: {name}", path.stem, changed, 17.4)
        enlarged = cv2.resize(lines, None, fx=200 / 17.4, fy=200 / 17.4)[:12_000]
        yield Scan("enlarged to 200 px/cm", path.stem, np.asarray(enlarged, np.uint8), 200.0)


def changes_of(lines: Pixels) -> dict[str, Pixels]:
    """Return a scan as other lamps, cameras and optics would show it."""
    height, width = lines.shape[:2]
    small = cv2.resize(lines, (width // 9, height // 9), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(cv2.cvtColor(lines, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    wide = lines.astype(np.float64)
    noise = np.random.default_rng(1).integers(-40, 41, lines.shape)
    found = {
        "from 2 px/cm": cv2.resize(small, (width, height)),
        "blurred": cv2.GaussianBlur(lines, (0, 0), 6),
        "darker by half": wide * 0.5,
        "brighter by half": wide * 1.5,
        "red cast": wide * [1.25, 1.0, 0.85],
        "grey": grey,
        "without its board": np.where((lines.min(axis=2) > 150)[..., None], 30, lines),
        "noise": wide + noise,
    }
    return {name: np.clip(image, 0, 255).astype(np.uint8) for name, image in found.items()}


def others(folder: Path) -> Iterator[Scan]:
    """Yield real scans of other sites."""
    for path in sorted((folder / "cascadia_m9907").glob("*ppcm.png")):
        px_per_cm = float(path.stem.rsplit("_", 1)[1].removesuffix("ppcm"))
        yield Scan("M9907", path.stem, read_picture(path), px_per_cm)
    for group, pattern in (
        ("LP16", "lago_pato_lp16/*/optical.tif"),
        ("Kite", "fildes_kite/*/optical.tif"),
        ("Yanou", "yanou_unlabelled/*/optical.tif"),
    ):
        for path in sorted(folder.glob(pattern)):
            lines = np.ascontiguousarray(read_picture(path).transpose(1, 0, 2))
            yield Scan(group, path.parent.name, lines, 20.0)
    for path in sorted((folder / "cd166_itrax").glob("*.tif")):
        lines = np.ascontiguousarray(read_picture(path).transpose(1, 0, 2))
        yield Scan("CD166", path.stem, lines, 1920 / 140.1)


def generated() -> Iterator[Scan]:
    """Yield generated cores."""
    for seed, px_per_cm in ((9101, 20.0), (9102, 100.0), (9103, 17.4)):
        recipe = CoreRecipe(seed=seed, px_per_cm=px_per_cm, length_cm=40)
        core = generate(recipe)
        lines = core.lines(0, core.n_lines)
        yield Scan("generated", str(seed), lines, px_per_cm)


def status_shares(bundle: Path, scan: Scan) -> dict[str, float]:
    """Return the share of slices of each status, and the number of slices."""
    predictor = open_guarded(bundle, mode=Mode.BACKLOG)
    scale = LineScale.of(round(scan.px_per_cm, 6))
    pipeline = SectionPipeline(scale, (predictor,), SliceRules())
    rows = pipeline.push(Segment(lines=scan.lines, first_line=0)) + pipeline.finish()
    statuses = [row.estimates[0].status for row in rows]
    shares = {s.value: statuses.count(s) / len(statuses) for s in Status}
    return {**shares, "slices": float(len(statuses))}


def main() -> None:
    """Print the shares, group by group."""
    parser = arguments(str(__doc__))
    parser.add_argument("bundles", nargs="+")
    parser.add_argument("--real", type=Path, help="folder of real scans")
    options = parser.parse_args()
    folder = real_folder(options.real)
    metrics: dict[str, float] = {}
    for name in options.bundles:
        groups: dict[str, list[dict[str, float]]] = {}
        for scan in (*odp887(folder), *others(folder), *generated()):
            groups.setdefault(scan.group, []).append(status_shares(find_bundle(name), scan))
        for group, found in groups.items():
            n = sum(shares["slices"] for shares in found)
            metrics[f"{Path(name).name}, {group}: slices"] = n
            for status in ("predicted", "abstained", "masked"):
                total = sum(shares[status] * shares["slices"] for shares in found)
                metrics[f"{Path(name).name}, {group}: {status}"] = total / n
    report("Share of slices by status", metrics, options.json)


if __name__ == "__main__":
    main()
