"""The file of a plate: PNG, PDF or SVG, and whether a file is an earlier plate."""

import importlib
import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from downcore.plate.sheet import figure_of
from downcore.plate.values import Plate

DPI = 200
_CREATOR = "downcore"
_END_BYTES = 65_536

ENDINGS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        ".png": {"Software": _CREATOR},
        ".pdf": {"Creator": _CREATOR, "CreationDate": None},
        ".svg": {"Creator": _CREATOR, "Date": None},
    }
)
"""Endings of a plate's file, with what is written into it: who made it, and no date."""

_MARKS = {
    ".png": b"Software\0" + _CREATOR.encode(),
    ".pdf": b"/Creator (" + _CREATOR.encode() + b")",
    ".svg": b"<dc:title>" + _CREATOR.encode() + b"</dc:title>",
}


def check_can_draw() -> None:
    """
    Check that matplotlib is installed, before any work is done for a plate.

    Raises
    ------
    ModuleNotFoundError
        If it is not.
    """
    importlib.import_module("matplotlib")


def draw_plate(plate: Plate, out: Path) -> None:
    """
    Draw sections and their depth log, depth down; the same plate gives the same file.

    Parameters
    ----------
    plate : Plate
        What to draw.
    out : Path
        File to write, with an ending of :data:`ENDINGS`; its folder exists.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    OSError
        If the file cannot be written.
    """
    from matplotlib import rc_context  # noqa: PLC0415 - an extra

    ending = out.suffix.lower()
    drawn = io.BytesIO()
    # Fonts as outlines that journals take, and names in an SVG that do not change.
    with rc_context({"pdf.fonttype": 42, "svg.hashsalt": _CREATOR}):
        figure_of(plate).savefig(
            drawn, format=ending.removeprefix("."), dpi=DPI, metadata=dict(ENDINGS[ending])
        )
    out.write_bytes(drawn.getvalue())


def is_earlier_plate(path: Path) -> bool:
    """Return whether a file is what :func:`draw_plate` writes under its ending."""
    mark = _MARKS.get(path.suffix.lower())
    try:
        with path.open("rb") as file:
            start = file.read(_END_BYTES)
            file.seek(max(0, path.stat().st_size - _END_BYTES))
            end = file.read()
    except OSError:
        return False
    return mark is not None and (mark in start or mark in end)
