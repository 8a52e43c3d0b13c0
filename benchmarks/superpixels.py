"""
Superpixels against scikit-image's SLIC, and what streaming does to them.

``python benchmarks/superpixels.py [--json FILE] [--real DIR] [--rounds N]``

One process, one thread, contenders in turn; CPU time, ratios taken within a round, medians
printed. Both ways of clustering are there, the kernels and the OpenVINO graph, connectivity
included. Boundary recall (within 2 px) and corrected undersegmentation error are against mosaics
whose regions are known; on cores, where no truth is known, the share of the colour variance that
the mean colours of the superpixels explain stands beside both. OpenCV and fast-slic are timed
where they can be imported.
"""

import os

# Before anything reads it: fast-slic and OpenCV would otherwise wait in a loop for other threads.
os.environ["OMP_NUM_THREADS"] = "1"

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from mosaics import Labels, label_strip, mosaic
from numpy.typing import NDArray
from reporting import arguments, report

from downcore.inference.superpixel_clustering import GraphBackend
from downcore.simulator.generator import CoreRecipe, generate
from downcore.strata.colour import lab_of_counts
from downcore.strata.depth import LineScale
from downcore.strata.segment import Segment
from downcore.strata.superpixels.clustering import KERNELS, ClusteringBackend
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.superpixels.stream import SuperpixelStream

ROOT = Path(__file__).resolve().parent.parent
SCALE = LineScale.of(200)
COMPACTNESS = 10.0
NOISES = (0.01, 0.02, 0.035)
REAL = ("lago_pato_lp16/LP162A/optical.tif", "yanou_unlabelled/YAN8B1_200um/optical.tif")
"""Under the UK Open Government Licence; contains NERC data."""
REAL_SCALE = LineScale.of(20)
REAL_SETTINGS = SuperpixelSettings(cell_um=4_000)
STRIP_SETTINGS = SuperpixelSettings(stretch_cells=10)
"""Windows of 1 cm and the halo below."""
GRAPH = GraphBackend()


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A strip and, where it is known, which region each pixel belongs to."""

    name: str
    lines: NDArray[np.uint8]
    regions: Labels | None
    scale: LineScale
    settings: SuperpixelSettings


def cases(real: Path) -> list[Case]:
    """Return every strip to be compared on."""
    found = []
    for noise in NOISES:
        lines, regions = mosaic(1, (1_000, 1_000), noise)
        found.append(Case(f"mosaic {noise:g}", lines, regions, SCALE, SuperpixelSettings()))
    for noise in NOISES:
        lines, regions = mosaic(2, (200, 1_400), noise)
        found.append(Case(f"1 cm strip {noise:g}", lines, regions, SCALE, STRIP_SETTINGS))
    core = generate(CoreRecipe(seed=77, length_cm=4.0, px_per_cm=200.0))
    lines = core.lines(0, core.n_lines)
    found.append(Case("generated core", lines, None, SCALE, SuperpixelSettings()))
    for name in REAL:
        if not (real / name).exists():
            print(f"left out {name}: not in the folder of real scans")
            continue
        lines = np.ascontiguousarray(np.asarray(cv2.imread(str(real / name)))[..., ::-1])
        lines = np.ascontiguousarray(lines.transpose(1, 0, 2))
        found.append(Case(name.split("/")[1], lines, None, REAL_SCALE, REAL_SETTINGS))
    return found


def ours(case: Case, backend: ClusteringBackend = KERNELS) -> Labels:
    """Return the superpixels of this project."""
    no_mask = np.zeros(case.lines.shape[:2], np.uint8)
    stream = SuperpixelStream(case.settings, case.scale, case.lines.shape[1], backend=backend)
    rows = stream.push(Segment(case.lines, 0), no_mask) + stream.finish()
    return np.concatenate([one.labels for one in rows])


def peers() -> dict[str, Callable[[Case], Labels]]:
    """Return what else is installed, as functions of a case."""
    found: dict[str, Callable[[Case], Labels]] = {}
    try:
        from skimage.segmentation import slic  # noqa: PLC0415 - a peer that may be missing
    except ImportError:
        print("left out scikit-image: not installed")
    else:
        found["scikit-image"] = lambda case: slic(
            case.lines,
            n_segments=n_cells(case),
            compactness=COMPACTNESS,
            max_num_iter=10,
            start_label=1,
        )
    if hasattr(cv2, "ximgproc"):
        found["OpenCV"] = opencv_slic
    else:
        print("left out OpenCV's SLIC: its contributed modules are not installed")
    try:
        from fast_slic import Slic  # noqa: PLC0415 - a peer that may be missing
    except ImportError:
        print("left out fast-slic: not installed")
    else:
        found["fast-slic"] = lambda case: (
            1
            + Slic(num_components=n_cells(case), compactness=COMPACTNESS)
            .iterate(case.lines)
            .astype(np.int32)
        )
    return found


def n_cells(case: Case) -> int:
    """Return how many superpixels to ask a peer for."""
    return case.lines.shape[0] * case.lines.shape[1] // case.settings.cell_px(case.scale) ** 2


def opencv_slic(case: Case) -> Labels:
    """Return OpenCV's superpixels, small parts merged."""
    lab = cv2.cvtColor(case.lines, cv2.COLOR_RGB2LAB)
    cell_px = case.settings.cell_px(case.scale)
    found = cv2.ximgproc.createSuperpixelSLIC(lab, cv2.ximgproc.SLIC, cell_px, COMPACTNESS)
    found.iterate(10)
    found.enforceLabelConnectivity(25)
    return np.asarray(found.getLabels(), np.int32) + 1


