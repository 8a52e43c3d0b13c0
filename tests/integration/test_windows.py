"""Rows of predictors with context: they wait for what lies below, and depend on the core alone."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from played_device import PX_PER_CM, Device, DigestPredictor, Log, core_lines, expected_log, job_of

from downcore.lanes import NO_WHITE_BOARD
from downcore.pipeline import SectionPipeline, SliceRules, masked_slices
from downcore.ports import Predictor, TilePrediction
from downcore.simulator.scanner import pattern_named
from downcore.store.rows import row_of_estimate
from downcore.strata.core_view import SliceView, view_of
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Estimate, SliceRow, Status
from downcore.strata.flat_field import FlatField, Lighting
from downcore.strata.record import ScanState
from downcore.strata.segment import Segment
from downcore.strata.window_colour import ColourLimits
from downcore.strata.windows import Window, cut_window

SCALE = LineScale.of(PX_PER_CM)
GAP = 4
"""Slice without sediment; the section has two more below it, of which the last is short."""

windows = st.builds(Window, st.integers(0, 4), st.integers(1, 5), st.integers(0, 4), st.booleans())


@cache
def core() -> NDArray[np.uint8]:
    """Return a core with a gap, beside a white board that begins in its second centimetre."""
    pixels = core_lines().copy()
    pixels[50:62] = 20
    board = np.full((len(pixels), 8, 3), (215, 222, 210), np.uint8)
    board[:20] = pixels[:20, :1]
    return np.concatenate([pixels, board], axis=1)


class ScanLinesInMemory:
    """A finished scan, as far as reading its slices needs one."""

    scale = SCALE

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels = pixels

    def read(self, first_line: int, n_lines: int) -> Segment:
        return Segment(self._pixels[first_line : first_line + n_lines], first_line)


def with_window(window: Window, bundle_id: str = "w1") -> DigestPredictor:
    return DigestPredictor(bundle_id, window=window)


def rows_of(
    predictors: Sequence[Predictor],
    pixels: NDArray[np.uint8],
    *,
    ends: Sequence[int] = (),
    has_drains: Sequence[bool] = (False,),
    done_slices: Sequence[int] = (),
    rules: SliceRules | None = None,
) -> list[SliceRow]:
    """Return the rows of a section whose segments end at these lines."""
    pipeline = SectionPipeline(
        SCALE, predictors, rules or SliceRules(), done_slices=tuple(done_slices)
    )
    rows: list[SliceRow] = []
    first = 0
    for end, has_drain in zip([*ends, len(pixels)], itertools.cycle(has_drains), strict=False):
        rows += pipeline.push(Segment(pixels[first:end], first))
        rows += pipeline.drain() if has_drain else []
        first = end
    return rows + pipeline.finish()


def told(rows: Sequence[SliceRow], bundle_id: str) -> list[tuple[object, ...]]:
    return [
        (row.core_slice.index, *row_of_estimate(estimate))
        for row in rows
        for estimate in row.estimates
        if estimate.bundle_id == bundle_id
    ]


def looked_at(pixels: NDArray[np.uint8]) -> list[tuple[SliceView, Lighting]]:
    """Return what a bundle with a window sees of each slice."""
    flat_field = FlatField()
    return [
        flat_field.correct(view_of(lines.lines, classes, float(SCALE.px_per_cm)))
        for lines, classes in masked_slices(ScanLinesInMemory(pixels), len(pixels))  # type: ignore[arg-type] # it is only read
    ]


def answers_of_whole_section(
    predictor: DigestPredictor, window: Window, pixels: NDArray[np.uint8]
) -> list[TilePrediction]:
    """Return the prediction for each slice, each window cut from the finished section."""
    views: list[SliceView | None] = [view for view, _ in looked_at(pixels)]
    n = len(views)
    padded = [None] * window.above_cm + views + [None] * (window.n_cm + window.rows_cm)
    found = []
    for first in range(0, n, window.rows_cm):
        (block,) = predictor.predict(
            [cut_window(padded[first : first + window.n_cm], window)[None]]
        )
        found += [block.row(i) for i in range(window.rows_cm)]
    return found[:n]


@settings(max_examples=12, deadline=None)
@given(window=windows)
@example(window=Window(4, 1, 4))
def test_a_row_is_the_networks_answer_for_the_centimetres_around_it(window: Window) -> None:
    predictor = with_window(window)
    expected = answers_of_whole_section(predictor, window, core())

    rows = rows_of([predictor], core())

    assert len(rows) == len(expected) == GAP + 3
    for row, whole, (_, lighting) in zip(rows, expected, looked_at(core()), strict=True):
        density = row.estimates[0]
        if row.core_slice.index == GAP:
            assert density.status is Status.MASKED
        elif window.needs_white_board and lighting.board_counts is None:
            assert (density.status, density.reason) == (Status.ABSTAINED, NO_WHITE_BOARD.reason)
        elif density.status is Status.PREDICTED:
            assert density.value == whole.mean[0, 0]
            assert density.heterogeneity == pytest.approx(whole.within_sd[0, 0])
        else:
            assert whole.novelty[0] > 1.9
    statuses = {row.estimates[0].status for row in rows}
    assert Status.PREDICTED in statuses, "no row was compared"


@settings(max_examples=10, deadline=None)
@given(
    many=st.lists(windows, min_size=1, max_size=2),
    cuts=st.lists(st.integers(0, 90), max_size=8),
    starts=st.lists(st.integers(0, 7), min_size=3, max_size=3),
    has_drains=st.lists(st.booleans(), min_size=1, max_size=4),
    has_tiles=st.booleans(),
)
@example(
    many=[Window(2, 3, 2), Window(0, 2, 4)],
    cuts=list(range(0, 83, 13)),
    starts=[0, 4, 6],
    has_drains=[True],
    has_tiles=True,
)
def test_any_cut_and_any_start_give_the_same_rows(
    many: list[Window],
    cuts: list[int],
    starts: list[int],
    has_drains: list[bool],
    *,
    has_tiles: bool,
) -> None:
    predictors = [with_window(window, f"w{i}") for i, window in enumerate(many)]
    predictors += [DigestPredictor("t")] if has_tiles else []
    n_done = starts[: len(predictors)]
    ends = sorted(min(cut, len(core())) for cut in cuts)

    rows = rows_of(predictors, core(), ends=ends, has_drains=has_drains, done_slices=n_done)

    assert [row.core_slice.index for row in rows] == list(range(min(n_done), GAP + 3))
    for predictor, done in zip(predictors, n_done, strict=True):
        bundle_id = predictor.manifest.bundle_id
        alone = told(rows_of([predictor], core()), bundle_id)
        assert told(rows, bundle_id) == [one for one in alone if int(str(one[0])) >= done]


@pytest.mark.parametrize("window", [Window(3, 2, 1), Window(0, 1, 0), Window(1, 3, 2)], ids=str)
def test_rows_of_a_growing_scan_come_once_the_centimetres_below_are_there(window: Window) -> None:
    masked: list[int] = []
    pipeline = SectionPipeline(
        SCALE,
        [with_window(window), DigestPredictor("t")],
        SliceRules(),
        on_masked=lambda lines, _: masked.append(lines.index),
    )
    n_rows, n_late = 0, []
    for line in range(len(core())):
        n_rows += len(pipeline.push(Segment(core()[line : line + 1], line)))
        n_rows += len(pipeline.drain())
        n_windows = max(len(masked) - window.below_cm, 0) // window.rows_cm
        assert n_rows == n_windows * window.rows_cm, f"with {len(masked)} slices masked"
        n_late.append(len(masked) - n_rows)
    assert max(n_late) == window.rows_cm - 1 + window.below_cm
    assert n_rows + len(pipeline.finish()) == GAP + 3, "the rest comes when the section ends"


@pytest.mark.parametrize("n_lines", [1, 5, 13, 26])
def test_a_section_shorter_than_the_context_has_a_row_for_each_centimetre(n_lines: int) -> None:
    window = Window(20, 7, 30)
    rows = rows_of([with_window(window)], core()[30 : 30 + n_lines])

    assert len(rows) == SCALE.n_slices(n_lines)
    for row in rows:
        assert {one.property for one in row.estimates} == {"density", "ms"}
        assert all(one.reason for one in row.estimates if one.value is None)


def test_a_gap_gets_no_values_and_the_rows_around_it_do() -> None:
    rows = rows_of([with_window(Window(3, 3, 3))], core())

    by_slice = {row.core_slice.index: row.estimates[0] for row in rows}
    assert by_slice[GAP].status is Status.MASKED
    assert by_slice[GAP].reason.endswith("% sediment, needs 30 %")
    around = {by_slice[GAP - 1].status, by_slice[GAP + 1].status}
    assert around <= {Status.PREDICTED, Status.ABSTAINED}
    assert all(one.status is not Status.MASKED for i, one in by_slice.items() if i != GAP)


def test_windows_in_which_no_row_is_asked_for_are_not_predicted() -> None:
    predictor = with_window(Window(1, 1, 1))
    rows_of([predictor], core())
    assert predictor.n_slices == GAP + 2, "all but the gap"

    again = with_window(Window(1, 2, 1))
    rows_of([again], core(), done_slices=[5])
    assert again.n_slices == 2, "the window of slices 4 and 5, and that of 6"


def test_rows_say_what_their_colours_are_relative_to() -> None:
    window = Window(0, 1, 0)
    gentle = core().copy()
    gentle[50:62] = core()[38:50]
    gentle[50:62, -8:] = 60
    rows = rows_of([with_window(window)], gentle)

    reasons = {
        row.core_slice.index: row.estimates[0].reason
        for row in rows
        if row.estimates[0].status is Status.PREDICTED
    }
    assert reasons[0] == ""
    assert reasons[1] == "colours relative to the white board"
    assert reasons[GAP] == "colours relative to the white board of a slice above"


def test_a_bundle_that_needs_a_white_board_abstains_until_it_has_seen_one() -> None:
    rows = rows_of([with_window(Window(1, 2, 1, needs_white_board=True))], core())

    first, *others = [row.estimates[0] for row in rows]
    assert (first.status, first.value) == (Status.ABSTAINED, None)
    assert first.reason.startswith("no white board beside the core")
    assert NO_WHITE_BOARD.reason not in {one.reason for one in others}


def test_a_scan_too_coarse_gives_no_values_unless_they_are_forced_and_say_so() -> None:
    predictor = with_window(Window(1, 2, 1))
    scale = LineScale.of("2")
    pixels = np.ascontiguousarray(core()[::6, ::6])
    said: dict[bool, list[Estimate]] = {}
    for is_allowed in (False, True):
        pipeline = SectionPipeline(scale, [predictor], SliceRules(allow_low_resolution=is_allowed))
        rows = pipeline.push(Segment(pixels, 0)) + pipeline.finish()
        assert len(rows) == GAP + 3
        said[is_allowed] = [row.estimates[0] for row in rows]

    reason = "scan has 2 px/cm, bundle trained on 5 to 400"
    sharp = [one for one in said[False] if one.status is not Status.MASKED]
    assert sharp
    assert all((one.status, one.reason) == (Status.ABSTAINED, reason) for one in sharp)
    forced = [one for one in said[True] if one.status is Status.PREDICTED]
    assert forced
    assert all(one.reason.split("; ")[0] == f"forced: {reason}" for one in forced)


def test_what_a_pass_that_was_given_up_left_behind_is_no_row_of_the_next() -> None:
    predictors = [with_window(Window(0, 1, 0)), DigestPredictor("t")]
    ends = range(13, len(core()), 13)
    expected = rows_of(predictors, core(), ends=ends)
    given_up = SectionPipeline(SCALE, predictors, SliceRules())
    given_up.push(Segment(core()[20:], 0))

    assert rows_of(predictors, core(), ends=ends) == expected


def test_no_more_views_are_held_than_a_window_needs() -> None:
    window = Window(3, 2, 1)
    pipeline = SectionPipeline(SCALE, [with_window(window)], SliceRules())
    (lane,) = pipeline._window_lanes
    long = np.concatenate([core()[:75]] * 6)
    for line in range(len(long)):
        pipeline.push(Segment(long[line : line + 1], line))
        assert len(lane._views) < window.n_cm
    pipeline.finish()
    assert len(lane._views) <= window.above_cm


COLOURFUL = ColourLimits(0.6, (-0.6, 0.6), (-0.6, 0.6))


def choosy(window: Window) -> DigestPredictor:
    """Return a bundle that learned from colours."""
    predictor = with_window(window, "c1")
    predictor.manifest = replace(predictor.manifest, colour_limits=COLOURFUL)
    return predictor


def half_in_grey() -> NDArray[np.uint8]:
    """Return the core with all but its first three centimetres in shades of grey."""
    pixels = core().copy()
    pixels[30:] = pixels[30:].mean(axis=2, keepdims=True).astype(np.uint8)
    return pixels


def test_a_scan_in_grey_gets_no_value_from_a_bundle_that_learned_from_colours() -> None:
    window = Window(0, 1, 0)
    found = rows_of([choosy(window)], half_in_grey())
    trusting = rows_of([with_window(window, "c1")], half_in_grey())

    assert told(found[:3], "c1") == told(trusting[:3], "c1"), "expected colours to change nothing"
    without = [one for row in found[3:] for one in row.estimates]
    assert {one.status for one in without} == {Status.ABSTAINED, Status.MASKED}
    for one in without:
        is_masked = one.status is Status.MASKED
        assert is_masked or one.reason.startswith(
            "unlike the training cores: a picture without colour"
        )


@settings(max_examples=12, deadline=None)
@given(window=windows, cuts=st.lists(st.integers(0, 66), max_size=5), done=st.integers(0, 7))
def test_cuts_and_restarts_change_nothing_in_what_has_no_colour(
    window: Window, cuts: list[int], done: int
) -> None:
    whole = told(rows_of([choosy(window)], half_in_grey()), "c1")

    found = rows_of([choosy(window)], half_in_grey(), ends=sorted(cuts), done_slices=[done])

    assert told(found, "c1") == [one for one in whole if int(str(one[0])) >= done]


@pytest.mark.parametrize(
    ("px_per_cm", "width_cm"),
    [(1, 0.3), (1, 25.0), (2, 6.0), (17.4, 0.3), (17.4, 25.0), (400, 0.3), (400, 3.0)],
)
@pytest.mark.parametrize("kind", ["grey", "cast", "white", "black"])
def test_any_scan_gives_values_or_reasons(px_per_cm: float, width_cm: float, kind: str) -> None:
    rng = np.random.default_rng(2)
    shape = (round(2.7 * px_per_cm), max(1, round(width_cm * px_per_cm)), 3)
    grain = rng.normal(0, 9, (*shape[:2], 1))
    base = {"grey": (110, 110, 110), "cast": (180, 90, 60), "white": (250,) * 3, "black": (2,) * 3}
    pixels = np.clip(np.array(base[kind]) + grain, 0, 255).astype(np.uint8)
    rules = SliceRules(allow_low_resolution=True)
    predictor = with_window(Window(2, 2, 2))
    predictor.manifest = replace(predictor.manifest, colour_limits=COLOURFUL)
    pipeline = SectionPipeline(LineScale.of(str(px_per_cm)), [predictor], rules)

    rows = pipeline.push(Segment(pixels, 0)) + pipeline.finish()

    assert len(rows) == 3
    for estimate in (one for row in rows for one in row.estimates):
        assert (estimate.value is None) == (estimate.status is not Status.PREDICTED)
        assert estimate.value is not None or estimate.reason


# The whole station


def station_of(folder: Path) -> Device:
    return Device(
        folder,
        predictors=(with_window(Window(2, 3, 2)), DigestPredictor("t")),
        slices_per_step=1,
    )


@cache
def whole_log() -> Log:
    return expected_log(core(), with_window(Window(2, 3, 2)), DigestPredictor("t"))


def waits(pattern: str) -> Iterator[str]:
    return itertools.cycle(pattern)


@pytest.mark.parametrize("pattern", ["growing-tiff", "strips-out-of-order", "whole-by-rename"])
@pytest.mark.parametrize("what_happens", ["l", "r", "lr", "lls"])
def test_a_scan_gives_the_rows_of_one_pass_however_it_grows_and_is_interrupted(
    pattern: str, what_happens: str, tmp_path: Path
) -> None:
    with station_of(tmp_path) as device:
        steps = pattern_named(pattern).write(job_of(core(), device.inbox))
        for _, wait in zip(steps, waits(what_happens), strict=False):
            if wait == "r":
                device.restart()
            if wait != "s":
                device.round()
            assert device.only_log().begins(whole_log())
        device.rest()

        assert device.only_log() == whole_log()
        assert device.scans("state") == [(ScanState.DONE.value,)]


def test_a_bundle_with_a_window_that_is_added_later_gets_rows_beside_those_of_the_first(
    tmp_path: Path,
) -> None:
    with Device(tmp_path, predictors=(DigestPredictor("t"),)) as device:
        for _ in pattern_named("growing-tiff").write(job_of(core(), device.inbox)):
            pass
        device.rest()
        assert device.only_log() == expected_log(core(), DigestPredictor("t"))
        device.predictors = (with_window(Window(2, 3, 2)), DigestPredictor("t"))
        device.restart()
        device.rest()

        assert device.only_log() == whole_log()
