"""
What the scanner writes: formats, readers of image files, and the inbox they lie in.

``formats`` holds one module for each scanner format; ``readers`` read TIFF, BMP, PNG, JPEG and raw
images line by line, growing or finished; ``inbox`` lists the files, groups them into scans and
decides when a scan is complete. The inbox knows the formats, these know the readers, never the
other way round.
"""

from downcore.sources.format import Limits, Reading, SegmentFormat
from downcore.sources.formats import (
    format_of,
    formats,
    geotek_sidecar_path,
    head_of,
    read_geotek_tags,
)
from downcore.sources.inbox.listing import is_not_yet
from downcore.sources.inbox.section_names import SectionName, section_name

__all__ = [
    "Limits",
    "Reading",
    "SectionName",
    "SegmentFormat",
    "format_of",
    "formats",
    "geotek_sidecar_path",
    "head_of",
    "is_not_yet",
    "read_geotek_tags",
    "section_name",
]
