"""A copy that breaks off in the middle of a strip, is left so, and is completed later."""

from collections.abc import Iterator

from downcore.simulator.tiff_file import TiffFile, tiff_parts
from downcore.simulator.writing import ScanJob, Step, WritePattern, append

BREAKS_AT = 0.6
"""Share of the file that is there when the copy breaks off."""


def _write(job: ScanJob) -> Iterator[Step]:
    path, tiff = job.file(".tif"), TiffFile.of(job)
    done, is_broken = 0, False
    # Never at the end of a strip, for that would be the easy case.
    breaks_at = int(tiff.n_bytes * BREAKS_AT) // 2 * 2 + 1
    file = path.open(job.mode)
    try:
        for n_scanned, part in tiff_parts(job, tiff):
            if not is_broken and done + len(part) > breaks_at:
                append(file, part[: breaks_at - done])
                file.close()
                is_broken = True
                yield Step(path, n_scanned, f"broke off after {breaks_at} of {tiff.n_bytes} bytes")
                file = path.open("ab")
                append(file, part[breaks_at - done :])
            else:
                append(file, part)
            done += len(part)
            yield Step(path, n_scanned, f"{done} of {tiff.n_bytes} bytes copied")
    finally:
        file.close()
    yield Step(path, job.lines.n_lines, "closed")


PATTERN = WritePattern(
    "truncated-then-completed", "a copy that breaks off and is completed", _write
)
