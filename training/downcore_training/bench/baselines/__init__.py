"""
Baselines: one module each, discovered in this package.

To add one, put a module here that defines ``BASELINE``. Modules whose name starts with an
underscore are parts of baselines.
"""

import importlib
import pkgutil
from functools import cache

from downcore_training.bench.baselines._baseline import Baseline, Fitted, mean_of_cores

__all__ = ["Baseline", "Fitted", "baselines", "mean_of_cores"]


@cache
def baselines() -> tuple[Baseline, ...]:
    """Return every baseline of this package, the simplest first."""
    names = [m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
    found = [importlib.import_module(f"{__name__}.{name}").BASELINE for name in names]
    return tuple(sorted(found, key=lambda baseline: (baseline.simplicity, baseline.name)))
