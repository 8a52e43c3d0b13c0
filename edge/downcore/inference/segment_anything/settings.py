"""Which regions Segment Anything is asked about, and which of its answers are believed."""

from dataclasses import dataclass

_MAX_PROMPTS = 1_024


@dataclass(frozen=True, slots=True)
class SegmentAnythingSettings:
    """What is asked and believed; ``ValueError`` where a value cannot be used."""

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

    def __post_init__(self) -> None:
        n = self.most_prompts
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= _MAX_PROMPTS:
            raise ValueError(f"expected most_prompts of 1 to {_MAX_PROMPTS}, got {n!r}")
        for name in ("spread_in_noise", "contrast_in_noise"):
            _check(name, getattr(self, name), 0.0, 1_000.0)
        for name in ("least_share", "most_share", "least_overlap", "least_stability"):
            _check(name, getattr(self, name), 0.0, 1.0)
        if self.least_share > self.most_share:
            raise ValueError(
                f"expected least_share up to most_share {self.most_share}, got {self.least_share}"
            )


def _check(name: str, value: float, least: float, most: float) -> None:
    # A NaN lies nowhere.
    if not least <= value <= most:
        raise ValueError(f"expected {name} of {least:g} to {most:g}, got {value}")
