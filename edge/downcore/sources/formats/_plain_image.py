"""Image files of one section each, with scale and direction from the settings."""

from pathlib import Path

from downcore.ports import ScanLines
from downcore.sources.format import Reading, SegmentFormat, by_itself
from downcore.sources.readers.image import content_of, raster_of
from downcore.sources.readers.scan import scan_of


def plain_image_format(name: str, title: str, content: str) -> SegmentFormat:
    """
    Return the format of image files without a sidecar.

    Parameters
    ----------
    name, title : str
        As in :class:`SegmentFormat`.
    content : {"tiff", "png", "jpeg", "bmp"}
        Which image files, by their first bytes.
    """

    def claims(path: Path, head: bytes) -> bool:
        return content_of(path, head) == content

    def open_scan(paths: tuple[Path, ...], reading: Reading) -> ScanLines:
        (path,) = paths
        raster = raster_of(path, reading.limits, contents=frozenset({content}))
        return scan_of(raster, reading, format_name=name, place=path)

    return SegmentFormat(name, title, 90, claims, open_scan, by_itself)
