"""A TIFF whose index is written last, so that nothing can be read before it is whole."""

from collections.abc import Iterator

from downcore.simulator.write_patterns.growing_tiff import grow_tiff
from downcore.simulator.writing import ScanJob, Step, WritePattern


def _write(job: ScanJob) -> Iterator[Step]:
    return grow_tiff(job, is_index_first=False)


PATTERN = WritePattern("index-last-tiff", "a TIFF that grows, index last", _write)
