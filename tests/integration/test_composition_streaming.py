"""Composition does not depend on how a scan was written, looked at, or interrupted."""

import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from played_device import PX_PER_CM, Device, DigestPredictor, core_lines, job_of
from small_config import small_config, table_in_use

from downcore.commands.process import process_at
from downcore.composing import CompositionConfig, SectionComposer
from downcore.composing.section_regions import AT_ONCE, RegionThreads
from downcore.pipeline import SectionPipeline, SliceRules
from downcore.service.measured_series import calibrated_station
from downcore.simulator.write_patterns import write_patterns
from downcore.store import Reader, Store
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import LineScale
from downcore.strata.errors import SegmentGapError, StoreError
from downcore.strata.measured import parse_measured
from downcore.strata.record import ScanState
from downcore.strata.section import SliceLines
from downcore.strata.segment import Segment
from downcore.strata.superpixels.stream import SuperpixelStream
from downcore.strata.windows import Window

LENGTH_CM = 24.6
"""Two blocks and a half, the last slice short."""


@cache
def core() -> NDArray[np.uint8]:
    return core_lines(length_cm=LENGTH_CM)


def composed_in_one_pass(
    cuts: list[int],
    *,
    n_done: int = 0,
    composition_config: CompositionConfig | None = None,
    threads: RegionThreads = AT_ONCE,
    window: Window | None = None,
) -> list[ComposedSlice]:
    """Return the composition of lines in memory, cut as told: no file, no store."""
    scale = LineScale.of(PX_PER_CM)
    composer = SectionComposer(
        composition_config or small_config(), scale, n_done=n_done, threads=threads
    )
    predictor = DigestPredictor(window=window)
    pipeline = SectionPipeline(scale, (predictor,), SliceRules(), on_masked=composer.add_lines)
    found: list[ComposedSlice] = []
    first = 0
    for end in [*cuts, len(core())]:
        composer.add_rows(pipeline.push(Segment(core()[first:end], first)))
        found += composer.ready()
        first = end
    composer.add_rows(pipeline.finish())
    return found + composer.finish()


@cache
def expected() -> tuple[ComposedSlice, ...]:
    return tuple(composed_in_one_pass([]))


@contextmanager
def device_in_a_new_folder() -> Iterator[Device]:
    with (
        tempfile.TemporaryDirectory() as home,
        Device(Path(home), composition_config=small_config()) as device,
    ):
        yield device


def kept(device: Device) -> tuple[ComposedSlice, ...]:
    with Reader.open(device.database) as reader:
        return tuple(reader.composition_log(reader.scans()[0].scan.scan_id))


def check_record(device: Device) -> None:
    assert kept(device) == expected(), "expected the composition of one pass"
    assert device.scans("state") == [(ScanState.DONE.value,)], device.scans("state", "reason")
    seqs = [seq for (seq,) in device.all("SELECT seq FROM outbox ORDER BY seq")]
    assert seqs == list(range(1, len(seqs) + 1)), "expected announcements without a gap"
    payloads = device.all("SELECT payload FROM outbox WHERE kind = 'composition' ORDER BY seq")
    slices = [row["slice"] for (text,) in payloads for row in json.loads(text)["rows"]]
    assert slices == list(range(25)), f"expected each slice announced once, got {slices}"


@dataclass(frozen=True, slots=True)
class BrokenRefiner:
    """A refiner that ends as it is told."""

    refine: Callable[..., NoReturn]
    name: str = "broken"


def test_the_core_of_these_tests_has_compositions_to_compare() -> None:
    fractions = {one.composition.groups[0].fraction for one in expected() if one.composition.total}

    assert len(expected()) == 25
    assert len(fractions) > 5, "expected fractions that differ from slice to slice"
    assert {one.table for one in expected()} >= {"carbonate"}
    assert any(one.regions and one.regions.n_regions > 1 for one in expected())


@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(0, 300), max_size=8))
@example(cuts=list(range(0, 300, 7)))
def test_any_cut_of_a_section_gives_the_same_composition(cuts: list[int]) -> None:
    ends = sorted({min(cut, len(core())) for cut in cuts})

    assert tuple(composed_in_one_pass(ends)) == expected()


