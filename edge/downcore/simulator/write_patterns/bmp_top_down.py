"""A BMP whose rows run from the core's top, written while the core passes."""

from collections.abc import Iterator

from downcore.simulator.bmp_file import bmp_header, bmp_rows
from downcore.simulator.writing import ScanJob, Step, WritePattern, append


def _write(job: ScanJob) -> Iterator[Step]:
    path, lines = job.file(".bmp"), job.lines
    with path.open(job.mode) as file:
        append(file, bmp_header(lines.n_lines, lines.n_across, is_bottom_up=False))
        yield Step(path, 0, "header written")
        for first, chunk in job.chunks():
            append(file, bmp_rows(chunk, is_bottom_up=False))
            n_scanned = first + len(chunk)
            yield Step(path, n_scanned, f"{n_scanned} lines written")
    yield Step(path, lines.n_lines, "closed")


PATTERN = WritePattern("bmp-top-down", "a BMP that grows from the core's top", _write)
