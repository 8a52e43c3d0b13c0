"""The picture of the published table: R2 of every model under every protocol."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from downcore.strata.properties import PROPERTIES
from downcore_training.bench.figures import COLOURS, LOGGED, TITLES
from downcore_training.bench.published.protocols import TABLE_PROTOCOLS
from downcore_training.bench.published.running import TableResult
from downcore_training.bench.published.scoring import ALL

LOWEST = -0.5
"""R2 at which bars end."""

_HATCHES = ("//", "", "", "")
_COLOURS = ("#e69f00", COLOURS[0], COLOURS[2], COLOURS[3])
_DPI = 130


def draw_table(result: TableResult, path: Path) -> bool:
    """Draw the table, one panel a property and one for all; return whether there was any."""
    names = (ALL, *(prop.name for prop in PROPERTIES))
    shown = [name for name in names if any(score.target == name for score in result.scores)]
    if not shown:
        return False
    models = list(result.titles)
    protocols = [p for p in TABLE_PROTOCOLS if any(s.protocol == p.name for s in result.scores)]
    width = 0.8 / len(protocols)
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(8.0, 1.0 + 2.3 * len(shown)), dpi=_DPI)
        panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for ax, target in zip(panels, shown, strict=True):
        known = {(s.protocol, s.model): s.r2 for s in result.scores if s.target == target}
        for k, protocol in enumerate(protocols):
            place = np.arange(len(models)) + (k - (len(protocols) - 1) / 2) * width
            r2 = [known.get((protocol.name, model)) for model in models]
            heights = [0.0 if value is None else max(value, LOWEST) for value in r2]
            ax.bar(place, heights, 0.92 * width, color=_COLOURS[k], hatch=_HATCHES[k],
                   edgecolor="white", label=protocol.name)  # fmt: skip
            for x, end, value in zip(place, heights, r2, strict=True):
                text = "-" if value is None else f"{value:.2f}"
                ax.annotate(text, (x, end), ha="center", fontsize=6,
                            va="bottom" if end >= 0 else "top")  # fmt: skip
        ax.axhline(0.0, color=LOGGED, linewidth=0.8)
        ax.set_xticks(np.arange(len(models)), models if ax is panels[-1] else [""] * len(models))
        ax.set(ylim=(LOWEST - 0.12, 1.05), ylabel="R²")
        ax.set_title("all properties" if target == ALL else TITLES[target], fontsize=9, loc="left")
        ax.spines[["top", "right"]].set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=len(protocols), frameon=False)
    figure.tight_layout(rect=(0.0, 0.0, 1.0, 0.96))
    figure.savefig(path)
    return True
