"""The colour profile of a slice as it is kept: what a site is learned from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.flat_field import Lighting
from downcore.strata.window_profile import N_COLUMNS

N_NUMBERS = N_COLUMNS + 4
"""Profile, weight, and the three counts of the white board."""

BYTES = 4 * N_NUMBERS
"""Of one slice in the store."""


@dataclass(frozen=True, slots=True, eq=False)
class SliceProfile:
    """One centimetre."""

    index: int
    """Which centimetre, counted from the section's top."""
    numbers: NDArray[np.float32]
    """Shape (12,), see :data:`N_NUMBERS`; the board NaN where none was seen in this slice."""

    @property
    def columns(self) -> NDArray[np.float32]:
        """The profile, shape (8,)."""
        return self.numbers[:N_COLUMNS]

    @property
    def weight(self) -> float:
        """0 without sediment, to 1."""
        return float(self.numbers[N_COLUMNS])

    @property
    def board(self) -> NDArray[np.float32]:
        """Median sRGB counts of the white board, shape (3,); NaN without."""
        return self.numbers[N_COLUMNS + 1 :]


def slice_profile_of(
    index: int, profile: NDArray[np.float64], weight: float, lighting: Lighting
) -> SliceProfile:
    """Return the profile of a slice; a board that is held from a slice above does not count."""
    counts = None if lighting.is_held else lighting.board_counts
    board = (np.nan,) * 3 if counts is None else counts
    return SliceProfile(index, np.array([*profile, weight, *board], np.float32))


def packed_profiles(profiles: list[SliceProfile]) -> bytes:
    """Return consecutive slices as little-endian 32-bit numbers."""
    return b"".join(one.numbers.astype("<f4").tobytes() for one in profiles)


def unpacked_profiles(first_slice: int, content: bytes) -> list[SliceProfile]:
    """
    Return the slices that :func:`packed_profiles` packed.

    Raises
    ------
    ValueError
        If the content is not a whole number of slices.
    """
    numbers = np.frombuffer(content, "<f4").astype(np.float32)
    if len(content) % BYTES:
        raise ValueError(f"expected a multiple of {BYTES} bytes, got {len(content)}")
    rows = numbers.reshape(-1, N_NUMBERS)
    return [SliceProfile(first_slice + i, row) for i, row in enumerate(rows)]
