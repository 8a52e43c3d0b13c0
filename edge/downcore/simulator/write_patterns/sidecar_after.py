"""A logger that writes the image, and the XML when the section is through."""

from collections.abc import Iterator

from downcore.simulator.sidecar_file import geotek_xml
from downcore.simulator.write_patterns.growing_tiff import grow_tiff
from downcore.simulator.writing import ScanJob, Step, WritePattern


def _write(job: ScanJob) -> Iterator[Step]:
    yield from grow_tiff(job, is_index_first=True)
    path = job.file(".xml")
    with path.open(job.mode) as file:
        file.write(geotek_xml(job))
    yield Step(path, job.lines.n_lines, "sidecar written")


PATTERN = WritePattern("sidecar-after", "a TIFF, then its Geotek XML", _write)
