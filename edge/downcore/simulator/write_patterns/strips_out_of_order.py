"""Numbered strip files of one section, which arrive in another order than they were scanned."""

from collections.abc import Iterator

from downcore.simulator.tiff_file import TiffFile
from downcore.simulator.writing import ScanJob, Step, WritePattern

ORDER = (2, 0, 3, 1)
"""How each four strips come."""


def _write(job: ScanJob) -> Iterator[Step]:
    starts = range(0, job.lines.n_lines, job.lines_per_step)
    shuffled = [
        group + place
        for group in range(0, len(starts), len(ORDER))
        for place in ORDER
        if group + place < len(starts)
    ]
    n_scanned = 0
    for number in shuffled:
        n_lines = min(job.lines_per_step, job.lines.n_lines - starts[number])
        lines = job.lines.lines(starts[number], n_lines)
        tiff = TiffFile(n_lines, job.lines.n_across, n_lines)
        path = job.file(f"_strip_{number + 1:04d}.tif")
        with path.open(job.mode) as file:
            file.write(tiff.header() + tiff.index() + lines.tobytes())
        n_scanned = max(n_scanned, starts[number] + n_lines)
        yield Step(path, n_scanned, f"strip {number + 1} of {len(starts)}")


PATTERN = WritePattern("strips-out-of-order", "numbered strip files, out of order", _write)
