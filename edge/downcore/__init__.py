"""
downcore: a live depth log from the line scans of a sediment core.

In a notebook, :func:`open` reads the database of a station or of ``downcore process``;
:func:`read_scan` and :func:`predict` take one finished image; :func:`correlation_length` says over
which distance a quantity is correlated along the core. What they need is loaded when
they are first used, so that importing downcore costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from downcore.notebook.log import (
        Log,
        StoredSection,
        open,  # noqa: A004 - downcore.open, in full
    )
    from downcore.notebook.prediction import predict
    from downcore.notebook.scan import FinishedScan, SectionMask, read_scan
    from downcore.notebook.scan_list import ScanList, ScanSummary
    from downcore.notebook.section_log import SectionComposition, SectionLog
    from downcore.notebook.spatial import CorrelationLength, correlation_length
    from downcore.strata.errors import DowncoreError

__version__ = "0.1.0"

__all__ = [
    "CorrelationLength",
    "DowncoreError",
    "FinishedScan",
    "Log",
    "ScanList",
    "ScanSummary",
    "SectionComposition",
    "SectionLog",
    "SectionMask",
    "StoredSection",
    "correlation_length",
    "open",
    "predict",
    "read_scan",
]

_HOME_OF = {
    "CorrelationLength": "notebook.spatial",
    "DowncoreError": "strata.errors",
    "FinishedScan": "notebook.scan",
    "Log": "notebook.log",
    "ScanList": "notebook.scan_list",
    "ScanSummary": "notebook.scan_list",
    "SectionComposition": "notebook.section_log",
    "SectionLog": "notebook.section_log",
    "SectionMask": "notebook.scan",
    "StoredSection": "notebook.log",
    "correlation_length": "notebook.spatial",
    "open": "notebook.log",
    "predict": "notebook.prediction",
    "read_scan": "notebook.scan",
}
"""Module in which each name of :data:`__all__` is defined."""


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'downcore' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - loaded when first used, as all else

    return getattr(import_module(f"downcore.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
