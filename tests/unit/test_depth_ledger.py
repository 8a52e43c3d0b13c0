"""Where sections lie in the core: the newest that says it counts, and depth only ever goes down."""

import csv
import io
from dataclasses import replace
from itertools import pairwise

import pytest
from core_store import row_at
from hypothesis import given
from hypothesis import strategies as st

from downcore.commands.core_lookup import CoreIndex
from downcore.commands.depth_files import read_depths
from downcore.commands.depths_table import csv_rows
from downcore.strata.core_depths import DepthScale, core_depths
from downcore.strata.core_log import DepthGap, core_piece, joined_log
from downcore.strata.depth_ledger import (
    CoreEntry,
    CoreName,
    Datum,
    DepthSource,
    Draft,
    SectionEntry,
    Version,
    core_said,
    in_cm,
    in_m,
    section_key,
    section_order,
)

CORE = CoreName("145", "887A-1H")
CM, M = 10_000, 1_000_000


def version(
    number: int, *entries: SectionEntry | CoreEntry, source: DepthSource = DepthSource.TYPED
) -> Version:
    return Version(
        number,
        f"2026-01-0{number % 9 + 1}T00:00:00Z",
        Draft(
            source,
            "ann",
            sections=tuple(one for one in entries if isinstance(one, SectionEntry)),
            cores=tuple(one for one in entries if isinstance(one, CoreEntry)),
        ),
    )


lengths_um = st.integers(1, 3 * M)
tops_um = st.integers(0, 2_000 * M)


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[Version, ...]:
    """Return sections of one core, one below the other, with lengths, gaps, a top and a shift."""
    datum = draw(st.sampled_from(Datum))
    top_um = draw(tops_um) if datum is Datum.HOLE else 0
    entries: list[SectionEntry | CoreEntry] = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        curated = draw(lengths_um)
        expanded = draw(st.none() | lengths_um)
        is_gap = number > 1 and draw(st.booleans())
        gap = draw(st.integers(0, M))
        top_um += gap
        place = (None, datum, gap) if is_gap else (top_um, datum, None)
        entries.append(SectionEntry(CORE, str(number), *place, curated, expanded))
        top_um += curated
    core_top = draw(st.none() | st.integers(0, 0 if datum is Datum.HOLE else 5_000 * M))
    shift = draw(st.none() | st.integers(-10 * M, 10 * M))
    if core_top is not None or shift is not None:
        entries.append(CoreEntry(CORE, core_top, shift))
    return (version(1, *entries),)


@given(ledgers(), st.lists(st.integers(0, 5 * M), min_size=2, max_size=20))
def test_depth_in_the_core_never_goes_up_down_a_section(
    ledger: tuple[Version, ...], depths: list[int]
) -> None:
    for section in core_depths(core_said(CORE, ledger)).sections:
        placed = [section.depth_in_core_um(depth) for depth in sorted(depths)]

        assert all(a is not None and b is not None and a <= b for a, b in pairwise(placed))


@given(ledgers(), st.integers(1, 30))
def test_the_log_of_a_core_goes_down_from_row_to_row_and_keeps_depth_in_the_section(
    ledger: tuple[Version, ...], n_rows: int
) -> None:
    depths = core_depths(core_said(CORE, ledger))
    rows = [row_at(i) for i in range(n_rows)]
    found = [core_piece(f"s{one.section}", "x", depths, one, rows) for one in depths.sections]
    log = joined_log("core", [piece for piece in found if piece], DepthScale.CORE, ())

    edges = [0]
    for part in log.parts:
        if isinstance(part, DepthGap):
            edges += [part.top_um, part.bottom_um]
        else:
            edges += [edge for one in part.rows for edge in (one.top_um, one.bottom_um)]
            assert [one.row for one in part.rows] == rows[: len(part.rows)]
    assert edges == sorted(edges)


@given(ledgers())
def test_what_is_shown_as_a_table_and_imported_again_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, ledger: tuple[Version, ...]
) -> None:
    index = CoreIndex((), ledger)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(csv_rows([index.core(CORE)]))
    path = tmp_path_factory.mktemp("shown") / "shown.csv"
    path.write_text(text.getvalue())

    read = read_depths(path, "bob", "").draft

    (entries,) = [one.draft.sections for one in ledger]
    assert read.sections == tuple(
        # Nothing has a datum where there is no top.
        one if one.top_um is not None else replace(one, datum=Datum.CORE)
        for one in entries
    )
    assert read.cores == ledger[0].draft.cores
    again = core_depths(core_said(CORE, [*ledger, Version(2, "", read)]))
    assert [one.top_um for one in again.sections] == [
        one.top_um for one in core_depths(core_said(CORE, ledger)).sections
    ]


@given(st.integers(-(10**12), 10**12))
def test_a_length_as_text_is_exact(length_um: int) -> None:
    assert round(float(in_cm(length_um)) * CM) == length_um
    assert round(float(in_m(length_um)) * M) == length_um


def test_of_each_number_the_newest_version_that_says_it_counts() -> None:
    sidecar = version(0, SectionEntry(CORE, "3", 300 * CM), source=DepthSource.SIDECAR)
    file = version(1, SectionEntry(CORE, "3", 310 * CM, curated_length_um=150 * CM))
    typed = version(2, SectionEntry(CORE, "3", 305 * CM))

    (section,) = core_said(CORE, [sidecar, file, typed]).sections

    assert section.top is not None
    assert (section.top.value_um, section.top.version) == (305 * CM, typed)
    assert section.curated_length is not None
    assert section.curated_length.version == file
    assert [one for _, one in section.overruled] == [file, sidecar]


