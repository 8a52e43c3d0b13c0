"""Linear light as a camera writes it."""

import numpy as np
from numpy.typing import NDArray


def counts_of_linear(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return linear light as sRGB counts of 8 bit, rounded; light outside 0 to 1 is clipped."""
    light = np.clip(np.asarray(linear, np.float64), 0.0, 1.0)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1.0 / 2.4) - 0.055)
    return np.rint(255.0 * encoded).astype(np.uint8)
