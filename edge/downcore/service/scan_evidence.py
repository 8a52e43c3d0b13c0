"""What is found out about a scan before its first row, from its file and its first centimetres."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.pipeline import segments_by_slice
from downcore.ports import ScanLines
from downcore.sources.readers.image_tags import image_tags
from downcore.strata.mask.classes import MaskClass
from downcore.strata.mask.masker import MASK_HALO_UM, SectionMasker
from downcore.strata.scan_claims import (
    ScanClaims,
    believable_tag,
    scales_in_name,
    upside_down_in,
)
from downcore.strata.scan_doubts import DoubtRules, ScanFacts, SedimentSpan
from downcore.strata.section import SectionBuffer

N_SLICES_SEEN = 2
"""Slices with sediment that tell its width."""

MAX_SLICES_LOOKED_AT = 10
"""Slices from the top in which sediment is looked for."""

_MIN_SEDIMENT = 0.3
"""Share of a slice that is sediment where it tells the width."""

_MIN_FILL = 0.5
"""Share of a column's pixels that are sediment where the core reaches there."""

_MAX_MASKED_CM = 100.0
"""Width of an image from which no mask is needed to see that its scale or side is wrong."""

_SIDE = 0.02
"""Share of the width that something else takes at either side, where the sides show."""

_TRANSPOSED = range(5, 9)
"""Orientation tags that turn an image on its side, which has its resolutions trade places."""

Mask = NDArray[np.uint8]


def facts_of(
    lines: ScanLines, path: Path, rules: DoubtRules, *, n_lines: int, is_complete: bool
) -> ScanFacts:
    """
    Return what is known of a scan by itself, without the station's other scans.

    Parameters
    ----------
    lines : ScanLines
        The opened scan.
    path : Path
        Its file.
    rules : DoubtRules
        Widths that are never asked about.
    n_lines : int
        Lines that can be trusted by now.
    is_complete : bool
        Whether these are all.

    Raises
    ------
    MoreLinesNeededError
        If the scan still grows, and its lines do not tell yet.
    """
    facts = ScanFacts(
        px_per_cm=lines.scale.px_per_cm,
        top=lines.description.top,
        n_across=lines.n_across,
        n_lines=n_lines if is_complete else lines.n_lines_expected,
        span=None,
        claims=claims_of(lines, path),
    )
    if not rules.min_width_cm <= facts.image_cm <= _MAX_MASKED_CM:
        return facts
    return replace(facts, span=sediment_span(lines, n_lines, is_complete=is_complete))


def sediment_span(lines: ScanLines, n_lines: int, *, is_complete: bool) -> SedimentSpan | None:
    """
    Return where the sediment lies across; ``None`` where none is found near the top.

    The answer depends on the lines alone: it rests on the first slices with sediment.

    Raises
    ------
    MoreLinesNeededError
        If the scan still grows, and its lines do not tell yet.
    """
    spans: list[tuple[int, int]] = []
    for i, classes in enumerate(_masks(lines, n_lines, is_complete=is_complete)):
        columns = np.flatnonzero((classes == MaskClass.SEDIMENT).mean(axis=0) >= _MIN_FILL)
        if (classes == MaskClass.SEDIMENT).mean() >= _MIN_SEDIMENT and columns.size:
            spans.append((int(columns[0]), int(columns[-1]) + 1))
        if len(spans) == N_SLICES_SEEN or i + 1 == MAX_SLICES_LOOKED_AT:
            break
    else:
        if not is_complete:
            raise MoreLinesNeededError
    if not spans:
        return None
    margin = _SIDE * lines.n_across
    return SedimentSpan(
        max(stop - start for start, stop in spans),
        all(start >= margin and stop <= lines.n_across - margin for start, stop in spans),
    )


class MoreLinesNeededError(Exception):
    """A scan that grows does not show enough of itself yet."""


def claims_of(lines: ScanLines, path: Path) -> ScanClaims:
    """
    Return what sidecar, file and name say of a scan, besides what it is read as.

    Lines come turned as the file's orientation tag says, so that the tag speaks against nothing.
    """
    claims, tags = lines.description.claims, image_tags(path)
    x_per_cm, aspect = tags.x_per_cm, tags.pixel_aspect
    if tags.orientation in _TRANSPOSED and x_per_cm is not None and aspect:
        x_per_cm, aspect = x_per_cm * aspect, 1 / aspect
    return replace(
        claims,
        name_scales=tuple(scales_in_name(path.stem)),
        tag_px_per_cm=None if x_per_cm is None else believable_tag(x_per_cm),
        pixel_aspect=aspect,
        upside_down=(*claims.upside_down, *upside_down_in("the file's name", path.stem)),
    )


def folder_of(path: Path, format_name: str) -> str:
    """Return the folder of the scanner's scans; an Itrax gives each scan a folder of its own."""
    return str(path.parent.parent if format_name == "itrax" else path.parent)


def _masks(lines: ScanLines, n_lines: int, *, is_complete: bool) -> Iterator[Mask]:
    """Yield the masks of the slices whose halo is there, from the top."""
    buffer = SectionBuffer(lines.scale, halo_um=MASK_HALO_UM)
    masker = SectionMasker(lines.scale)
    for segment in segments_by_slice(lines, n_lines, is_complete=is_complete):
        for released in buffer.push(segment):
            yield masker.mask(released)
    if is_complete:
        for released in buffer.finish():
            yield masker.mask(released)
