"""A BMP of the usual kind, whose last scan line comes first, written when all were scanned."""

from collections.abc import Iterator

from downcore.simulator.bmp_file import bmp_header, bmp_rows
from downcore.simulator.writing import ScanJob, Step, WritePattern, append


def _write(job: ScanJob) -> Iterator[Step]:
    path, n_lines = job.file(".bmp"), job.lines.n_lines
    with path.open(job.mode) as file:
        append(file, bmp_header(n_lines, job.lines.n_across, is_bottom_up=True))
        yield Step(path, 0, "header written")
        for end in range(n_lines, 0, -job.lines_per_step):
            first = max(end - job.lines_per_step, 0)
            append(file, bmp_rows(job.lines.lines(first, end - first), is_bottom_up=True))
            yield Step(path, n_lines, f"{n_lines - first} lines written, from the core's end")
    yield Step(path, n_lines, "closed")


PATTERN = WritePattern("bmp-bottom-up", "a BMP, last scan line first", _write)
