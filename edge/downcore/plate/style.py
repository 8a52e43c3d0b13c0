"""How a plate looks: its colours and words."""

from downcore.strata.depthlog import Status
from downcore.strata.mask.classes import MaskClass

STATUS_COLOURS = {
    Status.MEASURED: "#1b1b1b",
    Status.PREDICTED: "#0072b2",
    Status.FILLED: "#e69f00",
    Status.MASKED: "#9a9a9a",
    Status.ABSTAINED: "#cc79a7",
}
"""From Okabe and Ito (2008), told apart with any kind of colour vision."""

CLASS_COLOURS = {
    MaskClass.SEDIMENT: "#a08158",
    MaskClass.TRAY: "#c3ccd2",
    MaskClass.VOID: "#262626",
    MaskClass.FOAM: "#f0e442",
    MaskClass.TAG: "#56b4e9",
    MaskClass.GLARE: "#ffffff",
    MaskClass.OUTSIDE: "#e9e9e9",
}

CLASS_NAMES = {
    MaskClass.SEDIMENT: "sediment",
    MaskClass.TRAY: "tray, liner",
    MaskClass.VOID: "void, crack",
    MaskClass.FOAM: "foam",
    MaskClass.TAG: "tag, card, ruler",
    MaskClass.GLARE: "glare",
    MaskClass.OUTSIDE: "outside",
}
GROUP_COLOURS = (
    "#f0e442",
    "#56b4e9",
    "#8c6d46",
    "#1b1b1b",
    "#009e73",
    "#d55e00",
    "#e69f00",
    "#cc79a7",
    "#0072b2",
)
"""Of groups of minerals, in the order they are met; from Okabe and Ito (2008), and a brown."""

TITLES = {"density": "Density", "vp": "P-wave velocity", "ms": "Magnetic susceptibility"}
UNITS = {"g/cm3": "g/cm³", "m/s": "m/s", "1e-5 SI": "10⁻⁵ SI"}
MARKERS = {Status.MEASURED: "D", Status.PREDICTED: "o", Status.FILLED: "s"}
FORCED_HATCH = "/////"
"""On the stripe of values that are predicted only because low resolution is allowed."""
FLAG_COLOURS = {False: "#d55e00", True: "#7a7a7a"}
"""Of flags, by whether somebody has acknowledged them."""
INK = "#222222"
QUIET = "#6b6b6b"
WARNING = "#a63603"
LEFT = 0.085
"""Where title, columns and legends begin, as a share of the sheet's width."""
