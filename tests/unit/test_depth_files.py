"""Files of section depths: what is read of them, what is noted, and what is refused by name."""

import os
from pathlib import Path

import pytest

from downcore.commands.depth_files import ReadDepths, read_depths
from downcore.exit_codes import BAD_INPUT, exit_code_of
from downcore.strata.depth_ledger import CoreEntry, CoreName, Datum, DepthSource, SectionEntry
from downcore.strata.errors import DepthLedgerError

SUMMARY = """leg,site,hole,core,type,section,liner_length_m,curated_length_m,top_mbsf,comment
145,887,A,1,H,1,1.5,1.5,0.0,IW 145-150.
145,887,A,1,H,2,0.41,0.44,1.5,
145,887,A,1,H,CC,0.24,0.24,1.94,2 CM TO PAL.
"""
LORE = """\ufeffExp,Site,Hole,Core,Type,Sect,Curated length (m),\
Top depth CSF-A (m),Bottom depth CSF-A (m)
379,U1533,B,12,H,1,1.50,101.2,102.7
379,U1533,B,12,H,2,1.50,102.7,104.0
"""
AFFINE = """Site,Hole,Core,Core Type,Depth CSF (m),Depth CCSF (m),Cumulative Offset (m),Shift Type
U1533,A,1,H,0,0.5,0.5,TIE
U1533,A,2,H,5.2,4.95,-0.25,SET
"""


def read(
    tmp_path: Path, text: str, name: str = "depths.csv", encoding: str = "utf-8"
) -> ReadDepths:
    path = tmp_path / name
    path.write_text(text, encoding=encoding)
    return read_depths(path, "ann", "first look")


def tops(found: ReadDepths) -> list[tuple[str, int | None, Datum]]:
    return [(one.section, one.top_um, one.datum) for one in found.draft.sections]


def test_a_section_summary_of_odp_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, SUMMARY)

    core = CoreName("145", "887A-1H")
    assert found.draft.source is DepthSource.SUMMARY
    assert found.draft.sections == (
        SectionEntry(core, "1", 0, Datum.HOLE, None, 1_500_000),
        SectionEntry(core, "2", 1_500_000, Datum.HOLE, None, 440_000),
        SectionEntry(core, "CC", 1_940_000, Datum.HOLE, None, 240_000),
    )
    assert found.notes == ("columns not used: liner_length_m, comment",)
    assert (found.draft.made_by, found.draft.why) == ("ann", "first look")


def test_a_section_summary_of_iodp_is_read_and_a_bottom_that_does_not_fit_is_said(
    tmp_path: Path,
) -> None:
    found = read(tmp_path, LORE)

    assert tops(found) == [("1", 101_200_000, Datum.HOLE), ("2", 102_700_000, Datum.HOLE)]
    assert found.draft.sections[0].core == CoreName("379", "U1533B-12H")
    (note,) = found.notes
    assert "section 2 of core 379-U1533B-12H: top and curated length give a bottom of 104.2" in note


def test_a_composite_table_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, AFFINE)

    assert found.draft.source is DepthSource.COMPOSITE
    assert found.draft.cores == (
        CoreEntry(CoreName("", "U1533A-1H"), None, 500_000),
        CoreEntry(CoreName("", "U1533A-2H"), None, -250_000),
    )


@pytest.mark.parametrize(
    ("header", "cell", "top_um"),
    [
        ("top_cm", "150", 1_500_000),
        ("top (cm)", "150.5", 1_505_000),
        ("Top [m]", "1.5", 1_500_000),
        ("top_mm", "1500", 1_500_000),
        ("top in core (metres)", "1.5", 1_500_000),
        ("top_in_core_um", "1500000", 1_500_000),
        ("top_ft", "5", 1_524_000),
        ("top (inches)", "10", 254_000),
    ],
)
def test_a_top_is_read_in_the_unit_of_its_header(
    tmp_path: Path, header: str, cell: str, top_um: int
) -> None:
    found = read(tmp_path, f"core,section,{header}\nGC01,02,{cell}\n")

    assert tops(found) == [("2", top_um, Datum.CORE)]
    is_converted = header in {"top_ft", "top (inches)"}
    assert ("converted from feet or inches: " + header in found.notes) == is_converted


@pytest.mark.parametrize(
    "header", ["top_mbsf", "top (mblf)", "top_in_hole_m", "Top depth CSF-A (m)"]
)
def test_a_top_below_the_floor_counts_from_there(tmp_path: Path, header: str) -> None:
    assert tops(read(tmp_path, f"core,section,{header}\nGC01,1,2.5\n")) == [
        ("1", 2_500_000, Datum.HOLE)
    ]