def n_slices_masked_before_the_first_block(window: Window | None) -> int:
    """Return how many slices of a growing scan are there when a block is first composed."""
    scale, masked = LineScale.of(PX_PER_CM), set[int]()
    composer = SectionComposer(small_config(), scale)

    def add_lines(lines: SliceLines, classes: NDArray[np.uint8]) -> None:
        masked.add(lines.index)
        composer.add_lines(lines, classes)

    pipeline = SectionPipeline(
        scale, (DigestPredictor(window=window),), SliceRules(), on_masked=add_lines
    )
    for line in range(len(core())):
        composer.add_rows(pipeline.push(Segment(core()[line : line + 1], line)))
        composer.add_rows(pipeline.drain())
        if composer.ready():
            return len(masked)
    raise AssertionError("expected a block before the end of the section")


def test_a_window_delays_the_composition_by_no_more_than_its_rows_wait() -> None:
    of_tiles = n_slices_masked_before_the_first_block(None)
    assert of_tiles == 16
    assert n_slices_masked_before_the_first_block(Window(5, 1, 3)) == of_tiles + 3
    assert n_slices_masked_before_the_first_block(Window(0, 5, 2)) == 20 + 2


def test_any_cut_gives_the_same_composition_where_rows_wait_for_a_window() -> None:
    window = Window(2, 3, 2)
    whole = composed_in_one_pass([], window=window)
    assert len(whole) == 25
    for step in (7, 30):
        assert composed_in_one_pass(list(range(0, 300, step)), window=window) == whole
    assert composed_in_one_pass([], n_done=10, window=window) == whole[10:]


@pytest.mark.parametrize("is_window_first", [True, False])
def test_a_scan_that_is_interrupted_while_rows_wait_has_the_composition_of_one_pass(
    tmp_path: Path, *, is_window_first: bool
) -> None:
    window = Window(2, 3, 2)
    first = DigestPredictor(window=window if is_window_first else None)
    second = DigestPredictor("b2", window=None if is_window_first else window)
    device = Device(tmp_path, (first, second), composition_config=small_config())
    with device:
        job = job_of(core(), device.inbox, lines_per_step=25)
        for n_steps, _ in enumerate(write_patterns()["growing-tiff"].write(job)):
            device.round()
            if n_steps % 3 == 0:
                device.restart()
        device.rest()

        by_window = composed_in_one_pass([], window=window)
        assert kept(device) == (tuple(by_window) if is_window_first else expected())


def test_regions_worked_out_in_two_threads_are_the_same() -> None:
    with ThreadPoolExecutor(max_workers=1) as one, ThreadPoolExecutor(max_workers=1) as other:
        threads = RegionThreads(one.submit, other.submit)
        found = composed_in_one_pass(list(range(0, 300, 30)), threads=threads)

    assert tuple(found) == expected()


def test_what_goes_wrong_in_the_thread_is_raised_to_who_waits_for_it() -> None:
    def broken(*_: object) -> NoReturn:
        raise SegmentGapError(3, 5)

    composition_config = replace(small_config(), refiner=BrokenRefiner(broken))
    with ThreadPoolExecutor(max_workers=1) as thread:
        threads = RegionThreads(thread.submit, thread.submit)
        with pytest.raises(SegmentGapError):
            composed_in_one_pass([], composition_config=composition_config, threads=threads)


def test_a_pass_that_goes_on_gives_what_is_left_with_the_same_labels() -> None:
    assert tuple(composed_in_one_pass([], n_done=10)) == expected()[10:]


