"""A line between the core's own labels on either side of a gap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore_training.bench.baselines._baseline import Baseline
from downcore_training.bench.core import BenchCore


@dataclass(frozen=True, slots=True)
class Interpolation:
    """Predicts each slice as if a gap of ``gap_cm`` began somewhere about it."""

    gap_cm: int

    def predict(self, core: BenchCore) -> NDArray[np.float64]:
        """Return each label from those outside its gap; gaps lie end to end from the top."""
        slot = np.floor(core.depth_cm / self.gap_cm).astype(np.int64)
        out = np.full(core.labels.shape, np.nan)
        for label, column in zip(core.labels.T, out.T, strict=True):
            known = np.isfinite(label)
            for number in np.unique(slot):
                hidden = slot == number
                seen = known & ~hidden
                # Labels are never carried beyond the first and the last one that is known.
                depth = core.depth_cm[seen]
                if depth.size:
                    column[hidden] = np.interp(
                        core.depth_cm[hidden], depth, label[seen], left=np.nan, right=np.nan
                    )
        return out


def baseline_of(gap_cm: int) -> Baseline:
    """Return the baseline for one length of gap."""

    def fit(_cores: Sequence[BenchCore], _seed: int) -> Interpolation:
        return Interpolation(gap_cm)

    return Baseline(
        f"interpolation-{gap_cm}cm",
        f"line across a gap of {gap_cm} cm in the core's own log",
        20 + gap_cm,
        fit,
        needs_core_labels=True,
    )
