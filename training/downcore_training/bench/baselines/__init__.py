"""
Baselines: one module each, discovered in this package.

To add one, put a module here that defines ``BASELINE``. Modules whose name starts with an
underscore are parts of baselines.
"""

from functools import cache

from downcore.discovery import values_in
from downcore_training.bench.baselines._baseline import Baseline, Fitted, mean_of_cores

__all__ = ["Baseline", "Fitted", "baselines", "mean_of_cores"]


@cache
def baselines() -> tuple[Baseline, ...]:
    """Return every baseline of this package, the simplest first."""
    found = values_in(__name__, "BASELINE", Baseline)
    return tuple(sorted(found, key=lambda baseline: (baseline.simplicity, baseline.name)))
