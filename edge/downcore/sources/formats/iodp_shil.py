"""
IODP section-half images (SHIL), recognised by names such as ``379-U1533B-12H-3-A``.

The imager takes 20 lines a millimetre, but published images are often reduced in size without
a note in the file, so the scale comes from the settings.
"""

import re
from pathlib import Path

from downcore.ports import ScanLines
from downcore.sources.format import Reading, SegmentFormat, by_itself
from downcore.sources.readers.image import is_image, raster_of
from downcore.sources.readers.scan import Sidecar, scan_of
from downcore.strata.errors import SegmentError

_NAME = re.compile(
    r"(?P<core>\d{3}[A-Z]?-[A-Z]\d{4}[A-Z]-\d{1,3}[A-Z])-(?P<section>\d{1,2}|CC)(?:-[AW])?(?![A-Z0-9])",
    re.IGNORECASE,
)


def _claims(path: Path, head: bytes) -> bool:
    return _NAME.match(path.name) is not None and is_image(path, head)


def _open(paths: tuple[Path, ...], reading: Reading) -> ScanLines:
    (path,) = paths
    found = _NAME.match(path.name)
    if found is None:
        raise SegmentError(f"expected a name like 379-U1533B-12H-3-A, got {path.name}; rename it")
    return scan_of(
        raster_of(path, reading.limits),
        reading,
        format_name=FORMAT.name,
        place=path,
        sidecar=Sidecar(
            "its name",
            core=found["core"],
            section=found["section"],
        ),
        todo="set px_per_cm: 200 for originals of the imager, less where they were reduced",
    )


FORMAT = SegmentFormat(
    name="iodp_shil",
    title="IODP section-half image",
    rank=30,
    claims=_claims,
    open=_open,
    grouping=by_itself,
)
