"""A TIFF whose index comes first and whose strips are appended while the core passes."""

from collections.abc import Iterator

from downcore.simulator.tiff_file import TiffFile, tiff_parts
from downcore.simulator.writing import ScanJob, Step, WritePattern, append


def grow_tiff(job: ScanJob, *, is_index_first: bool) -> Iterator[Step]:
    """Append to a TIFF step by step, and close it."""
    path = job.file(".tif")
    with path.open(job.mode) as file:
        for n_scanned, part in tiff_parts(job, TiffFile.of(job, is_index_first=is_index_first)):
            append(file, part)
            yield Step(path, n_scanned, f"{n_scanned} lines written")
    yield Step(path, job.lines.n_lines, "closed")


def _write(job: ScanJob) -> Iterator[Step]:
    return grow_tiff(job, is_index_first=True)


PATTERN = WritePattern("growing-tiff", "a TIFF that grows, index first", _write)
