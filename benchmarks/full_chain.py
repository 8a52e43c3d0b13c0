"""
The full chain, file to stored rows, in metres of core a minute.

A simulated section at 200 px/cm, 1,400 px across, every tile of the width predicted.
The time is that of ``downcore process`` without its start: reading, masking,
predicting and committing. Without ``--composition`` nothing is composed.

``--composition`` composes too, and lets the published method do one section of 1 m beside it, both
with one crop a centimetre; then ours again over the whole width. Each runs in turn as a process of
its own that was warmed up, because peak memory belongs to a process. A bundle with a window always
gives one output a centimetre and sees the whole width, so it runs once; it is made to answer every
row (``answering.py``), since one of real cores would abstain on a generated section and save work.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from answering import answering, window_of
from reporting import arguments, report
from sections import PX_PER_CM, write_section

from downcore.clock import SystemClock
from downcore.commands.image_files import scan_files_of
from downcore.commands.process import SLICES_PER_STEP
from downcore.service.scan_ingest import Outcome, ScanIngest
from downcore.service.station_setup import open_station
from downcore.settings import Settings, load_settings
from downcore.sources.inbox.grouping import observe_again

HERE = Path(__file__).resolve().parent
WHOLE_WIDTH = 8
"""Most tiles across a slice, as the device has it."""
NETWORKS = ("hrnet-deeplabv3plus", "resnet-18")
"""Bundles that run where none is named."""
WARM_CM = 25.0
"""Section that compiled code is loaded on, as a daemon has after its first one."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a section took."""

    wall_s: float
    cpu_s: float
    metres: float
    peak_mb: float


def settings_of(
    folder: Path, bundles: tuple[str, ...], *, is_composed: bool, tiles: int = WHOLE_WIDTH
) -> Settings:
    """Return settings of a station that keeps its store in ``folder``."""
    return load_settings(
        None,
        inbox={"path": folder, "px_per_cm": str(PX_PER_CM), "settle_s": 0, "give_up_s": 0},
        predict={"bundles": bundles, "mode": "backlog", "tiles_per_slice": tiles},
        composition={"enabled": is_composed},
        store={"path": folder / f"{label_of(bundles) or 'none'}.db"},
    )


def label_of(bundles: tuple[str, ...]) -> str:
    """Return a short name of some bundles."""
    return "+".join(Path(bundle).name for bundle in bundles)


def process(settings: Settings, *images: Path) -> Spent:
    """Return what the last of some sections took."""
    with open_station(
        settings, clock=SystemClock(), announce=None, slices_per_step=SLICES_PER_STEP
    ) as station:
        for image in images:
            scan_files = scan_files_of(image)
            if isinstance(scan_files, str):
                raise SystemExit(scan_files)
            ingest = ScanIngest(station, scan_files)
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            stability = observe_again(None, scan_files, now_s=wall_s, is_closed=True)
            while ingest.step(scan_files, stability) is Outcome.MORE:
                pass
            wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return Spent(wall_s, cpu_s, ingest.n_slices / 100, peak_mb)


def metres_per_min(image: Path, folder: Path, bundles: tuple[str, ...]) -> tuple[float, float]:
    """Return metres of core a minute by the wall clock and by CPU time of one core."""
    spent = process(settings_of(folder, bundles, is_composed=False), image)
    return 60 * spent.metres / spent.wall_s, 60 * spent.metres / spent.cpu_s


