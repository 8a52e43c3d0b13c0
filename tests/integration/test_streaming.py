"""Rows do not depend on how a scan was written, looked at, or interrupted."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from played_device import PX_PER_CM, Device, DigestPredictor, Log, core_lines, expected_log, job_of

from downcore.commands.process import process_at
from downcore.pipeline import SectionPipeline, SliceRules
from downcore.simulator.write_patterns import write_patterns
from downcore.simulator.writing import Step, WritePattern
from downcore.store.rows import row_of_slice
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import SliceRow
from downcore.strata.record import ScanState
from downcore.strata.segment import Segment

every_pattern = pytest.mark.parametrize(
    "pattern", write_patterns().values(), ids=list(write_patterns())
)

WAITS = ("skip", "look", "look twice", "restart")


@cache
def core() -> NDArray[np.uint8]:
    return core_lines()


@cache
def whole_log() -> Log:
    return expected_log(core())


@contextmanager
def device_in_a_new_folder() -> Iterator[Device]:
    with tempfile.TemporaryDirectory() as home, Device(Path(home)) as device:
        yield device


def is_closing(step: Step) -> bool:
    return step.what.startswith(("closed", "renamed", "broke off", "sidecar", "strip"))


def follow(device: Device, step: Step, wait: str, *, has_hints: bool) -> None:
    """Look as often as drawn; a hint is given once, as an observer does."""
    hint = [step.path] if has_hints and is_closing(step) else []
    if wait == "restart":
        device.restart()
    for _ in range({"skip": 0, "look": 1, "look twice": 2, "restart": 1}[wait]):
        device.round(*hint)
        hint = []
    kept = device.only_log()
    assert kept.begins(whole_log()), f"rows that no finished scan has, after {step.what}"


def check_record(device: Device) -> None:
    kept, expected = device.only_log(), whole_log()
    assert kept.slices == expected.slices, "expected the slices of one pass over the finished scan"
    assert kept.estimates == expected.estimates, "expected the estimates of one pass"
    assert device.scans("state") == [(ScanState.DONE.value,)], device.scans("state", "reason")
    seqs = [seq for (seq,) in device.all("SELECT seq FROM outbox ORDER BY seq")]
    assert seqs == list(range(1, len(seqs) + 1)), "expected announcements without a gap"
    assert device.all("SELECT * FROM quarantine") == [], "expected nothing set aside"


@every_pattern
@settings(max_examples=4, deadline=None)
@given(
    waits=st.lists(st.sampled_from(WAITS), min_size=1, max_size=9),
    turns=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    has_hints=st.booleans(),
)
@example(waits=["look"], turns=[1], has_hints=True)
@example(waits=["restart"], turns=[1], has_hints=False)
def test_a_scan_gives_the_rows_of_one_pass_however_it_is_written_and_interrupted(
    pattern: WritePattern, waits: list[str], turns: list[int], *, has_hints: bool
) -> None:
    with device_in_a_new_folder() as device:
        sizes = itertools.cycle(turns)
        for step, wait in zip(
            pattern.write(job_of(core(), device.inbox)),
            itertools.cycle(waits),
            strict=False,
        ):
            device.slices_per_step = next(sizes)
            follow(device, step, wait, has_hints=has_hints)
        device.rest()

        check_record(device)


@every_pattern
def test_a_finished_scan_gives_the_same_rows_when_it_is_processed_by_hand(
    pattern: WritePattern, tmp_path: Path
) -> None:
    with Device(tmp_path, slices_per_step=64) as device:
        for _ in pattern.write(job_of(core(), device.inbox)):
            pass
        images = sorted(p for p in device.inbox.iterdir() if p.suffix in {".tif", ".bmp", ".raw"})
        told: list[int] = []

        outcomes = process_at(
            device.station, images, on_slices=lambda *progress: told.append(progress[1])
        )

        assert [one.is_stored for one in outcomes] == [True], [one.sentence for one in outcomes]
        assert told[-1] == len(whole_log().slices)
        check_record(device)


@settings(max_examples=12, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 200), max_size=8),
    starts=st.lists(st.integers(0, 7), min_size=1, max_size=3),
    drains=st.lists(st.booleans(), min_size=1, max_size=5),
)
def test_any_cut_of_a_section_and_any_start_give_the_same_rows(
    cuts: list[int], starts: list[int], drains: list[bool]
) -> None:
    expected = whole_log()
    ends = sorted({min(cut, len(core())) for cut in (*cuts, len(core()))})
    for n_done in starts:
        pipeline = SectionPipeline(
            LineScale.of(PX_PER_CM), (DigestPredictor(),), SliceRules(), done_slices=(n_done,)
        )
        rows: list[SliceRow] = []
        first = 0
        for end, has_drain in zip(ends, itertools.cycle(drains), strict=False):
            rows += pipeline.push(Segment(core()[first:end], first))
            rows += pipeline.drain() if has_drain else []
            first = end
        rows += pipeline.finish()

        assert tuple(row_of_slice(row.core_slice) for row in rows) == expected.slices[n_done:]


def test_the_core_of_these_tests_has_values_to_compare() -> None:
    statuses = {row[7] for row in whole_log().estimates}
    n_values = len({row[3] for row in whole_log().estimates if row[3] is not None})

    assert "predicted" in statuses, f"expected predicted values, got {statuses}"
    assert n_values > 5, "expected values that differ from slice to slice"
    assert whole_log().slices[-1][4] < whole_log().slices[0][4], "expected a short last slice"
