"""Bundles with a window on the bench: what the device would write for the same lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("sklearn", reason="needs the extra [training]")

from downcore.pipeline import SectionPipeline, SliceRules
from downcore.strata.bundle import Manifest, OutputScaling
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import SliceRow, Status
from downcore.strata.estimates import TilePrediction
from downcore.strata.properties import PROPERTIES
from downcore.strata.segment import Segment
from downcore.strata.window_colour import ColourLimits
from downcore.strata.windows import Window
from downcore_training.bench.bundles import BundleAnswers, run_bundles
from downcore_training.bench.core import BenchCore

PX_PER_CM = 20
N_SLICES = 26
WINDOW = Window(above_cm=3, rows_cm=4, below_cm=3)
MANIFEST = Manifest(
    network="small",
    title="Small",
    created_utc="2026-01-01T00:00:00Z",
    precision="f32",
    files={},
    outputs=tuple(
        OutputScaling(p.name, p.unit, p.is_log_scaled, 0.0, 1.0, 1.5, 0.01) for p in PROPERTIES
    ),
    trained_px_per_cm=(20.0, 200.0),
    golden_tolerance=0.05,
    training_data="nothing",
    bundle_id="0123456789abcdef",
    novelty_threshold=2.0,
    window=WINDOW,
)


@dataclass(slots=True)
class ReadsWindow:
    """Answers a row by the brightness of its centimetre and, less, of the whole window."""

    manifest: Manifest = MANIFEST
    asked: list[tuple[Any, TilePrediction]] = field(default_factory=list)

    def submit(self, tag: object, tiles: NDArray[np.uint8]) -> None:
        assert tiles.shape == (1, *WINDOW.shape)
        by_cm = tiles[0, ..., :3].reshape(WINDOW.n_cm, -1).astype(np.float64).mean(axis=1)
        own = by_cm[WINDOW.above_cm : WINDOW.above_cm + WINDOW.rows_cm]
        grey = own + 0.5 * by_cm.mean()
        mean = np.stack([1.2 + grey / 250.0, 1_450.0 + grey, grey / 100.0], axis=1)
        novelty = np.where(own > 70.0, 9.0, 1.0)
        said = TilePrediction(mean, np.full(mean.shape, 0.01), np.zeros(mean.shape), novelty)
        self.asked.append((tag, said))

    def collect(self, *, wait: bool) -> list[tuple[Any, TilePrediction]]:
        done, self.asked = (self.asked, []) if wait else ([], self.asked)
        return done

    def predict(self, slices: Sequence[NDArray[np.uint8]]) -> list[TilePrediction]:
        raise NotImplementedError

    def close(self) -> None:
        pass


@dataclass(slots=True)
class Scanned:
    """A core's lines with the classes that the device's own mask gave them."""

    lines: list[NDArray[np.uint8]]
    classes: list[NDArray[np.uint8]]
    missing: int = -1
    """A slice without an image; none by default."""

    def lines_and_classes(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        return None if i == self.missing else (self.lines[i], self.classes[i])

    def close(self) -> None:
        pass


def scan(*, has_board: bool) -> NDArray[np.uint8]:
    """Return lines of mud in a tray, with a white board on either side or none."""
    rng = np.random.default_rng(3)
    lines = np.full((N_SLICES * PX_PER_CM, 9 * PX_PER_CM, 3), 25, np.uint8)
    if has_board:
        lines[:, :12] = lines[:, -12:] = 215
    down = 90 + 18 * np.sin(np.arange(len(lines)) / 37.0)[:, None, None]
    grain = rng.normal(0, 6, (len(lines), 6 * PX_PER_CM, 1))
    mud = np.clip(down + grain + [4, 0, -14], 0, 255).astype(np.uint8)
    lines[:, 30:150] = mud
    return lines


def on_the_device(lines: NDArray[np.uint8], manifest: Manifest) -> tuple[list[SliceRow], Scanned]:
    """Return the rows of the device, and the core with the mask that it made."""
    kept = Scanned([], [])

    def keep(slice_lines: Any, classes: NDArray[np.uint8]) -> None:
        kept.lines.append(np.asarray(slice_lines.lines))
        kept.classes.append(classes.copy())

    scale = LineScale(Fraction(PX_PER_CM))
    pipeline = SectionPipeline(scale, [ReadsWindow(manifest)], SliceRules(), on_masked=keep)
    rows = pipeline.push(Segment(lines, 0))
    return [*rows, *pipeline.finish()], kept


def core_of(image: Scanned) -> BenchCore:
    n = len(image.lines)
    return BenchCore(
        name="core-1",
        site="a",
        depth_cm=np.arange(n, dtype=np.float64),
        run=np.zeros(n, np.int64),
        profile=np.full((n, 5), 10.0),
        labels=np.tile([1.5, 1_500.0, 1.0], (n, 1)) + 0.01 * np.arange(n)[:, None],
        px_per_cm=float(PX_PER_CM),
        image=image,
    )


def scored(core: BenchCore, manifest: Manifest = MANIFEST) -> BundleAnswers:
    (found,) = run_bundles(
        [Path("bundle")],
        ["small"],
        [core],
        control_cores=12,
        tick=lambda: None,
        start=lambda _: ReadsWindow(manifest),
    )
    return found


def densities(rows: Sequence[SliceRow]) -> NDArray[np.float64]:
    values = [row.estimates[0].value for row in rows]
    return np.array([np.nan if value is None else value for value in values])


@pytest.mark.parametrize("has_board", [True, False])
def test_the_bench_scores_the_values_that_the_device_writes(has_board: bool) -> None:  # noqa: FBT001 - a case
    rows, image = on_the_device(scan(has_board=has_board), MANIFEST)

    answers = scored(core_of(image)).prediction.cores[0]

    expected = densities(rows)
    assert np.isfinite(expected).sum() > N_SLICES // 2
    np.testing.assert_allclose(answers.predicted[:, 0], expected, rtol=1e-12)
    uppers = [row.estimates[0].upper for row in rows]
    np.testing.assert_allclose(answers.upper[:, 0], np.array(uppers, float), rtol=1e-12)


def test_values_of_a_window_are_not_averaged_over_the_footprint_again() -> None:
    _, image = on_the_device(scan(has_board=True), MANIFEST)

    answers = scored(core_of(image)).prediction.cores[0]

    assert answers.plain is None
    steps = np.abs(np.diff(answers.predicted[:, 2]))
    assert np.nanmax(steps) > 0.02, "susceptibility changes as fast as the image does"


def test_without_the_board_it_was_trained_with_a_bundle_abstains_and_that_is_counted() -> None:
    manifest = replace(MANIFEST, window=replace(WINDOW, needs_white_board=True))
    rows, image = on_the_device(scan(has_board=False), manifest)

    found = scored(core_of(image), manifest).prediction

    assert {row.estimates[0].status for row in rows} == {Status.ABSTAINED}
    assert np.isnan(found.cores[0].predicted).all()
    assert found.reasons == {"no white board beside the core": N_SLICES}
    assert found.cores[0].forced is not None
    assert np.isfinite(found.cores[0].forced).all(), "what it would have said stands beside"


def test_a_bundle_that_learned_from_colours_abstains_from_grey_as_on_the_device() -> None:
    limits = ColourLimits(0.6, (-0.5, 0.5), (-0.5, 0.5))
    manifest = replace(MANIFEST, colour_limits=limits)
    rows, image = on_the_device(scan(has_board=True), manifest)

    found = scored(core_of(image), manifest).prediction

    assert {row.estimates[0].status for row in rows} == {Status.ABSTAINED}
    assert np.isnan(found.cores[0].predicted).all()
    assert sum(found.reasons.values()) == N_SLICES
    assert found.cores[0].forced is not None
    assert np.isfinite(found.cores[0].forced).all(), "what it would have said stands beside"


def test_a_slice_without_an_image_ends_a_section() -> None:
    _, image = on_the_device(scan(has_board=True), MANIFEST)
    whole = scored(core_of(image)).prediction.cores[0].predicted
    upper = Scanned(image.lines[:10], image.classes[:10])

    cut = scored(core_of(replace(image, missing=10))).prediction

    np.testing.assert_array_equal(
        cut.cores[0].predicted[:10], scored(core_of(upper)).prediction.cores[0].predicted
    )
    assert np.isnan(cut.cores[0].predicted[10]).all()
    assert cut.reasons == {"no image of the slice": 1}
    assert not np.allclose(cut.cores[0].predicted[7:10], whole[7:10]), "they saw slices below"


def test_crops_are_not_shown_to_a_bundle_with_a_window() -> None:
    _, image = on_the_device(scan(has_board=True), MANIFEST)

    assert scored(core_of(image)).controls == {}
