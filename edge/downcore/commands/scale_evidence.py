"""What tells the scale of scans that neither settings nor sidecars give one."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from downcore.commands.inbox_survey import SurveyedScan
from downcore.sources.formats import read_itrax_document
from downcore.strata.depth import MAX_PX_PER_CM, MIN_PX_PER_CM
from downcore.strata.errors import SegmentError
from downcore.strata.input_text import exact_number

IODP_PX_PER_CM = Fraction(200)
"""Scan lines per centimetre of originals of the section-half imager."""

MIN_WIDTH_CM, MAX_WIDTH_CM = 3, 20
"""Widths that the image of a split core has, tray and all."""

MAX_LENGTH_CM = 200
"""No section is longer."""

MIN_SIBLINGS = 2
"""Scans with sidecars that must agree before one without is taken for the same scanner's."""

RESAMPLED_SPREAD = Fraction(1, 20)
"""Most that the ratio of two scales varies among images that were all resampled alike."""

MIN_RESAMPLED = 3
"""Itrax images that must have the same ratio to be taken for resampled rather than cropped."""

_IN_NAME = re.compile(
    r"(?<![0-9.,])[-_ ]?([0-9]{1,4}(?:[.,][0-9]{1,4})?)"
    r"[ _-]?(?:ppcm|px[_-]?(?:per)?[_-]?cm)(?![a-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A scale, and why it is believed."""

    px_per_cm: str
    because: str
    name_part: str = ""
    """The part of the name that says so; empty where something else does."""


@dataclass(frozen=True, slots=True)
class _ItraxScales:
    by_length: Fraction
    by_step: Fraction


def scale_evidence(scans: Sequence[SurveyedScan]) -> dict[Path, Evidence]:
    """
    Return what is found of the scales that are missing, by the scan's place in the inbox.

    A scan is left out where nothing tells, or where two readings are as likely.
    """
    missing = [scan for scan in scans if scan.needs_scale]
    scales = ((scan.place, _itrax_scales(scan)) for scan in missing)
    itrax = {place: both for place, both in scales if both is not None}
    n_alike = _n_resampled_alike(itrax.values())
    siblings = _scales_beside(scans)
    found: dict[Path, Evidence] = {}
    for scan in missing:
        evidence = (
            _by_name(scan)
            or _by_itrax(scan, itrax.get(scan.place), n_alike, siblings)
            or _by_imager(scan)
            or _by_siblings(scan, siblings)
        )
        if evidence is not None:
            found[scan.place] = evidence
    return found


def _by_name(scan: SurveyedScan) -> Evidence | None:
    by_file = list(_IN_NAME.finditer(scan.place.stem))
    said = by_file or list(_IN_NAME.finditer(scan.place.parent.name))
    number = exact_number(said[-1][1]) if said else None
    if number is None or not MIN_PX_PER_CM <= number <= MAX_PX_PER_CM:
        return None
    part = said[-1][0] if by_file else ""
    return Evidence(said[-1][1].replace(",", "."), "the name says so", part)


def _by_imager(scan: SurveyedScan) -> Evidence | None:
    if scan.files.format.name != "iodp_shil" or not _is_plausible(scan, IODP_PX_PER_CM):
        return None
    return Evidence(
        str(IODP_PX_PER_CM), "originals of the section-half imager have it, and the width fits"
    )


def _by_itrax(
    scan: SurveyedScan,
    scales: _ItraxScales | None,
    n_alike: int,
    siblings: dict[tuple[str, int], list[str]],
) -> Evidence | None:
    if scales is None:
        return None
    step, length = scales.by_step, scales.by_length
    words = f"document.txt: {float(length):.4g} px/cm by length, {float(step):.4g} by step size"
    beside = {Fraction(text) for text in siblings.get(("itrax", scan.n_across), [])}
    if step in beside:
        return Evidence(_text(step), f"{words}; cropped, as others of this width have the latter")
    fits = [one for one in (length, step) if _is_plausible(scan, one)]
    if n_alike >= MIN_RESAMPLED and length in fits:
        return Evidence(
            _text(length), f"{words}; resampled, as {n_alike} images are reduced by the same ratio"
        )
    if len(fits) == 1:
        which = "the other makes no core's width"
        return Evidence(_text(fits[0]), f"{words}; {which}")
    return None


def _by_siblings(scan: SurveyedScan, siblings: dict[tuple[str, int], list[str]]) -> Evidence | None:
    known = siblings.get((scan.folder, scan.n_across), [])
    if len(known) < MIN_SIBLINGS or len(set(known)) > 1:
        return None
    return Evidence(
        known[0], f"the sidecars of {len(known)} scans of the same width in this folder say so"
    )


def _scales_beside(scans: Iterable[SurveyedScan]) -> dict[tuple[str, int], list[str]]:
    """Return the scales of scans that have one, by width, and by folder or Itrax alike."""
    found: dict[tuple[str, int], list[str]] = {}
    for scan in scans:
        if scan.description is None:
            continue
        for where in {scan.folder, scan.files.format.name}:
            found.setdefault((where, scan.n_across), []).append(scan.description.px_per_cm)
    return found


def _itrax_scales(scan: SurveyedScan) -> _ItraxScales | None:
    if scan.files.format.name != "itrax" or scan.n_lines is None:
        return None
    for path in _documents(scan.files.paths[0].parent):
        try:
            document = read_itrax_document(path)
        except SegmentError:
            return None
        start, end, step = document.start_mm, document.end_mm, document.step_mm
        if start is None or end is None or step is None or end <= start:
            return None
        return _ItraxScales(10 * scan.n_lines / (end - start), 10 / step)
    return None


def _documents(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.lower() == "document.txt":
            yield path


def _n_resampled_alike(itrax: Iterable[_ItraxScales]) -> int:
    """Return how many images were reduced by the same ratio; 0 where ratios differ."""
    ratios = sorted(scales.by_length / scales.by_step for scales in itrax)
    if not ratios or ratios[-1] - ratios[0] > RESAMPLED_SPREAD * ratios[-1]:
        return 0
    return len(ratios)


def _is_plausible(scan: SurveyedScan, px_per_cm: Fraction) -> bool:
    width_cm = scan.n_across / px_per_cm
    length_cm = (scan.n_lines or 0) / px_per_cm
    return MIN_WIDTH_CM <= width_cm <= MAX_WIDTH_CM and length_cm <= MAX_LENGTH_CM


def _text(px_per_cm: Fraction) -> str:
    """Return a scale as the settings have it: a decimal where that is exact, else a ratio."""
    decimal = f"{float(px_per_cm):.6f}".rstrip("0").rstrip(".")
    return decimal if Fraction(decimal) == px_per_cm else str(px_per_cm)
