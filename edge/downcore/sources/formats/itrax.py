"""
Itrax folders: ``optical.tif`` or ``optical0.tif``, core top at the left, and ``document.txt``.

The image's length over the optical range gives its scale, provided that the step
size agrees. Where it does not, the image was cropped or resampled after the scan, and the
scale has to come from the settings.
"""

import re
from fractions import Fraction
from pathlib import Path

from downcore.ports import ScanLines
from downcore.sources.format import Reading, SegmentFormat, by_itself
from downcore.sources.formats._itrax_document import ItraxDocument, read_itrax_document
from downcore.sources.readers.image import content_of, raster_of
from downcore.sources.readers.scan import Sidecar, scan_of
from downcore.strata.errors import GrowingError, SegmentError

_DOCUMENT = "document.txt"
_NAME = re.compile(r"optical[ _-]?[0-9]{0,2}\.tiff?", re.IGNORECASE)
_CLOSE = Fraction(1, 100)


def _claims(path: Path, head: bytes) -> bool:
    return _NAME.fullmatch(path.name) is not None and content_of(path, head) == "tiff"


def _document_path(image: Path) -> Path | None:
    try:
        beside = [path for path in image.parent.iterdir() if path.name.lower() == _DOCUMENT]
    except OSError:
        return None
    return beside[0] if len(beside) == 1 else None


def _open(paths: tuple[Path, ...], reading: Reading) -> ScanLines:
    (path,) = paths
    if _NAME.fullmatch(path.name) is None:
        raise SegmentError(
            f"expected an image named optical.tif, got {path}; let another format read it"
        )
    raster = raster_of(path, reading.limits, contents=frozenset({"tiff"}))
    document = _document_path(path)
    todo = f"put {_DOCUMENT} beside it, or set px_per_cm for this scanner in an [[inbox.rule]]"
    try:
        sidecar = Sidecar(_DOCUMENT)
        if document is not None:
            sidecar, todo = _sidecar(read_itrax_document(document), raster.width)
    except SegmentError as error:
        may_still_come = reading.px_per_cm is None and isinstance(error, GrowingError)
        if may_still_come or (reading.px_per_cm or reading.px_per_cm_otherwise) is None:
            raster.close()
            raise
        sidecar = Sidecar("", warnings=(f"the document was not read: {error}",))
    return scan_of(
        raster,
        reading,
        format_name=FORMAT.name,
        place=path,
        default_top="left",
        sidecar=sidecar,
        todo=todo,
    )


def _sidecar(document: ItraxDocument, n_columns: int) -> tuple[Sidecar, str]:
    """Return the document's values as a sidecar, and what a person can do if it gives no scale."""
    px_per_cm: str | None = None
    warnings: tuple[str, ...] = ()
    todo = (
        f"{_DOCUMENT} gives no optical range; set px_per_cm for this scanner in an [[inbox.rule]]"
    )
    start, end = document.start_mm, document.end_mm
    if start is not None and end is not None and end <= start:
        todo = (
            f"{_DOCUMENT} has the optical range run back, from {float(start):g} to {float(end):g} "
            f"mm; set px_per_cm and top for this scanner"
        )
    # The camera goes along the bed from the core's top, or back to it.
    is_back = start is not None and end is not None and end < start
    if start is not None and end is not None and end > start:
        by_length = 10 * n_columns / (end - start)
        by_step = None if document.step_mm is None else 10 / document.step_mm
        # Without a step size, only a whole number of pixels a millimetre is accepted.
        nominal = by_step or Fraction(10 * max(round(by_length / 10), 1))
        if abs(by_length - nominal) <= nominal * _CLOSE:
            px_per_cm = str(by_length)
            if by_step is None:
                warnings = ("the scale rests on the image's length; no step size confirms it",)
        else:
            words = "no step size" if by_step is None else f"{float(by_step):g} by its step size"
            todo = (
                f"the image was cropped or resampled after the scan: {float(by_length):.4g} px/cm "
                f"by its length, {words}; set px_per_cm to the right one"
            )
            warnings = ("cropped or resampled after the scan: where it lies on the bed is lost",)
    sidecar = Sidecar(
        where=_DOCUMENT,
        px_per_cm=px_per_cm,
        core=document.core,
        section=document.section,
        top="right" if is_back else "left",
        warnings=warnings,
    )
    return sidecar, todo


FORMAT = SegmentFormat(
    name="itrax",
    title="Itrax optical image with document.txt",
    rank=20,
    claims=_claims,
    open=_open,
    grouping=by_itself,
)
