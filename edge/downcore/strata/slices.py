"""One centimetre of core: colour, class fractions and flags, measured before any prediction."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour import lab_of_linear, linear_of_counts
from downcore.strata.depth import SLICE_UM, LineScale
from downcore.strata.mask.classes import MaskClass
from downcore.strata.quality import flags_of
from downcore.strata.segment import Pixels

_COLOUR_PX_PER_CM = 25.0


@dataclass(frozen=True, slots=True)
class SliceColour:
    """Colour of the sediment in a slice, CIE L*a*b* under D65."""

    lab_mean: tuple[float, float, float]
    """L* 0 to 100, a* and b* about -128 to 127."""
    lab_sd: tuple[float, float, float]
    """Standard deviation over the slice's sediment pixels, same scales."""
    linear_rgb_mean: tuple[float, float, float]
    """Mean of the channels in linear light, 0 to 1."""


@dataclass(frozen=True, slots=True)
class CoreSlice:
    """One centimetre of core, the unit of every result."""

    index: int
    """Which centimetre, counted from the section's top."""
    first_line: int
    """Scan line at which it starts."""
    n_lines: int
    """Its scan lines; the last slice of a section may have fewer than a full centimetre."""
    top_um: int
    """Depth of its top below the section's top."""
    bottom_um: int
    """Depth of its bottom below the section's top."""
    class_fractions: tuple[float, ...]
    """Share of pixels in each :class:`MaskClass`, in its order; sums to 1."""
    colour: SliceColour | None
    """``None`` where no pixel is sediment."""
    flags: tuple[str, ...]
    """Quality flags from :mod:`downcore.strata.quality`; may be empty."""

    @property
    def valid_fraction(self) -> float:
        """Share of the core's own pixels that are sediment, 0 to 1; 0 where there is no core."""
        core = 1.0 - self.class_fractions[MaskClass.OUTSIDE] - self.class_fractions[MaskClass.TRAY]
        # The fractions are rounded one by one, so their ratio may pass 1 by a hair.
        return min(self.class_fractions[MaskClass.SEDIMENT] / core, 1.0) if core > 0.0 else 0.0


def measure_slice(
    lines: Pixels, classes: NDArray[np.uint8], scale: LineScale, index: int, first_line: int
) -> CoreSlice:
    """
    Measure one centimetre of core.

    Colour is taken from every pixel of sediment up to about 25 px/cm, and from a
    regular grid of pixels of that pitch on finer scans.

    Parameters
    ----------
    lines : ndarray, shape (n_lines, n_across, 3)
        The slice's own scan lines, 8 or 16 bit.
    classes : ndarray, shape (n_lines, n_across)
        Its mask, values of :class:`MaskClass`.
    scale : LineScale
        Lines per centimetre.
    index : int
        Which centimetre.
    first_line : int
        Scan line at which it starts.

    Returns
    -------
    CoreSlice

    Raises
    ------
    ValueError
        If ``lines`` and ``classes`` differ in size or hold no pixel.
    """
    if lines.shape[:2] != classes.shape or not classes.size:
        raise ValueError(
            f"expected a mask of the size of the lines, {lines.shape[:2]}, got {classes.shape}"
        )
    n_lines = lines.shape[0]
    fractions = _class_fractions(classes)
    step = max(1, round(float(scale.px_per_cm) / _COLOUR_PX_PER_CM))
    # A short last slice and a scan of a few pixels are measured too.
    first, left = (min(step // 2, n - 1) for n in classes.shape)
    some = (slice(first, None, step), slice(left, None, step))
    pixels = lines[some][classes[some] == int(MaskClass.SEDIMENT)]
    colour = _colour_of(pixels)
    next_first = scale.first_line_of_slice(index + 1)
    is_short = first_line + n_lines < next_first
    return CoreSlice(
        index=index,
        first_line=first_line,
        n_lines=n_lines,
        top_um=index * SLICE_UM,
        bottom_um=scale.depth_um(first_line + n_lines) if is_short else (index + 1) * SLICE_UM,
        class_fractions=fractions,
        colour=colour,
        flags=flags_of(
            fractions,
            is_short=is_short,
            px_per_cm=float(scale.px_per_cm),
            lightness=None if colour is None else colour.lab_mean[0],
            saturated_fraction=_saturated_fraction(pixels),
        ),
    )


def _class_fractions(classes: NDArray[np.uint8]) -> tuple[float, ...]:
    """Return the share of each class."""
    counts: list[int] = []
    n_left = classes.size
    for k in MaskClass:
        # Pixels are not counted once all have been found. As a plain number: compared with a
        # member of an enumeration, the classes would be converted to long integers.
        counts.append(int(np.count_nonzero(classes == int(k))) if n_left else 0)
        n_left -= counts[-1]
    return tuple(count / classes.size for count in counts)


def _colour_of(pixels: Pixels) -> SliceColour | None:
    """Return the colour of ``pixels``, shape (n, 3); ``None`` where there is none."""
    if not pixels.size:
        return None
    linear = linear_of_counts(pixels)
    lab = lab_of_linear(linear).T.astype(np.float64)
    n = len(pixels)
    mean = _sums(lab) / n
    apart = lab - mean[:, None]
    return SliceColour(
        lab_mean=_triple(mean),
        lab_sd=_triple(np.sqrt(_sums(apart * apart) / n)),
        linear_rgb_mean=_triple(_sums(linear.T.astype(np.float64)) / n),
    )


def _sums(channels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each row, added up from the first to the last number."""
    total: NDArray[np.float64] = np.add.accumulate(channels, axis=1)[:, -1]
    return total


def _triple(row: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(row[0]), float(row[1]), float(row[2])


def _saturated_fraction(pixels: Pixels) -> float:
    if not pixels.size:
        return 0.0
    highest = np.iinfo(pixels.dtype).max
    # The last two of 256 counts are taken as the end of the range, since encoding and cameras
    # round.
    red, green, blue = np.ascontiguousarray(pixels.T)
    brightest = np.maximum(np.maximum(red, green), blue)
    return float(np.mean(brightest >= highest - highest // 128))
