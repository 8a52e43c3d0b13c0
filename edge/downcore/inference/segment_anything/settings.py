"""Which regions Segment Anything is asked about, and which of its answers are believed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SegmentAnythingSettings:
    """What is asked and believed."""

    most_prompts: int = 16
    """Regions of a window that are asked about, the most doubtful first."""
    spread_in_noise: float = 2.0
    """A region is doubtful where its colours spread by more than so many times the noise."""
    contrast_in_noise: float = 2.5
    """Or where the step of colour over its edge is below so many times the noise."""
    least_share: float = 0.002
    """
    Least area of a region that is asked about, of a mask, and of what is cut off a region, as a
    share of the sediment.
    """
    most_share: float = 0.7
    """Largest area of a mask, as a share of the sediment."""
    least_overlap: float = 0.8
    """Least overlap with the truth that the network predicts of a mask that is believed."""
    least_stability: float = 0.9
    """Least overlap of a mask with itself where its threshold is moved by 1 up and down."""
