"""The product: one row for each centimetre, each value with its interval, status and origin."""

import enum
import math
from dataclasses import dataclass

from downcore.strata.slices import CoreSlice


class Status(enum.StrEnum):
    """Origin of a value; values of different status are never mixed without saying so."""

    MEASURED = "measured"
    PREDICTED = "predicted"
    FILLED = "filled"
    MASKED = "masked"
    ABSTAINED = "abstained"


HAS_VALUE = frozenset({Status.MEASURED, Status.PREDICTED, Status.FILLED})
"""Statuses that come with a value; the others have ``None``."""


FORCED = "forced: "
"""Begins the reason of a value predicted only because low resolution is allowed."""

TOO_COARSE = "scan has "
"""Begins the reason of a bundle that did not look at a scan, for want of resolution."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One property of one slice."""

    property: str
    """``density`` (g/cm3), ``vp`` (m/s) or ``ms`` (1e-5 SI, volume)."""

    value: float | None
    """In the property's unit; ``None`` where the status has no value."""

    lower: float | None
    """Lower end of the 90 % interval, same unit; ``None`` where there is no value."""

    upper: float | None
    """Upper end of the 90 % interval, same unit; ``None`` where there is no value."""

    status: Status

    reason: str
    """Why there is no value, or a warning about it; empty without either."""

    bundle_id: str
    """Identity of the bundle that made the value; empty only for ``measured``."""

    heterogeneity: float | None = None
    """One standard deviation of the property inside the slice, same unit as ``value``, 0 or more;
    ``None`` where the network does not report it or there is no value."""

    def __post_init__(self) -> None:
        if self.heterogeneity is not None and self.heterogeneity < 0.0:
            raise ValueError(f"expected a heterogeneity of 0 or more, got {self.heterogeneity}")
        numbers = (self.value, self.lower, self.upper, self.heterogeneity)
        if self.status in HAS_VALUE:
            if self.value is None or not all(x is None or math.isfinite(x) for x in numbers):
                raise ValueError(f"expected finite numbers for {self.status}, got {numbers}")
            if self.lower is not None and self.upper is not None and self.lower > self.upper:
                raise ValueError(f"expected lower <= upper, got {self.lower} > {self.upper}")
        elif any(x is not None for x in numbers):
            raise ValueError(f"expected no numbers for {self.status}, got {numbers}")
        elif not self.reason:
            raise ValueError(f"expected a reason for {self.status}, got none")


def why_forced(estimate: Estimate) -> str:
    """Return why a value was predicted only because low resolution is allowed; empty if not so."""
    said = estimate.reason.split("; ") if estimate.status is Status.PREDICTED else []
    return next((part for part in said if part.startswith(FORCED)), "")


def is_too_coarse(estimate: Estimate) -> bool:
    """Return whether a bundle did not look at the slice, for want of resolution."""
    return estimate.status is Status.ABSTAINED and estimate.reason.startswith(TOO_COARSE)


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One centimetre of the depth log."""

    core_slice: CoreSlice
    estimates: tuple[Estimate, ...]
    """One for each property and bundle."""
