"""What ``init`` and ``doctor`` say of an inbox, in sentences."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path, PurePosixPath

from downcore.commands.inbox_survey import Survey, SurveyedScan
from downcore.sources.inbox.leaving_out import LeftOut, left_out_sentences

NO_SCANS = "no scans yet: sidecars, rules or inbox.px_per_cm will say the scale as they appear"
"""What is true of the scale in an empty inbox."""

MAX_LISTED = 20
"""Names of scans that are all right in one sentence; further ones are counted."""

MAX_IN_FULL = 5
"""Collisions of the same folders that are said in full; further ones are counted."""

_TEMPORARY = "hidden or temporary names, read once they have their final name"


def group_sentences(survey: Survey) -> Iterator[str]:
    """Yield one sentence for each group of scans: format, folder, number, scale and size."""
    for (folder, title), scans in _grouped(survey.scans, _group_of).items():
        scales = sorted(
            {
                (s.description.px_per_cm, s.description.px_per_cm_from)
                for s in scans
                if s.description
            }
        )
        yield (
            f"{_count(scans)} in {_folder_words(folder)}: {title}; {_scales(scales, scans)}; "
            f"{_range([scan.n_across for scan in scans if scan.n_across])} px across, "
            f"{_range([scan.n_lines for scan in scans if scan.n_lines])} lines"
        )


def name_sentences(survey: Survey) -> Iterator[str]:
    """Yield which names are understood, and which stand for sections of their own."""
    understood = sorted({s.name.section_id for s in survey.scans if not s.name.warning})
    if understood:
        yield f"names understood: {listed(understood, MAX_LISTED)}"
    odd = [scan for scan in survey.scans if scan.name.warning]
    unknown = [scan for scan in odd if not scan.name.pattern]
    if unknown:
        which = listed([scan.place.as_posix() for scan in unknown], MAX_LISTED)
        yield (
            f"names: no pattern fits {_count(unknown)}: {which}; each becomes a section of its "
            f"own, such as {unknown[0].name.section_id!r}; name_patterns in the settings, or core "
            "and section in a rule, say which core they belong to"
        )
    additions: dict[str, list[str]] = {}
    for scan in odd:
        if scan.name.pattern:
            kind = scan.name.warning.replace(f" of section '{scan.name.section_id}'", "")
            additions.setdefault(kind, []).append(scan.place.as_posix())
    for kind, places in additions.items():
        yield f"names: {kind}, and left away: {listed(places, MAX_LISTED)}"


def unplaced_sentences(scans: Iterable[SurveyedScan], most: int | None = None) -> Iterator[str]:
    """Yield each reason for which scans cannot be read as they are, with the scans' names."""
    for (folder, reason), unplaced in _grouped(scans, _unplaced_of).items():
        names = listed([_name_below(folder, scan) for scan in unplaced], most)
        where = _folder_words(folder)
        yield f"cannot place {_count(unplaced)} in {where}: {reason}: {names}"


def collision_sentences(survey: Survey) -> Iterator[str]:
    """Yield which scans share a section's name though they show something else."""
    by_folders: dict[tuple[str, ...], list[list[SurveyedScan]]] = {}
    for scans in survey.collisions():
        by_folders.setdefault(tuple(sorted({scan.folder for scan in scans})), []).append(scans)
    for folders, sections in by_folders.items():
        said = [
            f"section {scans[0].name.section_id} is the name of "
            f"{listed([scan.place.as_posix() for scan in scans], MAX_LISTED)}"
            for scans in sections
        ]
        more = f"; so are {len(said) - MAX_IN_FULL} more" if len(said) > MAX_IN_FULL else ""
        end = (
            "rules can give each folder its expedition"
            if len(folders) > 1
            else "the later one takes the earlier one's place; rename one if they are two sections"
        )
        yield f"COLLISION: {'; '.join(said[:MAX_IN_FULL])}{more}; {end}"


