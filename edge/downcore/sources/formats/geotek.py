"""Geotek Geoscan images: a TIFF or BMP for each section, and an XML file of the same name."""

from pathlib import Path

from downcore.ports import ScanLines
from downcore.sources.format import Reading, SegmentFormat, by_itself
from downcore.sources.formats._geotek_sidecar import (
    geotek_sidecar,
    geotek_sidecar_path,
    is_geotek_sidecar,
)
from downcore.sources.readers.image import content_of, raster_of
from downcore.sources.readers.scan import Sidecar, scan_of
from downcore.strata.errors import GrowingError, SegmentError

__all__ = ["FORMAT", "geotek_sidecar"]

_CONTENTS = frozenset({"tiff", "bmp"})


def _claims(path: Path, head: bytes) -> bool:
    if content_of(path, head) not in _CONTENTS:
        return False
    sidecar = geotek_sidecar_path(path)
    return sidecar is not None and is_geotek_sidecar(sidecar)


def _open(paths: tuple[Path, ...], reading: Reading) -> ScanLines:
    (path,) = paths
    beside = geotek_sidecar_path(path)
    if beside is None:
        raise SegmentError(
            f"expected {path.stem}.xml beside the image, got none: {path}; put it there"
        )
    raster = raster_of(path, reading.limits, contents=_CONTENTS)
    try:
        sidecar = geotek_sidecar(beside, raster.height)
    except SegmentError as error:
        may_still_come = reading.px_per_cm is None and isinstance(error, GrowingError)
        if may_still_come or (reading.px_per_cm or reading.px_per_cm_otherwise) is None:
            raster.close()
            raise
        # The settings know the scale, so the section need not wait for its sidecar.
        sidecar = Sidecar("", warnings=(f"the sidecar was not read: {error}",))
    todo = (
        f"let {path.stem}.xml say pixels-per-CM, or set px_per_cm for this scanner in an "
        "[[inbox.rule]]"
    )
    return scan_of(raster, reading, format_name=FORMAT.name, place=path, sidecar=sidecar, todo=todo)


FORMAT = SegmentFormat(
    name="geotek",
    title="Geotek line scan with XML sidecar",
    rank=10,
    claims=_claims,
    open=_open,
    grouping=by_itself,
    names_sections=True,
)
