"""Which bundles the demo runs: those whose guard knows the beginning of the simulated core."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.pipeline import SectionPipeline, SliceRules
from downcore.ports import Predictor
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Estimate, Status
from downcore.strata.properties import PROPERTIES
from downcore.strata.segment import Segment

TRIAL_CM = 8
"""Centimetres from the core's top that each bundle is asked about."""

_MOST = 0.5
"""Share of the centimetres with sediment for which a bundle that is used gives a value."""

Open = Callable[[str], Predictor]
"""Opens a bundle by its name, with its guard."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The bundles that the demo runs, and what the others said."""

    names: tuple[str, ...]
    silent: tuple[tuple[str, str], ...]
    """Names of bundles that do not answer, and why."""

    @property
    def sentence(self) -> str:
        """The choice in one sentence."""
        used = f"bundle: {', '.join(self.names)}" if self.names else "no bundle"
        why = "; ".join(self.reasons)
        return f"{used}, by the guard's word on the first {TRIAL_CM} cm" + (
            f"; {why}" if why else ""
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why each of the others does not answer."""
        return tuple(f"{name} does not answer: {why}" for name, why in self.silent)


def choose(
    names: Sequence[str], lines: NDArray[np.uint8], scale: LineScale, open_bundle: Open
) -> Choice:
    """
    Try bundles in order on the beginning of a core until each property has one that answers.

    Parameters
    ----------
    names : sequence of str
        Bundles, the preferred one first.
    lines : ndarray, shape (n_lines, n_across, 3)
        The core's first centimetres.
    scale : LineScale
        Lines per centimetre.
    open_bundle : callable
        Opens one of them.
    """
    missing = {known.name for known in PROPERTIES}
    used: list[str] = []
    silent: list[tuple[str, str]] = []
    for name in names:
        if not missing:
            break
        predictor = open_bundle(name)
        pipeline = SectionPipeline(scale, (predictor,), SliceRules())
        rows = [*pipeline.push(Segment(lines, 0)), *pipeline.finish()]
        why = _why_silent([row.estimates[0] for row in rows if row.estimates])
        if why:
            silent.append((name, why))
        elif found := missing & {output.property for output in predictor.manifest.outputs}:
            used.append(name)
            missing -= found
    return Choice(tuple(used), tuple(silent))


def _why_silent(estimates: Sequence[Estimate]) -> str:
    """Return the most frequent reason of a bundle that mostly abstains; empty where it answers."""
    asked = [one for one in estimates if one.status is not Status.MASKED]
    n_values = sum(one.value is not None for one in asked)
    if asked and n_values >= _MOST * len(asked):
        return ""
    reasons = Counter(one.reason for one in asked or estimates if one.value is None)
    return reasons.most_common(1)[0][0] if reasons else "no centimetre to look at"
