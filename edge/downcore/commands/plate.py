"""``downcore plate``: sections of the store on one sheet, from the record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.commands.core_lookup import CoreIndex
from downcore.commands.output_files import check_output
from downcore.commands.plate_flags import evidence_of, placed_evidence, placed_flags, standing_flags
from downcore.commands.plate_places import (
    DEPTH_NAMES,
    SectionPlace,
    default_scale,
    section_places,
    sections_of_names,
)
from downcore.commands.scan_picture import picture_of_scan
from downcore.commands.section_lookup import standing_scan
from downcore.composing.label_png import label_strip
from downcore.file_names import printable
from downcore.plate import (
    COMPOSITION_CAVEAT,
    GENERATOR_CAVEAT,
    Plate,
    PlateSection,
    check_can_draw,
    classes_of_pictures,
    draw_plate,
    is_earlier_plate,
    plate_slices,
)
from downcore.settings import Settings
from downcore.sources import Limits
from downcore.store import Reader
from downcore.store.stored_values import StoredBundle, StoredScan
from downcore.strata.bundle import NO_NATURAL_CORE
from downcore.strata.composed import ComposedSlice
from downcore.strata.core_depths import DepthScale
from downcore.strata.depth import SLICE_UM
from downcore.strata.depth_ledger import in_cm
from downcore.strata.depthlog import SliceRow, Status
from downcore.strata.errors import SectionError, SettingsError
from downcore.strata.flags import Flag
from downcore.strata.second_opinion.judging import Evidence

_MAX_OVERLAP_UM = SLICE_UM
"""By how much sections may lie over one another in the core: images are a little too long."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPlate:
    """A plate of the record, and what a person should know of it."""

    plate: Plate
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _StoredLog:
    """All that is drawn of a section."""

    stored: StoredScan
    rows: tuple[SliceRow, ...]
    composed: tuple[ComposedSlice, ...]
    bundles: tuple[StoredBundle, ...]
    """Whose values the rows have; the first is drawn."""
    picture: NDArray[np.uint8] | str
    """Or why there is none."""
    flags: tuple[Flag, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def bundle_ids(self) -> dict[str, str] | None:
        """
        Whose values each property's track shows: the first bundle's that knows the property.

        ``None`` without a bundle.
        """
        chosen: dict[str, str] = {}
        for bundle in self.bundles:
            for row in self.rows:
                for one in row.estimates:
                    if one.bundle_id == bundle.bundle_id:
                        chosen.setdefault(one.property, bundle.bundle_id)
        return chosen if self.bundles else None

    @property
    def length_um(self) -> int:
        return self.rows[-1].core_slice.bottom_um


def write_plate(
    sections: Sequence[str],
    out: Path,
    settings: Settings,
    *,
    bundle: str | None = None,
    scale: DepthScale | None = None,
) -> str:
    """
    Draw sections of the store; return what was drawn, in sentences.

    Parameters
    ----------
    sections : sequence of str
        Names of sections, cores or holes.
    out : Path
        PNG, PDF or SVG to write.
    settings : Settings
        Which store, which inbox nothing is written to, and how large an image may be.
    bundle : str, optional
        Name of a bundle, or how its id begins; else that with the most values.
    scale : DepthScale, optional
        Along which depth to draw; else in the core, or for several cores in the hole.

    Raises
    ------
    SectionError
        If the store lacks a section, or it has no row or no such bundle.
    SettingsError
        If ``out`` cannot be written, or would take the place of something else.
    StoreError
        If there is no store that can be read.
    ModuleNotFoundError
        If matplotlib is not installed.
    """
    check_output("--out", out, is_own=is_earlier_plate, endings=(".png", ".pdf", ".svg"))
    if out.resolve().is_relative_to(settings.inbox.path.resolve()):
        raise SettingsError(
            f"expected a file outside the inbox for --out, got {printable(out)}, "
            "which would be taken for a scan"
        )
    check_can_draw()
    limits = Limits(max_pixels=settings.inbox.max_pixels)
    with Reader.open(settings.store.path) as reader:
        drawn = stored_plate(reader, sections, limits, bundle=bundle, scale=scale)
    try:
        draw_plate(drawn.plate, out)
    except OSError as error:
        raise SettingsError(f"cannot write {printable(out)}: {error.strerror}") from None
    return "\n".join([f"{printable(out)}: {drawn.plate.title}", *drawn.notes])


def stored_plate(
    reader: Reader,
    names: Sequence[str],
    limits: Limits,
    *,
    bundle: str | None = None,
    scale: DepthScale | None = None,
) -> DrawnPlate:
    """
    Return the plate of stored sections, cores or holes, each section once.

    The depth axis is that of the core, or of the hole for several cores, where the depth ledger
    knows each section's top. Else the sections follow one another as given, and depths begin again
    with each; a note says why.

    Raises
    ------
    SectionError
        As :func:`write_plate`.
    """
    index = CoreIndex.of(reader)
    notes: list[str] = []
    sections = sections_of_names(index, names, notes)
    logs = [_log_of(reader, name, limits, bundle) for name in sections]
    scans = [log.stored.scan for log in logs]
    is_one_core = len({(scan.expedition, scan.core) for scan in scans}) == 1
    has_core_name = is_one_core and all(scan.core and scan.section for scan in scans)
    scale = scale or default_scale(index, [log.stored for log in logs])
    places = section_places(index, [log.stored for log in logs], scale)
    whole = logs
    logs = [_cut_to_length(log, place) for log, place in zip(logs, places, strict=True)]
    cut = [a.stored.scan.section_id for a, b in zip(logs, whole, strict=True) if a is not b]
    reason = _why_not_placed(logs, places, scale)
    is_depth_in_core = not reason
    if reason:
        logs, cut = whole, []
        tops_um = [0, *accumulate(log.length_um for log in logs[:-1])]
        places = [SectionPlace(top_um) for top_um in tops_um]
        notes += [f"depths begin again with each section: {reason}"] * (len(logs) > 1)
    placed = sorted(zip(places, logs, strict=True), key=lambda pair: pair[0].depth_um(0) or 0)
    logs = [log for _, log in placed]
    note = "; ".join(filter(None, [_missing_images(logs), *notes]))
    plate = Plate(
        title=_title(placed, has_core_name=has_core_name, is_depth_in_core=is_depth_in_core),
        sections=_with_classes(
            [_section(log, place, has_core_name=has_core_name) for place, log in placed]
        ),
        is_depth_in_core=is_depth_in_core,
        depth_name=DEPTH_NAMES[scale],
        scan=", ".join(log.stored.scan.scan_id[:8] for log in logs),
        bundle=", ".join(dict.fromkeys(filter(None, map(_bundle_of_tracks, logs)))),
        silent=tuple(dict.fromkeys(text for log in logs for text in _silent_bundles(log))),
        table=", ".join(dict.fromkeys(part.table for log in logs for part in log.composed)),
        caveat=_caveat(logs),
        note=note,
    )
    below = f"not drawn below the length of the section: {', '.join(cut)}" if cut else ""
    return DrawnPlate(plate, tuple(filter(None, (note, below, *_other_bundles(logs)))))


def _why_not_placed(
    logs: Sequence[_StoredLog], places: Sequence[SectionPlace], scale: DepthScale
) -> str:
    """Return why sections cannot lie along one axis; empty if they can."""
    if scale is DepthScale.SECTION:
        return "depth in the section was asked for"
    unknown = [
        log.stored.scan.section_id
        for log, place in zip(logs, places, strict=True)
        if place.depth_um(0) is None
    ]
    if unknown:
        return f"no depth in the {scale} is known of {', '.join(unknown)} ('downcore depths show')"
    spans = sorted(
        (place.depth_um(0) or 0, place.depth_um(log.length_um) or 0, log.stored.scan.section_id)
        for log, place in zip(logs, places, strict=True)
    )
    for above, below in pairwise(spans):
        if below[0] < above[1] - _MAX_OVERLAP_UM:
            return f"{above[2]} and {below[2]} overlap by {in_cm(above[1] - below[0])} cm"
    return ""


def _cut_to_length(log: _StoredLog, place: SectionPlace) -> _StoredLog:
    """Return what of a section lies above its end: below it, the scan shows the tray."""
    end_um = place.scanned_length_um
    if end_um is None or end_um >= log.length_um:
        return log
    rows = tuple(row for row in log.rows if row.core_slice.top_um < end_um)
    if not rows:
        return log
    picture = log.picture
    if not isinstance(picture, str):
        picture = picture[
            : max(1, round(len(picture) * rows[-1].core_slice.bottom_um / log.length_um))
        ]
    composed = tuple(part for part in log.composed if part.index <= rows[-1].core_slice.index)
    return replace(log, rows=rows, composed=composed, picture=picture)


def _missing_images(logs: Sequence[_StoredLog]) -> str:
    reasons = [log.picture for log in logs if isinstance(log.picture, str)]
    return (
        f"no image, so each centimetre in its mean colour: {'; '.join(reasons)}" if reasons else ""
    )


def _log_of(reader: Reader, section: str, limits: Limits, bundle: str | None) -> _StoredLog:
    stored = standing_scan(reader, section)
    scan_id = stored.scan.scan_id
    rows = tuple(row.row for row in reader.scan_log(scan_id))
    if not rows:
        state = f"{stored.status.state} {stored.status.reason}".strip()
        raise SectionError(f"section {section!r} has no row yet; its scan is {state}")
    return _StoredLog(
        stored=stored,
        rows=rows,
        composed=tuple(reader.composition_log(scan_id)),
        bundles=_bundles_of(section, rows, reader.bundles(), bundle),
        picture=picture_of_scan(stored, reader.prefix_digest(scan_id), limits),
        flags=(flags := standing_flags(reader, stored.scan.section_id)),
        evidence=evidence_of(reader, stored.scan.section_id) if flags else (),
    )


def _bundles_of(
    section: str, rows: Sequence[SliceRow], known: Sequence[StoredBundle], asked: str | None
) -> tuple[StoredBundle, ...]:
    """Return the bundles of a section, first the one to draw: that with the most values.

    Of equal ones the newest comes first, which for measured rows is the corrected series.
    """
    n_values = Counter({estimate.bundle_id: 0 for row in rows for estimate in row.estimates})
    n_values.update(e.bundle_id for row in rows for e in row.estimates if e.value is not None)
    found = [bundle for bundle in reversed(known) if bundle.bundle_id in n_values]
    found.sort(key=lambda bundle: -n_values[bundle.bundle_id])
    if asked is None:
        return tuple(found)
    chosen = [b for b in found if asked and (b.network == asked or b.bundle_id.startswith(asked))]
    if not chosen:
        raise SectionError(
            f"expected a bundle of section {section!r} for --bundle, got {asked!r}; "
            f"it has: {', '.join(map(_words, found)) or 'none'}"
        )
    return (chosen[0], *(bundle for bundle in found if bundle is not chosen[0]))


def _section(log: _StoredLog, place: SectionPlace, *, has_core_name: bool) -> PlateSection:
    scan = log.stored.scan
    is_composed = len(log.composed) == len(log.rows)
    slices = plate_slices(
        log.rows,
        log.composed,
        bundle_id=log.bundle_ids,
    )
    return PlateSection(
        name=f"section {scan.section}{scan.half}" if has_core_name else scan.section_id,
        top_um=place.depth_um(0) or 0,
        bottom_um=place.depth_um(log.length_um) or 0,
        slices=tuple(
            replace(
                part,
                top_um=place.depth_um(part.top_um) or 0,
                bottom_um=place.depth_um(part.bottom_um) or 0,
            )
            for part in slices
        ),
        picture=None if isinstance(log.picture, str) else log.picture,
        # A strip of regions has no rows for centimetres that were not composed.
        labels=label_strip([part.labels for part in log.composed]) if is_composed else None,
        flags=placed_flags(log.flags, place.depth_um),
        evidence=placed_evidence(log.evidence, place.depth_um),
    )


def _with_classes(sections: Sequence[PlateSection]) -> tuple[PlateSection, ...]:
    """Return sections with the classes of their regions, where a picture gives regions colours."""
    known = [
        (i, (one.labels, one.picture))
        for i, one in enumerate(sections)
        if one.labels is not None and one.picture is not None
    ]
    found = list(sections)
    if known:
        classes = classes_of_pictures([pair for _, pair in known])
        for (i, _), one in zip(known, classes, strict=True):
            found[i] = replace(found[i], classes=one)
    return tuple(found)


def _title(
    placed: Sequence[tuple[SectionPlace, _StoredLog]],
    *,
    has_core_name: bool,
    is_depth_in_core: bool,
) -> str:
    scans = [log.stored.scan for _, log in placed]
    if len(scans) == 1:
        place = placed[0][0]
        top = f", top at {in_cm(place.depth_um(0) or 0)} cm in the {place.scale}"
        depth = top if is_depth_in_core else ""
        return f"Section {scans[0].section_id}{depth}"
    if has_core_name:
        core = " ".join(filter(None, (scans[0].expedition, scans[0].core)))
        return f"Core {core}, sections {', '.join(scan.section + scan.half for scan in scans)}"
    return f"Sections {', '.join(scan.section_id for scan in scans)}"


def _words(bundle: StoredBundle) -> str:
    correction = ", corrected by measured rows" if bundle.is_corrected else ""
    return f"{bundle.network} {bundle.precision} {bundle.bundle_id[:8]}{correction}"


def _bundle_of_tracks(log: _StoredLog) -> str:
    """Return whose values a section's tracks show; by property where there are several."""
    tracks: dict[str, list[str]] = {}
    for name, bundle_id in (log.bundle_ids or {}).items():
        tracks.setdefault(bundle_id, []).append(name)
    words = {bundle.bundle_id: _words(bundle) for bundle in log.bundles}
    if len(tracks) == 1:
        return words[next(iter(tracks))]
    return "; ".join(f"{', '.join(names)}: {words[one]}" for one, names in tracks.items())


def _silent_bundles(log: _StoredLog) -> list[str]:
    """Return why bundles have no value at all for a section's sediment, one by one."""
    found = []
    for bundle in log.bundles:
        own = [e for row in log.rows for e in row.estimates if e.bundle_id == bundle.bundle_id]
        abstained = Counter(e.reason for e in own if e.status is Status.ABSTAINED)
        if abstained and all(e.value is None for e in own):
            why = abstained.most_common(1)[0][0]
            found.append(f"{_words(bundle)} does not answer: {why}")
    return found


def _caveat(logs: Sequence[_StoredLog]) -> str:
    """Return what a reader must know before using a number."""
    drawn = [log.bundles[0] for log in logs if log.bundles]
    is_generator = any(NO_NATURAL_CORE in bundle.training_data for bundle in drawn)
    is_composed = any(log.composed for log in logs)
    caveats = [GENERATOR_CAVEAT] * is_generator + [COMPOSITION_CAVEAT] * is_composed
    return "; ".join(caveats)


def _other_bundles(logs: Sequence[_StoredLog]) -> list[str]:
    others = dict.fromkeys(_words(bundle) for log in logs for bundle in log.bundles[1:])
    return [f"not drawn: {', '.join(others)}; --bundle chooses"] if others else []