def test_what_was_withdrawn_does_not_count_but_the_sidecar_does() -> None:
    sidecar = version(0, SectionEntry(CORE, "3", 300 * CM), source=DepthSource.SIDECAR)
    typed = version(1, SectionEntry(CORE, "3", 305 * CM, curated_length_um=1))
    withdrawn = version(2, SectionEntry(CORE, "3", is_withdrawal=True))

    (section,) = core_said(CORE, [sidecar, typed, withdrawn]).sections

    assert section.top is not None
    assert section.top.version == sidecar
    assert section.curated_length is None


def test_a_gap_puts_a_section_below_the_one_above() -> None:
    upper = SectionEntry(CORE, "1", 10 * CM, curated_length_um=100 * CM)
    lower = SectionEntry(CORE, "2", gap_above_um=5 * CM)

    sections = core_depths(core_said(CORE, [version(1, upper, lower)])).sections

    assert [one.top_um for one in sections] == [10 * CM, 115 * CM]


def test_a_gap_below_a_section_of_unknown_length_is_said_not_guessed() -> None:
    upper = SectionEntry(CORE, "1", 10 * CM)
    lower = SectionEntry(CORE, "2", gap_above_um=5 * CM)

    depths = core_depths(core_said(CORE, [version(1, upper, lower)]))

    assert depths.sections[1].top_um is None
    assert "section 2 has a gap above it" in depths.notes[0]


def test_an_expanded_section_is_compressed_to_its_curated_length() -> None:
    entry = SectionEntry(
        CORE, "1", 100 * CM, curated_length_um=100 * CM, expanded_length_um=110 * CM
    )
    (section,) = core_depths(core_said(CORE, [version(1, entry)])).sections

    assert section.depth_in_core_um(110 * CM) == 200 * CM
    assert section.depth_in_core_um(55 * CM) == 150 * CM


def test_depth_in_the_hole_and_composite_depth_are_shifts_of_depth_in_the_core() -> None:
    entries = (SectionEntry(CORE, "1", 6_700_000, Datum.HOLE), CoreEntry(CORE, shift_um=-1_200_000))

    depths = core_depths(core_said(CORE, [version(1, *entries)]))

    assert depths.sections[0].top_um == 0
    assert depths.offset_um(DepthScale.HOLE) == 6_700_000
    assert depths.offset_um(DepthScale.COMPOSITE) == 5_500_000


def test_the_top_of_a_core_whose_first_section_is_not_known_is_said_to_be_taken() -> None:
    entry = SectionEntry(CORE, "3", 9 * M, Datum.HOLE)

    depths = core_depths(core_said(CORE, [version(1, entry)]))

    assert "taken as that of section 3" in depths.notes[0]


def test_overlaps_and_sections_out_of_order_are_said() -> None:
    entries = (
        SectionEntry(CORE, "1", 0, curated_length_um=150 * CM),
        SectionEntry(CORE, "2", 140 * CM, curated_length_um=150 * CM),
        SectionEntry(CORE, "3", 120 * CM),
    )

    notes = core_depths(core_said(CORE, [version(1, *entries)])).notes

    assert "section 3 lies above section 2: 120 cm in the core against 140 cm" in notes
    assert "sections 1 and 3 overlap by 30 cm" in notes


def test_a_core_s_top_below_its_sections_is_said() -> None:
    entries = (SectionEntry(CORE, "1", 2 * M, Datum.HOLE), CoreEntry(CORE, top_um=3 * M))

    notes = core_depths(core_said(CORE, [version(1, *entries)])).notes

    assert notes == ("section 1 lies 100 cm above the core's top",)


@pytest.mark.parametrize(
    ("written", "key"), [("01", "1"), (" 3 ", "3"), ("cc", "CC"), ("2A", "2A"), ("0", "0")]
)
def test_a_section_has_one_name_however_it_is_written(written: str, key: str) -> None:
    assert section_key(written) == key


def test_sections_are_ordered_as_numbers_with_the_core_catcher_last() -> None:
    names = ["CC", "10", "2", "1", "2B", "2A"]

    assert sorted(names, key=section_order) == ["1", "2", "2A", "2B", "10", "CC"]


@pytest.mark.parametrize(
    "numbers",
    [{"top_um": -1}, {"top_um": 1, "gap_above_um": 1}, {"curated_length_um": 0}],
    ids=["negative top", "top and gap", "no length"],
)
def test_an_entry_that_makes_no_sense_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        SectionEntry(CORE, "1", **numbers)  # type: ignore[arg-type] # some of its numbers


def test_a_gap_names_the_section_that_is_not_in_the_record() -> None:
    entries = tuple(
        SectionEntry(CORE, str(i), (i - 1) * 30 * CM, curated_length_um=30 * CM) for i in (1, 2, 3)
    )
    depths = core_depths(core_said(CORE, [version(1, *entries)]))
    pieces = [
        core_piece(f"s{one.section}", "x", depths, one, [row_at(i) for i in range(30)])
        for one in (depths.sections[2], depths.sections[0])
    ]

    log = joined_log("core", [piece for piece in pieces if piece], DepthScale.CORE, ())

    (gap,) = log.gaps
    assert (gap.top_um, gap.bottom_um) == (30 * CM, 60 * CM)
    assert gap.reason == "no core between s1 and s3; not in the store: 145-887A-1H section 2"
