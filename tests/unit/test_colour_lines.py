from pathlib import Path

import numpy as np
from core_store import StoppedClock, make_core, row_at

from downcore.commands.colour_lines import colour_lines
from downcore.store import Reader, Store
from downcore.strata.record import Run
from downcore.strata.slice_profile import SliceProfile


def lines_for(tmp_path: Path, counts: list[float]) -> list[str]:
    names = [str(n + 1) for n in range(len(counts))]
    db = make_core(tmp_path / "a.db", dict.fromkeys(names, 8))
    with Reader.open(db) as reader:
        scans = [one.scan.scan_id for one in reader.sections()]
    with Store.open(db, clock=StoppedClock(), announce=None) as store:
        store.begin_run(Run("0", "0" * 64, "", "0"))
        for scan_id, level in zip(scans, counts, strict=True):
            numbers = np.zeros(12, np.float32)
            numbers[9:] = level
            store.commit_slices(
                scan_id,
                [row_at(i) for i in range(8)],
                n_lines_done=160,
                prefix_digest="0" * 32,
                profiles=[SliceProfile(i, numbers) for i in range(8)],
            )
    with Reader.open(db) as reader:
        return list(colour_lines(reader))


def test_status_names_the_section_whose_white_board_darkened(tmp_path: Path) -> None:
    first, second = lines_for(tmp_path, [200, 200, 200, 150])
    assert "white board of 145-887A-1H-4 differs by" in first
    assert "145-887A-1H-4" in second
    assert "look at lamps" in second


def test_status_says_nothing_of_colour_where_no_scan_shows_a_board(tmp_path: Path) -> None:
    assert lines_for(tmp_path, [float("nan")] * 4) == []
