"""Scans marked by hand: polygons of sediment and of other classes."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.mask.classes import MaskClass
from downcore.strata.segment import Pixels

UNSCORED = 255
"""Label of pixels that could not be classified; they are ignored."""

_SUBPIXEL_BITS = 8


@dataclass(frozen=True, slots=True)
class Area:
    """One polygon; it covers those before it."""

    label: int
    """A :class:`MaskClass`, or :data:`UNSCORED`."""
    vertices: tuple[tuple[float, float], ...]
    """Columns and rows of the picture as stored; the first pixel spans 0 to 1."""
    brighter_than: int | None
    """Only pixels whose highest channel is above this many counts; all where ``None``."""
    darker_than: int | None
    """Only pixels whose highest channel is below this many counts; all where ``None``."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One marked scan."""

    name: str
    image: str
    """Path of the scan below the folder of real scans."""
    size_px: tuple[int, int]
    """Columns and rows of the picture as stored."""
    top: str
    """Where the core's top is in the picture, ``up`` or ``left``."""
    px_per_cm: float
    is_fitted: bool
    """Whether the mask was fitted to it; the others are for judging."""
    base: int
    """Label of what no polygon covers."""
    areas: tuple[Area, ...]


def read_references(folder: Path) -> list[Reference]:
    """
    Return every reference in a folder, by name.

    Raises
    ------
    ValueError
        If a file names an unknown class.
    """
    return [_reference(path) for path in sorted(folder.glob("*.json"))]


def labels_of(reference: Reference, picture: Pixels) -> NDArray[np.uint8]:
    """
    Return the label of every pixel of the marked picture as stored.

    Parameters
    ----------
    reference : Reference
        What was marked.
    picture : ndarray, shape (n_rows, n_columns, 3)
        The picture it was marked on, 8 bit, as stored.

    Raises
    ------
    ValueError
        If the picture has another size.
    """
    columns, rows = reference.size_px
    if picture.shape[:2] != (rows, columns):
        raise ValueError(
            f"expected {columns} x {rows} pixels for {reference.name}, got "
            f"{picture.shape[1]} x {picture.shape[0]}"
        )
    labels = np.full((rows, columns), reference.base, np.uint8)
    brightest = picture.max(axis=2)
    for area in reference.areas:
        inside = np.zeros((rows, columns), np.uint8)
        corners = (np.array(area.vertices) - 0.5) * (1 << _SUBPIXEL_BITS)
        cv2.fillPoly(inside, [np.round(corners).astype(np.int32)], 1, shift=_SUBPIXEL_BITS)
        chosen = inside > 0
        if area.brighter_than is not None:
            chosen &= brightest > area.brighter_than
        if area.darker_than is not None:
            chosen &= brightest < area.darker_than
        labels[chosen] = area.label
    return labels


def lines_first(array: NDArray[Any], top: str) -> NDArray[Any]:
    """Return a picture as scan lines, core top first; a picture with its top up is that already."""
    return array if top == "up" else np.ascontiguousarray(array.swapaxes(0, 1))


def _label(name: str) -> int:
    if name == "unscored":
        return UNSCORED
    try:
        return int(MaskClass[name.upper()])
    except KeyError:
        known = ", ".join(known_class.name.lower() for known_class in MaskClass)
        raise ValueError(f"expected one of {known}, unscored; got {name!r}") from None


def _reference(path: Path) -> Reference:
    raw = json.loads(path.read_text(encoding="utf-8"))
    columns, rows = raw["size_px"]
    return Reference(
        name=path.stem,
        image=raw["image"],
        size_px=(columns, rows),
        top=raw["top"],
        px_per_cm=float(Fraction(str(raw["px_per_cm"]))),
        is_fitted=raw["used_for_fitting"],
        base=_label(raw["base"]),
        areas=tuple(
            Area(
                label=_label(polygon["class"]),
                vertices=tuple((float(x), float(y)) for x, y in polygon["vertices"]),
                brighter_than=polygon.get("brighter_than"),
                darker_than=polygon.get("darker_than"),
            )
            for polygon in raw["polygons"]
        ),
    )