def copy_sentences(survey: Survey) -> Iterator[str]:
    """Yield which scans seem to be the same, byte for byte, under different names."""
    said = [
        ", ".join(scan.place.as_posix() for scan in scans[:MAX_LISTED]) for scans in survey.copies()
    ]
    if said:
        places = listed(said, MAX_LISTED, "; ")
        yield f"COPY: the same content under several names, read once: {places}"


def left_out_lines(survey: Survey) -> list[str]:
    """Return what is left out, a sentence for each kind, temporary names among it."""
    temporary = [
        LeftOut(file.path, is_folder=False, kind=_TEMPORARY) for file in survey.listing.not_yet
    ]
    return left_out_sentences((*survey.left_out, *temporary), survey.inbox)


def listed(names: list[str], most: int | None, between: str = ", ") -> str:
    """Return names, and of those beyond ``most`` the number, so that none is hidden."""
    if most is None or len(names) <= most:
        return between.join(names)
    return f"{between.join(names[:most])} and {len(names) - most} more"


def _group_of(scan: SurveyedScan) -> tuple[str, str]:
    folder = scan.place.parent
    # Itrax has a folder for each section; the folder above tells the scanner.
    is_own = scan.files.format.name == "itrax" and folder.name
    shown = f"{folder.parent.as_posix()}/*" if is_own else folder.as_posix()
    return shown.removeprefix("./"), scan.files.format.title


def _folder_words(folder: str) -> str:
    return "the inbox itself" if folder == "." else folder


def _unplaced_of(scan: SurveyedScan) -> tuple[str, str]:
    # The file's own name in a reason would make each a reason of its own.
    path = scan.files.paths[0]
    folder, title = _group_of(scan)
    reason = scan.reason.replace(f": {path};", ";").replace(f"{path}: ", "")
    reason = reason.replace(f"{path.parent}/", "").replace(path.name, "it")
    return folder, f"{title}: {reason.replace(f'{path.stem}.xml', 'its XML')}"


def _name_below(folder: str, scan: SurveyedScan) -> str:
    """Return a scan's place as seen from the folder that it is listed with."""
    above = PurePosixPath(folder.removesuffix("*"))
    place = PurePosixPath(scan.place)
    return (place.relative_to(above) if place.is_relative_to(above) else place).as_posix()


def _grouped(
    scans: Iterable[SurveyedScan], key: Callable[[SurveyedScan], tuple[str, str]]
) -> dict[tuple[str, str], list[SurveyedScan]]:
    groups: dict[tuple[str, str], list[SurveyedScan]] = {}
    for scan in scans:
        groups.setdefault(key(scan), []).append(scan)
    return dict(sorted(groups.items()))


def _scales(scales: list[tuple[str, str]], scans: list[SurveyedScan]) -> str:
    n_without = sum(scan.description is None for scan in scans)
    values = {px for px, _ in scales}
    if len(values) > 4:  # noqa: PLR2004 - more than a person takes in at a glance
        ends = sorted(values, key=Fraction)
        span = f"{_rounded(ends[0])} to {_rounded(ends[-1])}"
        said = [f"scale: {len(values)} different ones, {span} px/cm"]
    else:
        by: dict[str, set[str]] = {}
        for px, source in scales:
            by.setdefault(px, set()).add("the sidecars" if _is_sidecar(source) else source)
        said = [f"scale: {px} px/cm by {' and '.join(sorted(who))}" for px, who in by.items()]
    if n_without:
        said.append(f"{n_without} without a scale")
    return ", ".join(said)


def _is_sidecar(source: str) -> bool:
    return Path(source).suffix.lower() in {".xml", ".hdr", ".txt"}


def _rounded(px_per_cm: str) -> str:
    return f"{float(Fraction(px_per_cm)):.4g}"


def _range(values: list[int]) -> str:
    if not values:
        return "unknown"
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


def _count(scans: list[SurveyedScan]) -> str:
    return f"{len(scans)} scan{'s' if len(scans) > 1 else ''}"