def overlaps(labels: Labels, regions: Labels) -> tuple[NDArray, NDArray, NDArray]:
    """Return each pair of label and region that share pixels, and how many they share."""
    key = labels.astype(np.int64).ravel() * (int(regions.max()) + 1) + regions.ravel()
    pairs, count = np.unique(key, return_counts=True)
    return *np.divmod(pairs, int(regions.max()) + 1), count


def edges_of(labels: Labels) -> NDArray[np.bool_]:
    """Return the pixels whose neighbour below or to the right differs."""
    edges = np.zeros(labels.shape, np.bool_)
    edges[:-1] |= labels[:-1] != labels[1:]
    edges[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return edges


def quality(case: Case, labels: Labels) -> dict[str, float]:
    """Return how well superpixels keep to what is there."""
    found = {"superpixels": float(len(np.unique(labels)))}
    if case.regions is None:
        flat = labels.ravel()
        lab = lab_of_counts(case.lines).reshape(-1, 3).astype(np.float64)
        area = np.maximum(np.bincount(flat), 1)
        inside = 0.0
        for k in range(3):
            mean = np.bincount(flat, lab[:, k]) / area
            inside += float(((lab[:, k] - mean[flat]) ** 2).sum())
        total = float(((lab - lab.mean(axis=0)) ** 2).sum())
        return found | {"explained variance": 1.0 - inside / total}
    far = cv2.distanceTransform((~edges_of(labels)).astype(np.uint8), cv2.DIST_C, 3)
    label, _, shared = overlaps(labels, case.regions)
    outside = np.bincount(labels.ravel())[label] - shared
    return found | {
        "boundary recall": float((far[edges_of(case.regions)] <= 2).mean()),
        "undersegmentation error": float(np.minimum(shared, outside).sum()) / labels.size,
    }


def compared(case: Case, rounds: int) -> dict[str, float]:
    """Return time and quality of all contenders on one case."""
    own: dict[str, Callable[[Case], Labels]] = {
        "downcore": ours,
        "OpenVINO graph": lambda case: ours(case, GRAPH),
    }
    contenders = own | peers_once()
    megapixels = case.lines[..., 0].size / 1e6
    times: dict[str, list[float]] = {name: [] for name in contenders}
    found: dict[str, float] = {}
    drawn = {name: run(case) for name, run in contenders.items()}
    for name, labels in drawn.items():
        for key, value in quality(case, labels).items():
            found[f"{case.name}, {name}, {key}"] = value
    alike = 100.0 * agreement(drawn["OpenVINO graph"], drawn["downcore"])
    found[f"{case.name}, OpenVINO graph, pixels as with kernels, %"] = alike
    for _ in range(rounds):
        for name, run in contenders.items():
            began = time.process_time()
            run(case)
            times[name].append((time.process_time() - began) / megapixels * 1e3)
    for name, taken in times.items():
        found[f"{case.name}, {name}, CPU ms/Mpx"] = float(np.median(taken))
        for mine in own:
            if name not in own:
                ratio = float(np.median(np.array(taken) / np.array(times[mine])))
                found[f"{case.name}, CPU time of {name} over {mine}"] = ratio
    return found


def peers_once() -> dict[str, Callable[[Case], Labels]]:
    """Return the peers, found the first time and remembered."""
    if not _PEERS:
        _PEERS.update(peers())
    return _PEERS


_PEERS: dict[str, Callable[[Case], Labels]] = {}


def streamed(
    lines: NDArray[np.uint8],
    classes: NDArray[np.uint8],
    step: int,
    *,
    backend: ClusteringBackend = KERNELS,
) -> Labels:
    """Return the labels of a strip that arrives ``step`` lines at a time."""
    stream = SuperpixelStream(SuperpixelSettings(), SCALE, lines.shape[1], backend=backend)
    rows = []
    for first in range(0, len(lines), step):
        part = Segment(lines[first : first + step], first)
        rows += stream.push(part, classes[first : first + step])
    rows += stream.finish()
    return np.concatenate([one.labels for one in rows])


def agreement(labels: Labels, others: Labels) -> float:
    """Return the share of labelled pixels that agree, labels matched one to one by overlap."""
    seen = labels > 0
    one, other, count = overlaps(labels[seen], others[seen])
    order = np.argsort(-count, kind="stable")
    used_one, used_other, total = set(), set(), 0
    for a, b, n in zip(one[order], other[order], count[order], strict=True):
        if a not in used_one and b not in used_other:
            used_one.add(a)
            used_other.add(b)
            total += int(n)
    return total / int(seen.sum())


def streaming() -> dict[str, float]:
    """Return what cutting, threads and streaming do to the labels."""
    core = generate(CoreRecipe(seed=78, length_cm=10.0, px_per_cm=200.0))
    strips = {"core": (core.lines(0, core.n_lines), core.classes(0, core.n_lines))}
    for noise in NOISES:
        lines = mosaic(3, (2_000, 700), noise)[0]
        strips[f"mosaic {noise:g}"] = lines, np.zeros(lines.shape[:2], np.uint8)
    found: dict[str, float] = {}
    for name, (lines, classes) in strips.items():
        labels = streamed(lines, classes, 200)
        at_once = streamed(lines, classes, len(lines))
        in_bits = streamed(lines, classes, 37)
        same = [np.array_equal(labels, others) for others in (at_once, in_bits)]
        whole = label_strip(lines, classes, SuperpixelSettings(), SCALE)
        found[f"{name}, same bits at once, in 37 lines"] = float(all(same))
        found[f"{name}, pixels as in one unbroken window, %"] = 100.0 * agreement(labels, whole)
        by_graph = streamed(lines, classes, 200, backend=GRAPH)
        in_bits = streamed(lines, classes, 37, backend=GRAPH)
        same = [np.array_equal(by_graph, in_bits)]
        found[f"{name}, OpenVINO graph, same bits in 37 lines"] = float(all(same))
    return found


CHILD = """
import sys
import numpy as np
from downcore.strata.depth import LineScale
from downcore.strata.segment import Segment
from downcore.strata.superpixels.clustering import KERNELS
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.superpixels.stream import SuperpixelStream
backend = KERNELS
if sys.argv[2] == "OpenVINO graph":
    from downcore.inference.superpixel_clustering import GraphBackend
    backend = GraphBackend()
rng = np.random.default_rng(0)
coarse = rng.integers(60, 160, (20, 70, 3), dtype=np.uint8)
lines = coarse.repeat(10, axis=0).repeat(20, axis=1) + rng.integers(0, 9, (200, 1400, 3), np.uint8)
stream = SuperpixelStream(SuperpixelSettings(), LineScale.of(200), 1400, backend=backend)
n_labels = 0
for i in range(int(sys.argv[1])):
    for rows in stream.push(Segment(lines, 200 * i), np.zeros((200, 1400), np.uint8)):
        n_labels = max(n_labels, int(rows.labels.max()))
for rows in stream.finish():
    n_labels = max(n_labels, int(rows.labels.max()))
# Of this program alone; what the system reports of a child may be its parent's.
status = open("/proc/self/status").read()
print(n_labels, status.split("VmHWM:")[1].split()[0])
"""


def memory() -> dict[str, float]:
    """Return the largest resident size of processes that stream strips of two lengths."""
    found: dict[str, float] = {}
    for way, n_cm in product(("kernels", "OpenVINO graph"), (100, 400)):
        command = [sys.executable, "-c", CHILD, str(n_cm), way]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        n_labels, peak_kib = map(int, done.stdout.split())
        found[f"streaming {n_cm} cm, {way}, superpixels"] = float(n_labels)
        found[f"streaming {n_cm} cm, {way}, peak RSS, MB"] = peak_kib * 1024 / 1e6
    return found


START = """
import time
began = time.process_time()
import numpy as np
import downcore.strata.superpixels.settings
base = time.process_time()
import downcore.strata.superpixels.stream as stream
loaded = time.process_time()
from downcore.strata.depth import LineScale
lines = np.zeros((40, 40, 3), np.uint8)
section = stream.SuperpixelStream(stream.SuperpixelSettings(), LineScale.of(200), 40)
section.push(stream.Segment(lines, 0), lines[..., 0].copy())
section.finish()
print(loaded - base, time.process_time() - loaded)
"""


def start() -> dict[str, float]:
    """Return what loading the compiler and the kernels costs, kernels compiled and kept."""
    found: dict[str, float] = {}
    for name, locators in (("kept", ""), ("no folder to keep them", "UserProvidedCacheLocator")):
        around = os.environ | {"NUMBA_CACHE_LOCATOR_CLASSES": locators}
        if locators:
            around.pop("NUMBA_CACHE_DIR", None)
        command = [sys.executable, "-c", START]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=around)
        loading, kernels = map(float, done.stdout.split())
        found[f"start, kernels {name}: import, CPU s"] = loading
        found[f"start, kernels {name}: first strip, CPU s"] = kernels
    began = time.process_time()
    SuperpixelStream(SuperpixelSettings(), SCALE, 1_401, backend=GRAPH)
    found["start, OpenVINO graph of 1,401 px across compiled, CPU s"] = time.process_time() - began
    return found


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--real", type=Path, metavar="DIR", help="folder of the real scans")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    named = os.environ.get("DOWNCORE_REAL_DATA")
    real = given.real or (Path(named) if named else ROOT.parent / "shared" / "data" / "real")
    cv2.setNumThreads(1)
    metrics: dict[str, float] = {}
    for case in cases(real):
        metrics |= compared(case, given.rounds)
    metrics |= streaming() | memory() | start()
    report("superpixels, one thread", metrics, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
