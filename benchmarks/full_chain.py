"""
The full chain without composition: file to stored rows, in metres of core a minute.

A simulated section at 200 px/cm, 1,400 px across, every tile of the width predicted.
The time is that of ``downcore process`` without its start: reading, masking,
predicting and committing.
"""

import tempfile
import time
from pathlib import Path

from reporting import arguments, report
from sections import PX_PER_CM, write_section

from downcore.clock import SystemClock
from downcore.service.batch import SLICES_PER_STEP, candidate_of
from downcore.service.journey import Journey, Outcome
from downcore.service.opening import open_station
from downcore.settings import load_settings


def metres_per_min(image: Path, folder: Path, bundles: tuple[str, ...]) -> tuple[float, float]:
    """Return metres of core a minute by the wall clock and by CPU time of one core."""
    settings = load_settings(
        None,
        inbox={"path": folder, "px_per_cm": str(PX_PER_CM), "settle_s": 0, "give_up_s": 0},
        predict={"bundles": bundles, "mode": "backlog"},
        store={"path": folder / f"{'-'.join(bundles) or 'none'}.db"},
    )
    with open_station(
        settings, clock=SystemClock(), announce=None, slices_per_step=SLICES_PER_STEP
    ) as station:
        candidate = candidate_of(image)
        if isinstance(candidate, str):
            raise SystemExit(candidate)
        journey = Journey(station, candidate)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        while journey.step(candidate, is_closed=True) is Outcome.MORE:
            pass
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        metres = journey.n_slices / 100
    return 60 * metres / wall_s, 60 * metres / cpu_s


def main() -> None:
    """Run each network by itself, then both together."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--length-cm", type=float, default=150.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    networks = ("hrnet-deeplabv3plus", "resnet-18")
    metrics: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = write_section(folder / "inbox", length_cm=options.length_cm)
        for bundles in [(one,) for one in networks] + [networks]:
            speeds = []
            for number in range(options.rounds):
                place = folder / f"round-{number}"
                place.mkdir(exist_ok=True)
                speeds.append(metres_per_min(image, place, bundles))
            label = "+".join(bundles)
            metrics[f"{label} m/min"] = sorted(wall for wall, _ in speeds)[len(speeds) // 2]
            metrics[f"{label} m per CPU min"] = sorted(c for _, c in speeds)[len(speeds) // 2]
    report("full chain without composition, 200 px/cm x 1,400 px", metrics, options.json)


if __name__ == "__main__":
    main()
