"""A number that somebody published, with its uncertainty and where it stands."""

import math
from dataclasses import dataclass

from downcore.strata.errors import EndMemberError

MAX_SHARE_SD = 10.0
"""Standard deviation of a channel, as a share of it, beyond which it is no colour."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number; its unit is that of the field that holds it."""

    value: float
    sd: float
    """Standard deviation, same unit, above 0."""
    source: str
    """Where the number stands; never empty."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and math.isfinite(self.sd)):
            raise EndMemberError(f"expected finite numbers, got {self.value} +- {self.sd}")
        if self.sd <= 0.0:
            raise EndMemberError(f"expected an sd above 0, got {self.sd}")
        if not self.source.strip():
            raise EndMemberError("expected a source: say where the number stands")

    def check_range(self, name: str, lowest: float, highest: float) -> None:
        """
        Check that the number is one that matter can have, in the unit of its field.

        Raises
        ------
        EndMemberError
            If it is not, or its standard deviation is above ``highest``.
        """
        if not lowest <= self.value <= highest:
            raise EndMemberError(
                f"expected {name} from {lowest:g} to {highest:g}, got {self.value:g}: is it in "
                "another unit?"
            )
        if self.sd > highest:
            raise EndMemberError(
                f"expected an sd of {name} up to {highest:g}, got {self.sd:g}: leave out what is "
                "not known"
            )


@dataclass(frozen=True, slots=True)
class Colour:
    """Reflectance in linear light, of the wet cut face."""

    linear_rgb: tuple[float, float, float]
    """Linear R, G, B under D65; above 0 and below 1."""
    share_sd: tuple[float, float, float]
    """Standard deviation of each as a share of it, above 0."""
    source: str
    """Where the colour stands; never empty."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(x) and 0.0 < x < 1.0 for x in self.linear_rgb):
            raise EndMemberError(
                f"expected a colour inside the gamut, above 0 and below 1 in linear light, got "
                f"{self.linear_rgb}"
            )
        if not all(math.isfinite(x) and x > 0.0 for x in self.share_sd):
            raise EndMemberError(f"expected an sd above 0 for each channel, got {self.share_sd}")
        if max(self.share_sd) > MAX_SHARE_SD:
            raise EndMemberError(
                f"expected an sd of each channel up to {MAX_SHARE_SD:g} times the channel in "
                f"linear light, got {max(self.share_sd):.3g} times: leave out a colour that is "
                "not known"
            )
        if not self.source.strip():
            raise EndMemberError("expected a source: say where the colour stands")
