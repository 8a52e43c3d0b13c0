"""A writer that is killed at any moment leaves a record without a seam."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from downcore.clock import SystemClock
from downcore.publish import payloads
from downcore.store import Reader, Store
from downcore.strata.record import OutboxKind

N_KILLS = 8
DEADLINE_S = 30.0

WRITER = """
import sys
from fractions import Fraction
from pathlib import Path
from downcore.clock import SystemClock
from downcore.publish import payloads
from downcore.store import Store
from downcore.strata.depthlog import Estimate, Status
from downcore.strata.depthlog import SliceRow
from downcore.strata.record import Run, Scan
from downcore.strata.slices import CoreSlice

def row_at(index):
    top = 10_000 * index
    shares = (1.0,) + (0.0,) * 6
    core_slice = CoreSlice(index, 200 * index, 200, top, top + 10_000, shares, None, ())
    value = Estimate("density", 1.0 + index / 7, None, None, Status.MEASURED, "", "")
    return SliceRow(core_slice, (value,))

store = Store.open(Path(sys.argv[1]), clock=SystemClock(), announce=payloads)
store.begin_run(Run("0.1.0", "", "", ""))
store.open_scan(Scan("a", "S1", "inbox/a.tif", "tiff", Fraction(200), "up"))
start = store.open_scan(Scan("a", "S1", "inbox/a.tif", "tiff", Fraction(200), "up")).n_slices
# Going back a little is what a restart does; it must change nothing.
index = max(0, start - 2)
while True:
    rows = [row_at(i) for i in range(index, index + 3)]
    store.commit_slices("a", rows, n_lines_done=200 * (index + 3), prefix_digest=str(index + 3))
    print(index + 3, flush=True)
    index += 3
"""


def killed_after(path: Path, n_commits: int) -> int:
    """Run a writer, kill it after some commits, and return how many slices it said it had."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        said = 0
        for _ in range(n_commits):
            line = writer.stdout.readline()
            assert line, "the writer failed by itself"
            said = int(line)
        writer.kill()
        # Lines that were written before the kill took effect count too.
        for line in writer.stdout:
            said = int(line) if line.endswith("\n") else said
        writer.wait(DEADLINE_S)
    return said


@pytest.mark.parametrize("seed", [1])
def test_a_writer_killed_again_and_again_keeps_rows_cursor_and_announcements_together(
    tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "downcore.db"
    chance = random.Random(seed)  # noqa: S311 - moments to kill at are no secret

    for _ in range(N_KILLS):
        said = killed_after(path, chance.randint(1, 8))
        with Store.open(path, clock=SystemClock(), announce=payloads) as store:
            answer = store._database.conn.execute("PRAGMA integrity_check").fetchone()[0]
            assert answer == "ok"
        with Reader.open(path) as reader:
            (scan,) = reader.scans()
            rows = [one.row.core_slice.index for one in reader.scan_log(scan.scan.scan_id)]
            status = scan.status
            entries = reader.entries(0, 100_000)
            counts = reader.counts()

        assert rows == list(range(len(rows))), "a row is missing or twice"
        assert len(rows) >= said, "a commit that had been reported is gone"
        assert status.n_lines_done == 200 * len(rows), "the cursor and the rows differ"
        assert counts.estimates == len(rows)
        assert [one.seq for one in entries] == list(range(1, len(entries) + 1))
        announced = [
            row["slice"]
            for one in entries
            if one.kind is OutboxKind.LOG
            for row in json.loads(one.payload)["rows"]
        ]
        assert announced == rows, "rows and announcements differ"
