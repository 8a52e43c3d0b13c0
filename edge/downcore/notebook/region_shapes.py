"""The shapes of a section's regions, measured by scikit-image on the pictures of the record."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from downcore.composing.label_png import label_strip
from downcore.notebook.tables import needed
from downcore.strata.composed import ComposedSlice

if TYPE_CHECKING:
    import pandas as pd

_MM_PER_CM = 10.0

_MEASURES = {
    "label": "label",
    "centroid-0": "depth (cm)",
    "centroid-1": "across (cm)",
    "bbox-0": "top (cm)",
    "bbox-2": "bottom (cm)",
    "area": "area (mm2)",
    "feret_diameter_max": "length (mm)",
    "axis_major_length": "longer axis (mm)",
    "axis_minor_length": "shorter axis (mm)",
    "orientation": "orientation (deg)",
    "eccentricity": "eccentricity",
    "solidity": "solidity",
    "perimeter_crofton": "perimeter (mm)",
    "euler_number": "euler number",
}
"""Measures of ``skimage.measure.regionprops`` and the columns of ``downcore compose --regions``."""


def region_shapes(slices: Sequence[ComposedSlice]) -> "pd.DataFrame":
    """
    Return a row for each region of a section.

    Parameters
    ----------
    slices : sequence of ComposedSlice
        From the section's top, each with a picture of its labels.

    Returns
    -------
    pandas.DataFrame
        Without a row where there are no slices, or one of them has no picture.

    Raises
    ------
    ModuleNotFoundError
        If scikit-image or pandas is not installed; says with which command it can be.
    """
    pandas, skimage = needed("pandas"), needed("skimage")
    labels = label_strip([one.labels for one in slices])
    if labels is None or not labels.any():
        return pandas.DataFrame({name: [] for name in _MEASURES.values()})
    px_per_cm = next(one.labels.px_per_cm for one in slices if one.labels is not None)
    pitch_mm = _MM_PER_CM / px_per_cm
    wanted = tuple(dict.fromkeys(name.partition("-")[0] for name in _MEASURES))
    found = skimage.measure.regionprops_table(
        labels, properties=wanted, spacing=(pitch_mm, pitch_mm)
    )
    frame = pandas.DataFrame(found)[list(_MEASURES)].rename(columns=_MEASURES)
    # The middle of the first pixel is half a pixel below the section's top.
    for name in ("depth (cm)", "across (cm)"):
        frame[name] = frame[name] / _MM_PER_CM + 0.5 / px_per_cm
    for name in ("top (cm)", "bottom (cm)"):
        frame[name] = frame[name] / px_per_cm
    frame["orientation (deg)"] = np.degrees(frame["orientation (deg)"])
    return frame
