"""
Depth down a section, in whole micrometres, and its scan lines.

Depth inside the program is an ``int`` of micrometres from the section's top;
metres and centimetres appear only where a person reads or writes them.
"""

from dataclasses import dataclass
from fractions import Fraction

SLICE_UM = 10_000
"""Length of one slice, 1 cm, in micrometres."""

MIN_PX_PER_CM = 1
MAX_PX_PER_CM = 2_000


@dataclass(frozen=True, slots=True)
class LineScale:
    """
    How scan lines lie along the core: line ``k`` covers depth from ``k`` to ``k + 1`` pitches.

    Slice ``i`` ends at the first line that starts at or past ``(i + 1)`` cm, worked
    out from ``i`` and never summed, so a centimetre need not be a whole number of lines.
    """

    px_per_cm: Fraction
    """Scan lines per centimetre of core, exact; 1 to 2,000."""

    def __post_init__(self) -> None:
        if not MIN_PX_PER_CM <= self.px_per_cm <= MAX_PX_PER_CM:
            raise ValueError(
                f"expected {MIN_PX_PER_CM} to {MAX_PX_PER_CM} pixels per centimetre, "
                f"got {float(self.px_per_cm):g}"
            )

    @classmethod
    def of(cls, px_per_cm: float | str | Fraction) -> "LineScale":
        """
        Return the scale of a number as a person wrote it, ``1.34`` meaning exactly 134/100.

        Raises
        ------
        ValueError
            If it is not a number from 1 to 2,000.
        """
        return cls(Fraction(str(px_per_cm)))

    def first_line_of_slice(self, index: int) -> int:
        """Return the first scan line of slice ``index``."""
        ratio = self.px_per_cm * index
        return -(-ratio.numerator // ratio.denominator)

    def slice_of_line(self, line: int) -> int:
        """Return the slice in which scan line ``line`` starts."""
        ratio = line / self.px_per_cm
        return ratio.numerator // ratio.denominator

    def depth_um(self, line: int) -> int:
        """Return the depth at which scan line ``line`` starts, rounded to a whole micrometre."""
        return round(Fraction(line * SLICE_UM) / self.px_per_cm)

    def lines_in(self, length_um: int) -> int:
        """Return how many lines cover at least ``length_um``; 0 for 0."""
        ratio = self.px_per_cm * length_um / SLICE_UM
        return -(-ratio.numerator // ratio.denominator)

    def n_slices(self, n_lines: int) -> int:
        """Return how many slices ``n_lines`` lines make, a short last one included."""
        return 0 if n_lines <= 0 else self.slice_of_line(n_lines - 1) + 1
