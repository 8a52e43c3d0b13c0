"""
Segment Anything as a way of refining regions: the device's side, on OpenVINO.

The bundle is made by ``downcore segment-anything`` from a checkpoint that the user supplies;
none is shipped.
"""

from downcore.inference.segment_anything.loading import (
    SegmentAnythingBundle,
    load_segment_anything,
)
from downcore.inference.segment_anything.refiner import (
    SegmentAnythingRefiner,
    open_segment_anything,
)
from downcore.inference.segment_anything.settings import SegmentAnythingSettings

__all__ = [
    "SegmentAnythingBundle",
    "SegmentAnythingRefiner",
    "SegmentAnythingSettings",
    "load_segment_anything",
    "open_segment_anything",
]
