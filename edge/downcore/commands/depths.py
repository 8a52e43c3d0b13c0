"""``downcore depths import`` and ``edit``: adding versions to the depth ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from downcore.commands.core_lookup import CoreIndex
from downcore.commands.correct import user_name, wait_for_daemon
from downcore.commands.depth_files import ReadDepths, read_depths
from downcore.commands.depth_names import named_as_stored
from downcore.commands.depth_notes import changes, coverage_notes, length_notes
from downcore.ports import Clock
from downcore.store import Reader, Store
from downcore.store.requests import hand_over_depths
from downcore.store.stored_cores import StoredCore
from downcore.strata.depth_ledger import (
    CoreEntry,
    CoreName,
    Datum,
    DepthSource,
    Draft,
    SectionEntry,
    section_key,
)
from downcore.strata.errors import DepthLedgerError, StoreBusyError


@dataclass(frozen=True, slots=True)
class TypedDepths:
    """What a person typed for a core or one of its sections, in micrometres; ``None`` if not."""

    section: str | None = None
    top_in_core_um: int | None = None
    top_in_hole_um: int | None = None
    gap_above_um: int | None = None
    curated_length_um: int | None = None
    expanded_length_um: int | None = None
    core_top_um: int | None = None
    shift_um: int | None = None
    withdraws: bool = False
    """Whether what was said before does not count any more."""


def import_depths(db: Path, files: Sequence[Path], clock: Clock, *, why: str = "") -> list[str]:
    """
    Add what files say to the depth ledger, a version for each; all of them, or none.

    Parameters
    ----------
    db : Path
        The store; it must be there.
    files : sequence of Path
        Section summaries, affine tables, plain tables, Geotek sidecars.
    clock : Clock
        For the time of the versions.
    why : str, optional
        Kept with them.

    Returns
    -------
    list of str
        What was added and what a person should know, in sentences.

    Raises
    ------
    DepthLedgerError
        If a file cannot be used, or two of them disagree. Nothing is added then.
    StoreError
        If there is no store, or it can neither be written nor handed to the daemon that runs.
    """
    with Reader.open(db) as reader:
        index = CoreIndex.of(reader)
        reads = [named_as_stored(index, read_depths(path, user_name(), why)) for path in files]
        _refuse_conflicts([read.draft for read in reads])
        drafts = [read.draft for read in reads if changes(index, read.draft)]
        after = index.with_drafts(drafts, clock.utc_rfc3339())
        lines: list[str] = []
        for read in reads:
            lines += _import_lines(reader, index, after, read)
    return [*dict.fromkeys(lines), *_added(db, drafts, clock)]


def edit_depths(
    db: Path, core: str, typed: TypedDepths, clock: Clock, *, why: str = ""
) -> list[str]:
    """
    Add what a person typed to the depth ledger; it counts from now on, and nothing is destroyed.

    Parameters
    ----------
    db : Path
        The store; it must be there.
    core : str
        Name of the core; a new one where the section is named as ``downcore log`` lists it, and
        its own names say no core.
    typed : TypedDepths
        What to add.
    clock : Clock
        For the time of the version.
    why : str, optional
        Kept with it.

    Returns
    -------
    list of str
        What changed and what a person should know, in sentences.

    Raises
    ------
    DepthLedgerError
        If nothing was typed, or it makes no sense.
    UnknownSectionError
        If the store has no such core.
    StoreError
        As :func:`import_depths`.
    """
    with Reader.open(db) as reader:
        index = CoreIndex.of(reader)
        draft = _typed_draft(index, core, typed, why)
        changed = changes(index, draft)
        if not changed and not typed.withdraws:
            return ["the ledger says so already; nothing was added"]
        after = index.with_drafts([draft], clock.utc_rfc3339())
        found = [after.core(entry.core) for entry in draft.entries]
        lines = [*changed, *_notes_of(reader, found)]
    said = list(dict.fromkeys(lines)) or ["withdrawn: what was imported and typed does not count"]
    return [*said, *_added(db, [draft], clock)]


def _added(db: Path, drafts: Sequence[Draft], clock: Clock) -> list[str]:
    """Add versions to the ledger, or hand them to the daemon that runs; say so in that case."""
    try:
        with Store.open(db, clock=clock, announce=None) as store:
            for draft in drafts:
                store.add_depths(draft)
    except StoreBusyError:
        left = [hand_over_depths(db.absolute(), draft, clock.utc_rfc3339()) for draft in drafts]
        return [wait_for_daemon(left[-1])] if left else []
    return []


def _import_lines(
    reader: Reader, index: CoreIndex, after: CoreIndex, read: ReadDepths
) -> list[str]:
    draft = read.draft
    named = dict.fromkeys(entry.core for entry in draft.entries)
    cores = [after.core(name) for name in named]
    changed = changes(index, draft)
    n_sections = len(draft.sections)
    what = f"{n_sections} section{'s' * (n_sections != 1)} of " if n_sections else ""
    if not changed:
        lines = [f"{draft.file_name}: the ledger says so already; nothing was added"]
    else:
        lines = [f"{draft.file_name}: {draft.source}, {what}{_listed(list(map(str, named)))}"]
        lines += [f"tops count {_datum_words(datum)}" for datum in _datums(draft)]
    overruled = [line for line in changed if " was " in line]
    return [
        *lines,
        *read.notes,
        *overruled,
        *(note for core in cores for note in coverage_notes(core, draft)),
        *_notes_of(reader, cores),
    ]


def _notes_of(reader: Reader, cores: Sequence[StoredCore]) -> list[str]:
    return [
        f"core {core.name}: {note}"
        for core in cores
        for note in (*core.notes, *core.depths.notes, *length_notes(reader, core))
    ]


def _datums(draft: Draft) -> list[Datum]:
    return list(dict.fromkeys(one.datum for one in draft.sections if one.top_um is not None))


def _datum_words(datum: Datum) -> str:
    return "from the core's top" if datum is Datum.CORE else "from the sea or lake floor"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:6])
    return f"core{'s' * (len(names) > 1)} {shown}{' and more' * (len(names) > 6)}"  # noqa: PLR2004 - a line of them


def _refuse_conflicts(drafts: Sequence[Draft]) -> None:
    """Refuse files that are given together and say different things of one section or core."""
    seen: dict[tuple[str, ...], tuple[object, str]] = {}
    for draft in drafts:
        for what, value in _sayings(draft):
            other = seen.setdefault(what, (value, draft.file_name))
            if other[0] != value:
                raise DepthLedgerError(
                    f"{other[1]} and {draft.file_name} disagree on {' '.join(what)}; import the "
                    "one that is right, or first one and then the other"
                )


def _sayings(draft: Draft) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield what a draft says, each number with what it is of."""
    for one in draft.sections:
        of = (f"section {one.section} of core {one.core}",)
        place = (one.top_um, one.gap_above_um)
        if place != (None, None):
            yield ("the top of", *of), (*place, one.datum)
        for what, length_um in (
            ("the curated length of", one.curated_length_um),
            ("the expanded length of", one.expanded_length_um),
        ):
            if length_um is not None:
                yield (what, *of), length_um
    for core in draft.cores:
        for what, value_um in (("the top of", core.top_um), ("the shift of", core.shift_um)):
            if value_um is not None:
                yield (what, f"core {core.core}"), value_um