def child(script: str, *options: str) -> Spent:
    """Return what another process of these benchmarks prints of itself."""
    command = [sys.executable, str(HERE / script), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    return Spent(**{name: told[name] for name in ("wall_s", "cpu_s", "metres", "peak_mb")})


def composed(options: list[str]) -> None:
    """Print what composing the last section took, as JSON; the child's side of :func:`child`."""
    folder, bundle, is_composed, tiles, *images = options
    settings = settings_of(
        Path(folder), (bundle,), is_composed=is_composed == "composed", tiles=int(tiles)
    )
    spent = process(settings, *map(Path, images))
    print(json.dumps({name: getattr(spent, name) for name in Spent.__slots__}))


def compare(bundle: str, rounds: int) -> dict[str, float]:
    """Return the figures of ours and of the published method on one section of 1 m."""
    runs: dict[str, list[Spent]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm = write_section(folder / "warm", length_cm=WARM_CM, seed=8)
        image = write_section(folder / "inbox", length_cm=100.0)
        write_patterns = {
            "whole width, composed": ("composed", WHOLE_WIDTH),
            "whole width, not composed": ("plain", WHOLE_WIDTH),
        }
        if window_of(bundle) is None:
            write_patterns["one crop a cm, composed"] = ("composed", 1)
        runnable = answering(bundle, folder)
        for number in range(rounds):
            published = child("published_method.py", str(image))
            runs.setdefault("published", []).append(published)
            for label, (kind, tiles) in write_patterns.items():
                place = folder / f"{number}-{kind}-{tiles}"
                place.mkdir()
                given = (str(place), runnable, kind, str(tiles), str(warm), str(image))
                runs.setdefault(label, []).append(child("full_chain.py", "--child", *given))
    metrics: dict[str, float] = {}
    for label, spent in runs.items():
        metrics[f"{label}, m/min"] = statistics.median(60 * s.metres / s.wall_s for s in spent)
        metrics[f"{label}, wall s/m"] = statistics.median(s.wall_s / s.metres for s in spent)
        metrics[f"{label}, CPU s/m"] = statistics.median(s.cpu_s / s.metres for s in spent)
        metrics[f"{label}, fastest wall s/m"] = min(s.wall_s / s.metres for s in spent)
        metrics[f"{label}, least CPU s/m"] = min(s.cpu_s / s.metres for s in spent)
        metrics[f"{label}, peak MB"] = statistics.median(s.peak_mb for s in spent)
    for label in (name for name in runs if name.endswith(", composed")):
        pairs = list(zip(runs["published"], runs[label], strict=True))
        metrics[f"published over {label}, wall"] = statistics.median(
            p.wall_s / o.wall_s * o.metres / p.metres for p, o in pairs
        )
        metrics[f"published over {label}, CPU"] = statistics.median(
            p.cpu_s / o.cpu_s * o.metres / p.metres for p, o in pairs
        )
        # On a busy machine the fastest turn of each is the least disturbed.
        metrics[f"published over {label}, fastest wall of each"] = min(
            p.wall_s / p.metres for p, _ in pairs
        ) / min(o.wall_s / o.metres for _, o in pairs)
        metrics[f"published over {label}, least CPU of each"] = min(
            p.cpu_s / p.metres for p, _ in pairs
        ) / min(o.cpu_s / o.metres for _, o in pairs)
        metrics[f"{label} over published, memory"] = statistics.median(
            o.peak_mb / p.peak_mb for p, o in pairs
        )
    return metrics


def main() -> None:
    """Run each bundle by itself, then all together; or, composing, ours and the published."""
    if sys.argv[1:2] == ["--child"]:
        composed(sys.argv[2:])
        return
    parser = arguments(__doc__ or "")
    parser.add_argument("--length-cm", type=float, default=150.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--composition", action="store_true", help="compose, beside the published")
    parser.add_argument("--bundle", help="a name or folder; both networks, or HRNet to compose")
    options = parser.parse_args()
    if options.composition:
        bundle = options.bundle or NETWORKS[0]
        title = f"full chain with composition, {bundle}, 1 m at 200 px/cm x 1,400 px"
        report(title, compare(bundle, options.rounds), options.json)
        return
    alone = (options.bundle,) if options.bundle else NETWORKS
    metrics: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = write_section(folder / "inbox", length_cm=options.length_cm)
        runnable = [answering(one, folder) for one in alone]
        together = [tuple(runnable)] if len(runnable) > 1 else []
        for bundles in [(one,) for one in runnable] + together:
            speeds = []
            for number in range(options.rounds):
                place = folder / f"round-{number}"
                place.mkdir(exist_ok=True)
                speeds.append(metres_per_min(image, place, bundles))
            label = label_of(bundles)
            metrics[f"{label} m/min"] = sorted(wall for wall, _ in speeds)[len(speeds) // 2]
            metrics[f"{label} m per CPU min"] = sorted(c for _, c in speeds)[len(speeds) // 2]
    report("full chain without composition, 200 px/cm x 1,400 px", metrics, options.json)


if __name__ == "__main__":
    main()