@pytest.mark.parametrize("pattern", ["growing-tiff", "whole-by-rename"])
@settings(max_examples=4, deadline=None)
@given(
    waits=st.lists(st.sampled_from(["skip", "look", "restart"]), min_size=1, max_size=6),
    turns=st.lists(st.integers(1, 9), min_size=1, max_size=3),
)
@example(waits=["restart"], turns=[3])
def test_a_scan_gives_the_composition_of_one_pass_however_it_is_interrupted(
    pattern: str, waits: list[str], turns: list[int]
) -> None:
    with device_in_a_new_folder() as device:
        sizes = itertools.cycle(turns)
        job = job_of(core(), device.inbox, lines_per_step=40)
        for _step, wait in zip(
            write_patterns()[pattern].write(job), itertools.cycle(waits), strict=False
        ):
            device.slices_per_step = next(sizes)
            if wait == "restart":
                device.restart()
            if wait != "skip":
                device.round()
        device.rest()

        check_record(device)


def processed(device: Device) -> None:
    images = sorted(device.inbox.glob("*.tif"))
    outcomes = process_at(device.station, images, on_slices=lambda *_: None)
    assert [one.is_stored for one in outcomes] == [True], [one.sentence for one in outcomes]


def written(home: Path) -> Device:
    """Return a device over a finished scan that it has not read."""
    device = Device(home, slices_per_step=64, composition_config=small_config())
    device.inbox.mkdir()
    for _ in write_patterns()["whole-by-rename"].write(job_of(core(), device.inbox)):
        pass
    return device


def test_a_death_between_the_last_rows_and_their_composition_is_made_good(tmp_path: Path) -> None:
    with written(tmp_path) as device:
        plain = device.composition_config
        device.composition_config = None
        processed(device)
        n_rows = len(device.only_log().slices)
        device.composition_config = plain
        device.restart()

        processed(device)

        check_record(device)
        assert len(device.only_log().slices) == n_rows, "expected no row twice"


def test_a_commit_that_fails_in_the_middle_is_made_good_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with written(tmp_path) as device:
        device.slices_per_step = 9
        whole = Store.commit_compositions
        n_calls = 0

        def broken(self: Store, scan_id: str, composed: Sequence[ComposedSlice]) -> int:
            nonlocal n_calls
            n_calls += 1
            if n_calls == 2:
                raise StoreError("the disk is full")
            return whole(self, scan_id, composed)

        with monkeypatch.context() as patch:
            patch.setattr(Store, "commit_compositions", broken)
            with pytest.raises(StoreError, match="the disk is full"):
                processed(device)
        assert len(kept(device)) == 10, "expected the first block and nothing of the second"
        device.restart()

        processed(device)

        check_record(device)


def test_going_back_to_an_earlier_table_shows_its_rows_again(tmp_path: Path) -> None:
    with written(tmp_path) as device:
        for tables in ((), ("hard-rock", "marine-colour"), ()):
            device.composition_config = small_config(*tables)
            device.restart()
            processed(device)

        assert kept(device) == expected()


def test_two_tables_of_one_name_are_refused() -> None:
    table = table_in_use("carbonate")

    with pytest.raises(ValueError, match="expected tables of different names"):
        replace(small_config(), tables=(table, table))


def test_a_scan_that_cannot_be_cut_into_superpixels_keeps_its_composition(tmp_path: Path) -> None:
    def refuse(*_: object) -> SuperpixelStream:
        raise ValueError("cells are too large")

    with written(tmp_path) as device:
        device.composition_config = replace(small_config(), cut=refuse)
        device.restart()

        processed(device)

        found = kept(device)
        assert len(found) == 25
        assert all(one.regions is None and one.labels is None for one in found)
        fractions = [one.composition.groups for one in found]
        assert fractions == [one.composition.groups for one in expected()]


def test_a_scan_that_is_composed_is_not_composed_again(tmp_path: Path) -> None:
    with written(tmp_path) as device:
        processed(device)
        before = device.all("SELECT count(*) FROM outbox")

        device.restart()
        processed(device)

        assert device.all("SELECT count(*) FROM outbox") == before


def test_another_table_gives_rows_beside_the_first_and_the_newest_are_read(tmp_path: Path) -> None:
    with written(tmp_path) as device:
        processed(device)
        device.composition_config = small_config("hard-rock", "marine-colour")
        device.restart()

        processed(device)

        assert {one.table for one in kept(device)} <= {"hard-rock", "marine-colour"}
        counts = device.all("SELECT composer_id, count(*) FROM composed_slice GROUP BY 1")
        assert sorted(n for _, n in counts) == [25, 25], counts
        known = {one for (one,) in device.all("SELECT composer_id FROM composer")}
        assert {one for one, _ in counts} == known, "expected every composer to resolve"


