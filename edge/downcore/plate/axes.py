"""What the columns of a plate have in common."""

from typing import TYPE_CHECKING

from downcore.plate.style import INK, QUIET
from downcore.plate.values import PlateSection

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def depth_axis(axes: "Axes", section: PlateSection, *, has_labels: bool) -> None:
    """Run the depth down the axes, in centimetres; only the first column has numbers."""
    top_cm, bottom_cm = section.span_cm
    axes.set_ylim(bottom_cm, top_cm)
    axes.minorticks_on()
    axes.tick_params(axis="y", which="major", labelsize=8, colors=INK, length=4)
    axes.tick_params(axis="y", which="minor", length=2)
    if has_labels:
        axes.set_ylabel("Depth in section (cm)", size=9, color=INK)
        axes.tick_params(axis="x", which="both", length=0)
    else:
        axes.tick_params(axis="y", which="both", labelleft=False, left=False)
    for spine in axes.spines.values():
        spine.set_linewidth(0.7)
        spine.set_color("#555555")


def head(axes: "Axes", title: str, unit: str) -> None:
    """Head a column with what it shows and in which unit."""
    axes.set_title(title, size=9, weight="bold", color=INK, pad=34)
    axes.text(
        0.5, 1.027, unit, transform=axes.transAxes, ha="center", va="bottom", size=8, color=QUIET
    )
