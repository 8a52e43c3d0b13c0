"""TIFF images of one section each, with scale and direction from the settings."""

from pathlib import Path

from downcore.ports import ScanLines
from downcore.sources.format import Reading, SegmentFormat, by_itself
from downcore.sources.readers.image import content_of, raster_of
from downcore.sources.readers.scan import scan_of


def _claims(path: Path, head: bytes) -> bool:
    return content_of(path, head) == "tiff"


def _open(paths: tuple[Path, ...], reading: Reading) -> ScanLines:
    (path,) = paths
    raster = raster_of(path, reading.limits, contents=frozenset({"tiff"}))
    return scan_of(raster, reading, format_name=FORMAT.name, place=path)


FORMAT = SegmentFormat(
    name="plain_tiff",
    title="TIFF image",
    rank=90,
    claims=_claims,
    open=_open,
    grouping=by_itself,
)
