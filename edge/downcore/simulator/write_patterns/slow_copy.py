"""A copy over a thin link: blocks come in bursts, cut anywhere, and the time stamp jumps."""

import itertools
import os
from collections.abc import Iterator

from downcore.simulator.tiff_file import TiffFile, tiff_parts
from downcore.simulator.writing import ScanJob, Step, WritePattern, append

BLOCK_BYTES = 4096
BURSTS = (1, 7, 2, 16, 3)
"""Blocks in each burst, over and over."""

TAKEN_NS = 1_000_000_000 * 10**9
"""Time stamp of the file that is copied, which the copying program gives to the copy."""


def _write(job: ScanJob) -> Iterator[Step]:
    path, tiff = job.file(".tif"), TiffFile.of(job)
    bursts, waiting, done = itertools.cycle(BURSTS), bytearray(), 0
    burst = next(bursts) * BLOCK_BYTES
    with path.open(job.mode) as file:
        for n_scanned, part in tiff_parts(job, tiff):
            waiting += part
            while len(waiting) >= burst:
                append(file, bytes(waiting[:burst]))
                del waiting[:burst]
                done += burst
                yield Step(path, n_scanned, f"{done} of {tiff.n_bytes} bytes copied")
                os.utime(path, ns=(TAKEN_NS, TAKEN_NS))
                yield Step(path, n_scanned, "time stamp set back")
                burst = next(bursts) * BLOCK_BYTES
        append(file, bytes(waiting))
        yield Step(path, job.lines.n_lines, f"{tiff.n_bytes} of {tiff.n_bytes} bytes copied")
    os.utime(path, ns=(TAKEN_NS, TAKEN_NS))
    yield Step(path, job.lines.n_lines, "closed, time stamp set back")


PATTERN = WritePattern("slow-copy", "a copy over a network share, in bursts", _write)