def test_semicolons_decimal_commas_title_lines_and_utf_16_are_read(tmp_path: Path) -> None:
    text = "cruise X;;\ncore;section;top (cm)\nGC01;1;0,5\n;;\nGC01;2;150,25\n"

    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        found = read(tmp_path, text, encoding=encoding)
        assert tops(found) == [("1", 5_000, Datum.CORE), ("2", 1_502_500, Datum.CORE)]


def test_numbers_that_are_skipped_are_said(tmp_path: Path) -> None:
    found = read(tmp_path, "core,section,top_cm\nGC01,1,0\nGC01,4,450\n")

    assert found.notes == ("core GC01 lacks section 2, 3",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("core,section,top\nGC01,1,0\n", "expected the unit in the header of 'top'"),
        ("core,section,top (furlong)\nGC01,1,0\n", "got the unit 'furlong'"),
        ("a,b\n1,2\n", "expected a header with core or section"),
        ("core,section,top_cm\n", "expected rows below the header"),
        ("section,top_cm\n1,0\n", "expected a column core"),
        ("core,section,colour_cm\nGC01,1,0\n", "expected a header with core or section"),
        ("core,length_cm\nGC01,1\n", "expected a column section"),
        ("site,core,section,top_cm\nU1,1,1,0\n", "lacks hole, type"),
        ("core,section,top_cm\nGC01,1,-5\n", "line 2: expected a top_in_core of section 1 of 0 or"),
        ("core,section,top_cm\nGC01,1,deep\n", "line 2: expected a number of cm under 'top_cm'"),
        ("core,section,top_cm\nGC01,1,0\nGC01,,9\n", "line 3: expected a section, got none"),
        ("core,section,top_cm\n,1,0\n", "line 2: expected the name of a core"),
        ("core,section,top_cm,length_cm\nGC01,1,0,0\n", "expected a length above 0"),
        ("core,section,top_cm,top_m\nGC01,1,0,0\n", "expected one column for top_in_core"),
        ("core,section,top_cm,gap_cm\nGC01,1,0,0\n", "expected one of top_in_core, top_in_hole"),
        ("core,section,top_cm\nGC01,1,150\nGC01,2,0\n", "look whether two sections are swapped"),
        ("core,section,top_cm\nGC01,1,0\nGC01,2,0\n", "are out of order: section 2"),
        ("core,section,top_cm\nGC01,1,0\nGC01,01,5\n", "is there twice, with other numbers"),
        ("core,section,top_cm,shift_m\nA,1,0,1\nA,2,5,2\n", "has two values for its shift"),
        (AFFINE.replace("4.95", "5.95"), "but the composite depth is 5.95 m"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_with_its_line(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(DepthLedgerError) as raised:
        read(tmp_path, text)

    assert says in str(raised.value)
    assert "depths.csv" in str(raised.value)
    assert exit_code_of(raised.value) == BAD_INPUT


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"\x89PNG\r\n", b'core,section,top_cm\n"a'])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)

    with pytest.raises(DepthLedgerError, match=r"x\.csv"):
        read_depths(path, "ann", "")


def test_a_file_that_is_missing_or_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")

    for name in ("none.csv", "pipe.csv"):
        with pytest.raises(DepthLedgerError, match="expected a file of depths"):
            read_depths(tmp_path / name, "ann", "")


def sidecar(top: str, core: str = "GC01", section: str = "2") -> str:
    return (
        f"<geotek-image><core-ID>{core}</core-ID><section-number>{section}</section-number>"
        f"<physical-top>{top}</physical-top><pixels-per-CM>100</pixels-per-CM></geotek-image>"
    )


def test_a_geotek_sidecar_gives_a_top_below_the_core_s(tmp_path: Path) -> None:
    found = read(tmp_path, sidecar("150.5"), "GC01_02.xml")

    assert found.draft.source is DepthSource.SIDECAR
    assert found.draft.sections == (SectionEntry(CoreName("", "GC01"), "2", 1_505_000),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (sidecar("5"), "no usable physical-top"),
        (sidecar("150", core=""), "no usable core"),
        ("<other/>", "expected a Geotek XML"),
        (sidecar("150")[:60], "does not parse"),
    ],
)
def test_a_sidecar_that_does_not_say_where_a_section_lies_is_refused(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(DepthLedgerError, match=says):
        read(tmp_path, text, "GC01_02.xml")
