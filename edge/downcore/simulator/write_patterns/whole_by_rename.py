"""A section that is written under a temporary name and renamed when it is whole."""

from collections.abc import Iterator

from downcore.simulator.tiff_file import TiffFile, tiff_parts
from downcore.simulator.writing import ScanJob, Step, WritePattern, append


def _write(job: ScanJob) -> Iterator[Step]:
    temporary, final = job.file(".tif.part"), job.file(".tif")
    with temporary.open(job.mode) as file:
        for n_scanned, part in tiff_parts(job, TiffFile.of(job)):
            append(file, part)
            yield Step(temporary, n_scanned, f"{n_scanned} lines under a temporary name")
    if final.exists() and not job.may_replace:
        raise FileExistsError(f"expected no file of this name, got {final}; choose another name")
    temporary.rename(final)
    yield Step(final, job.lines.n_lines, "renamed into place")


PATTERN = WritePattern("whole-by-rename", "a whole TIFF, renamed into place", _write)
