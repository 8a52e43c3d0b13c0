"""A played scanner, a look after each of its steps, and only lines that were really scanned."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from downcore.ports import ScanLines
from downcore.simulator.scanner import pattern_named, play, scan_job
from downcore.simulator.write_patterns import write_patterns
from downcore.sources import Reading, format_of, head_of
from downcore.sources.inbox.completeness import (
    Evidence,
    FileStability,
    Patience,
    Progress,
    assess,
    observe,
)
from downcore.sources.inbox.listing import ListingLimits, list_inbox
from downcore.strata.errors import GrowingError

READING = Reading(px_per_cm="200", top="up")
PATIENCE = Patience(settle_s=3, give_up_s=1000)


class SpeckledCore:
    """Scan lines without a black pixel, each byte telling its place."""

    n_lines = 900
    n_across = 60

    def __init__(self) -> None:
        rng = np.random.default_rng(11)
        self.pixels: NDArray[np.uint8] = rng.integers(1, 256, (self.n_lines, 60, 3), np.uint8)

    def lines(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        return self.pixels[first_line : first_line + n_lines]


class Desk:
    """Looks at the inbox like the daemon, one second between looks, and keeps what it read."""

    def __init__(self, inbox: Path, core: SpeckledCore) -> None:
        self.inbox = inbox
        self.core = core
        self.now_s = 0.0
        self.n_read = 0
        self.progress = Progress.GROWING
        self._scan: ScanLines | None = None
        self._stillness: FileStability | None = None

    def look(self) -> None:
        self.now_s += 1
        seen = list_inbox(self.inbox, limits=ListingLimits())
        assert seen.problems == ()
        claimed = [
            (file, found)
            for file in seen.files
            if (found := format_of(file.path, head_of(file.path))) is not None
        ]
        if not claimed:
            return
        fmt = claimed[0][1]
        assert len({f.grouping(file.path) for file, f in claimed}) == 1, "one section, one scan"
        paths = tuple(file.path for file, _ in claimed)
        self._stillness = observe(
            self._stillness,
            size=sum(file.size for file, _ in claimed),
            mtime_ns=sum(file.mtime_ns for file, _ in claimed),
            now_s=self.now_s,
        )
        try:
            if self._scan is None or len(paths) > 1:
                self._scan = fmt.open(paths, READING)
            self._read(self._scan, self._stillness)
        except GrowingError:
            self.progress = Progress.GROWING

    def _read(self, scan: ScanLines, stability: FileStability) -> None:
        is_still = self.now_s - stability.since_s >= PATIENCE.settle_s
        n_trusted, is_complete = scan.refresh(is_still=is_still)
        assert n_trusted >= self.n_read, "lines that were trusted must stay so"
        segment = scan.read(self.n_read, n_trusted - self.n_read)
        expected = self.core.pixels[self.n_read : n_trusted]
        assert np.array_equal(segment.lines, expected), "a line was trusted too early"
        self.n_read = n_trusted
        self.progress = assess(
            stability,
            Evidence(is_complete=is_complete, is_tail_blank=False),
            now_s=self.now_s,
            patience=PATIENCE,
        ).progress


@pytest.mark.parametrize("pattern", sorted(write_patterns()))
def test_however_it_is_written_only_scanned_lines_are_read_and_all_of_them(
    tmp_path: Path, pattern: str
) -> None:
    core = SpeckledCore()
    desk = Desk(tmp_path, core)
    job = scan_job(core, tmp_path, "GC01_01", px_per_cm=200, lines_per_step=40)
    for step in play(job, pattern_named(pattern)):
        desk.look()
        assert desk.n_read <= step.n_scanned, "nothing can be read before it was scanned"
        assert desk.progress is not Progress.FINAL or step.n_scanned == core.n_lines
    for _ in range(5):
        desk.look()
    assert desk.n_read == core.n_lines
    assert desk.progress is Progress.FINAL


def test_a_broken_copy_is_held_until_it_is_completed(tmp_path: Path) -> None:
    core = SpeckledCore()
    desk = Desk(tmp_path, core)
    job = scan_job(core, tmp_path, "GC01_01", px_per_cm=200, lines_per_step=40)
    for step in play(job, pattern_named("truncated-then-completed")):
        desk.look()
        if "broke off" in step.what:
            for _ in range(50):
                desk.look()
            assert desk.progress is Progress.GROWING
            assert 0 < desk.n_read < core.n_lines
    for _ in range(5):
        desk.look()
    assert desk.progress is Progress.FINAL
