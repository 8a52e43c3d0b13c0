"""Peak memory of ``downcore process`` on a section of 1 m and on one of 10 m."""

import subprocess
import sys
import tempfile
from pathlib import Path

from reporting import arguments, report
from sections import PX_PER_CM, write_section

CHILD = """
import resource
from downcore.cli import main
try:
    main()
finally:
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("peak_kib", peak_kib, flush=True)
"""


def peak_mb(image: Path, db: Path, bundle: str) -> float:
    """Return the largest resident size of a run over ``image``, in MB."""
    command = [sys.executable, "-c", CHILD, "process", str(image), "--px-per-cm", str(PX_PER_CM)]
    command += ["--top", "up", "--db", str(db), "--bundle", bundle]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = next(text for text in done.stdout.splitlines() if text.startswith("peak_kib"))
    return int(line.split()[1]) * 1024 / 1e6


def main() -> None:
    """Measure both lengths and their difference."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--bundle", default="resnet-18")
    options = parser.parse_args()
    metrics: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for metres in (1, 10):
            image = write_section(folder / f"{metres}m", length_cm=100.0 * metres)
            peak = peak_mb(image, folder / f"{metres}m.db", options.bundle)
            metrics[f"peak RSS of {metres} m, MB"] = peak
    metrics["10 m minus 1 m, MB"] = metrics["peak RSS of 10 m, MB"] - metrics["peak RSS of 1 m, MB"]
    report("memory of downcore process, 200 px/cm x 1,400 px", metrics, options.json)


if __name__ == "__main__":
    main()