def test_a_second_bundle_does_not_change_the_composition(tmp_path: Path) -> None:
    with written(tmp_path) as device:
        processed(device)
        device.predictors = (DigestPredictor(), DigestPredictor("b2"))
        device.restart()

        processed(device)

        check_record(device)


def two_choosy_bundles() -> dict[str, DigestPredictor]:
    """Return a bundle of tiles and one of windows that each know half of the slices."""
    window = Window(above_cm=2, rows_cm=3, below_cm=4)
    both = {"c1": DigestPredictor("c1"), "c2": DigestPredictor("c2", window=window)}
    for predictor in both.values():
        predictor.manifest = replace(predictor.manifest, novelty_threshold=1.0)
    return both


def by_two_bundles(cuts: list[int]) -> tuple[ComposedSlice, ...]:
    """Return the composition of one pass that two bundles look at."""
    predictors = tuple(two_choosy_bundles().values())
    scale = LineScale.of(PX_PER_CM)
    composer = SectionComposer(small_config(bundle_ids=("c1", "c2")), scale)
    pipeline = SectionPipeline(scale, predictors, SliceRules(), on_masked=composer.add_lines)
    found: list[ComposedSlice] = []
    first = 0
    for end in [*cuts, len(core())]:
        composer.add_rows(pipeline.push(Segment(core()[first:end], first)))
        found += composer.ready()
        first = end
    composer.add_rows(pipeline.finish())
    return tuple(found + composer.finish())


@pytest.mark.parametrize("first_run", [("c1", "c2"), ("c1",), ("c2",), ()])
def test_a_bundle_that_comes_later_judges_as_if_it_had_always_been_there(
    tmp_path: Path, first_run: tuple[str, ...]
) -> None:
    both = two_choosy_bundles()
    with written(tmp_path) as device:
        device.predictors = tuple(both[name] for name in first_run)
        device.composition_config = small_config(bundle_ids=first_run)
        device.restart()
        processed(device)
        device.predictors = tuple(both.values())
        device.composition_config = small_config(bundle_ids=("c1", "c2"))
        device.restart()

        processed(device)

        assert kept(device) == by_two_bundles([]) == by_two_bundles([17, 90, 211])


def test_a_centimetre_that_neither_bundle_knows_has_no_composition_and_says_why() -> None:
    reasons = [
        one.composition.groups[0].reason
        for one in by_two_bundles([])
        if one.composition.total is None
    ]

    assert 2 < len(reasons) < 20, "expected some centimetres that neither knows"
    assert all(reason.startswith("unlike the training cores") for reason in reasons), reasons


def test_measured_rows_stand_before_what_a_bundle_predicts(tmp_path: Path) -> None:
    rows = "".join(f"{depth + 0.5},1.9,1600,90\n" for depth in range(20))
    measured = parse_measured("depth_cm,density,vp,ms\n" + rows, "rows")
    with written(tmp_path) as device:
        station = calibrated_station(device.station, measured)
        images = sorted(device.inbox.glob("*.tif"))

        outcomes = process_at(station, images, on_slices=lambda *_: None)

        assert outcomes[0].is_stored, outcomes[0].sentence
        found = kept(device)
        assert len(found) == 25
        first = found[0].composition
        assert first.identifiability is not None
        assert first.identifiability.rows == ("density", "vp", "ms", "red", "green", "blue")
        assert found[0].composer_id != small_config().composer_id


def test_a_station_without_bundles_composes_by_colour(tmp_path: Path) -> None:
    with written(tmp_path) as device:
        device.predictors = ()
        device.composition_config = small_config(bundle_ids=())
        device.restart()

        processed(device)

        found = kept(device)
        assert len(found) == 25
        assert {one.table for one in found if one.composition.total} == {"marine-colour"}
