"""A TIFF that has its full size from the start, with zeros where nothing was scanned yet."""

from collections.abc import Iterator

from downcore.simulator.tiff_file import TiffFile
from downcore.simulator.writing import ScanJob, Step, WritePattern, append


def _write(job: ScanJob) -> Iterator[Step]:
    path, tiff = job.file(".tif"), TiffFile.of(job)
    with path.open(job.mode) as file:
        append(file, tiff.header() + tiff.index())
        file.truncate(tiff.n_bytes)
        yield Step(path, 0, "full size, no line written")
        for first, lines in job.chunks():
            append(file, lines)
            n_scanned = first + len(lines)
            yield Step(path, n_scanned, f"{n_scanned} lines written")
    yield Step(path, job.lines.n_lines, "closed")


PATTERN = WritePattern("preallocated-tiff", "a TIFF of full size, filled in from the top", _write)
