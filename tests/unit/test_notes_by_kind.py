"""Notes about the files of a folder: a kind is one line, and every file is named somewhere."""

import io
from pathlib import Path

from rich.console import Console

from downcore_training.bench.console_report import tell_notes
from downcore_training.notes import notes_by_kind, write_notes

FLAGGED = [
    f"GC{n:02d}: GC{n:02d}_mscl.csv: density: {n} of 150 values outside 0.9 to 3; flagged"
    for n in range(1, 41)
]
ASSUMED = [
    f"GC{n:02d}: GC{n:02d}_mscl.csv: the file does not say its unit; 1e-5 SI is assumed"
    for n in range(1, 41)
]


def test_notes_of_a_kind_are_one_line_with_their_count_and_the_first_few_names() -> None:
    lines = notes_by_kind([*FLAGGED, *ASSUMED])

    assert len(lines) == 2, lines
    assert lines[0].startswith(FLAGGED[0])
    for line in lines:
        assert "39 more like it: GC02_mscl.csv, GC03_mscl.csv, GC04_mscl.csv and 36 more" in line


def test_notes_that_say_different_things_of_one_file_stay_apart() -> None:
    notes = [
        "GC01: GC01.csv: density: 3 of 9 values outside 1 to 3; flagged, not changed",
        "GC01: GC01.csv: vp: 3 of 9 values outside 1300 to 2500; flagged, not changed",
        "a.txt is not read as a log: expected a header",
        "b.png is left out: a.png shows the same section",
    ]

    assert notes_by_kind(notes) == notes


def test_one_note_is_as_it_was_written() -> None:
    assert notes_by_kind(FLAGGED[:1]) == FLAGGED[:1]
    assert notes_by_kind([]) == []


def test_every_file_of_a_grouped_note_is_named_in_the_list_beside_the_run(tmp_path: Path) -> None:
    said = write_notes(FLAGGED, tmp_path / "run" / "notes.txt")

    assert str(tmp_path / "run" / "notes.txt") in said
    assert (tmp_path / "run" / "notes.txt").read_text().splitlines() == FLAGGED


def test_no_list_is_written_where_every_note_was_said(tmp_path: Path) -> None:
    assert write_notes(FLAGGED[:1], tmp_path / "notes.txt") == ""
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_cannot_be_written_does_not_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert "cannot write" in write_notes(FLAGGED, tmp_path / "file" / "notes.txt")


def test_bench_says_where_each_of_its_notes_is() -> None:
    out = io.StringIO()

    tell_notes(FLAGGED, Console(file=out, width=400))

    assert len(out.getvalue().splitlines()) == 2
    assert "--report DIR and --json FILE have all 40 notes" in out.getvalue()