def _typed_draft(index: CoreIndex, name: str, typed: TypedDepths, why: str) -> Draft:
    _check_typed(typed)
    core, section = _place_of(index, name, typed.section)
    draft = Draft(DepthSource.TYPED, user_name(), why)
    if section is None:
        entry = CoreEntry(core, typed.core_top_um, typed.shift_um, typed.withdraws)
        return replace(draft, cores=(entry,))
    in_hole = typed.top_in_hole_um
    return replace(
        draft,
        sections=(
            SectionEntry(
                core,
                section,
                top_um=typed.top_in_core_um if in_hole is None else in_hole,
                datum=Datum.CORE if in_hole is None else Datum.HOLE,
                gap_above_um=typed.gap_above_um,
                curated_length_um=typed.curated_length_um,
                expanded_length_um=typed.expanded_length_um,
                is_withdrawal=typed.withdraws,
            ),
        ),
    )


def _place_of(index: CoreIndex, name: str, section: str | None) -> tuple[CoreName, str | None]:
    """Return which core and section are meant."""
    by_id = next((one for one in index.scans if one.scan.section_id == section), None)
    if section is not None and by_id is not None and not by_id.scan.core and not index.has(name):
        return CoreName("", name.strip()), section
    cores = index.find(name)
    if len(cores) > 1:
        raise DepthLedgerError(
            f"expected one core, got {name!r}, a hole of {len(cores)}: "
            f"{', '.join(str(one.name) for one in cores)}"
        )
    (core,) = cores
    if section is None:
        return core.name, None
    known = [one.section for one in core.depths.sections]
    of_core = {one.stored.scan.section_id: one.section for one in core.scans}
    key = of_core.get(section, section_key(section))
    if key not in known and (by_id is None or by_id.scan.core):
        raise DepthLedgerError(
            f"expected a section of core {core.name}, got {section!r}; known: "
            f"{', '.join(known) or 'none'}"
        )
    return core.name, key


def _check_typed(typed: TypedDepths) -> None:
    places = (typed.top_in_core_um, typed.top_in_hole_um, typed.gap_above_um)
    of_section = (*places, typed.curated_length_um, typed.expanded_length_um)
    of_core = (typed.core_top_um, typed.shift_um)
    has_section = any(one is not None for one in of_section)
    has_core = any(one is not None for one in of_core)
    if sum(one is not None for one in places) > 1:
        raise DepthLedgerError("expected one of --top-cm, --top-m and --gap-cm, got more")
    if has_section and typed.section is None:
        raise DepthLedgerError("expected --section with a top, gap or length, got none")
    if has_core and typed.section is not None:
        raise DepthLedgerError(
            "expected --core-top-m and --shift-m without --section: they are of the whole core"
        )
    if typed.withdraws and (has_section or has_core):
        raise DepthLedgerError("expected --withdraw alone, or a depth; got both")
    if not (has_section or has_core or typed.withdraws):
        raise DepthLedgerError(
            "expected a depth to add, got none; --section N --top-cm CM, for example"
        )
    if min((one for one in (*of_section, typed.core_top_um) if one is not None), default=0) < 0:
        raise DepthLedgerError("expected depths and lengths of 0 or more, got a negative one")
    if 0 in (typed.curated_length_um, typed.expanded_length_um):
        raise DepthLedgerError("expected a length above 0, got 0")
