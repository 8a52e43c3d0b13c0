"""A logger that writes the XML when the section starts, and then the image."""

from collections.abc import Iterator

from downcore.simulator.sidecar_file import geotek_xml
from downcore.simulator.write_patterns.growing_tiff import grow_tiff
from downcore.simulator.writing import ScanJob, Step, WritePattern


def _write(job: ScanJob) -> Iterator[Step]:
    path = job.file(".xml")
    with path.open(job.mode) as file:
        file.write(geotek_xml(job))
    yield Step(path, 0, "sidecar written")
    yield from grow_tiff(job, is_index_first=True)


PATTERN = WritePattern("sidecar-before", "a Geotek XML, then its TIFF", _write)
