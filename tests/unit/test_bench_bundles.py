"""Bundles on the bench: the device's rules, the logger's support, crops that must say nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("sklearn", reason="needs the extra [training]")

from downcore.strata.bundle import Manifest, OutputScaling
from downcore.strata.estimates import TilePrediction
from downcore.strata.footprint import FOOTPRINTS, at_logger_support
from downcore.strata.mask.classes import MaskClass
from downcore.strata.properties import PROPERTIES
from downcore_training.bench.bundles import BundleAnswers, run_bundles
from downcore_training.bench.controls import controls_of_bundle
from downcore_training.bench.core import BenchCore

MANIFEST = Manifest(
    network="small",
    title="Small",
    created_utc="2026-01-01T00:00:00Z",
    precision="int8",
    files={},
    outputs=tuple(
        OutputScaling(p.name, p.unit, p.is_log_scaled, 0.0, 1.0, 1.5, 0.01) for p in PROPERTIES
    ),
    trained_px_per_cm=(60.0, 400.0),
    golden_tolerance=0.05,
    training_data="nothing",
    bundle_id="0123456789abcdef",
    novelty_threshold=2.0,
)


@dataclass(slots=True)
class ReadsGrey:
    """Says a density that goes with the grey of a tile; finds tiles brighter than 200 novel."""

    manifest: Manifest = MANIFEST
    asked: list[tuple[Any, TilePrediction]] = field(default_factory=list)

    def submit(self, tag: object, tiles: NDArray[np.uint8]) -> None:
        grey = tiles.reshape(len(tiles), -1).mean(axis=1)
        mean = np.stack([1.0 + grey / 250.0, 1_450.0 + grey, grey / 100.0], axis=1)
        novelty = np.where(grey > 200, 9.0, 1.0)
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
class Grey:
    """A core 3 cm wide with 1 cm of tray on either side, one grey a slice."""

    greys: NDArray[np.int64]
    px_per_cm: int

    def lines_and_classes(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        n = self.px_per_cm
        lines = np.full((n, 5 * n, 3), self.greys[i], np.uint8)
        lines[:, :n] = lines[:, 4 * n :] = 60
        classes = np.full((n, 5 * n), MaskClass.SEDIMENT, np.uint8)
        classes[:, :n] = classes[:, 4 * n :] = MaskClass.TRAY
        return lines, classes

    def close(self) -> None:
        pass


def grey_core(number: int, *, n: int = 40, px_per_cm: int = 60) -> BenchCore:
    rng = np.random.default_rng(number)
    greys = rng.integers(80, 160, n)
    labels = np.stack([1.0 + greys / 250.0, 1_450.0 + greys, greys / 100.0], axis=1)
    return BenchCore(
        name=f"core-{number}",
        site="a",
        depth_cm=np.arange(n, dtype=np.float64),
        run=np.zeros(n, np.int64),
        profile=np.full((n, 5), 10.0),
        labels=labels,
        px_per_cm=float(px_per_cm),
        image=Grey(greys, px_per_cm),
    )


def scored(cores: list[BenchCore]) -> BundleAnswers:
    (found,) = run_bundles(
        [Path("bundle")],
        ["small"],
        cores,
        control_cores=12,
        tick=lambda: None,
        start=lambda _: ReadsGrey(),
    )
    return found


def test_the_plain_prediction_is_what_the_device_writes_and_the_scored_one_is_averaged() -> None:
    core = grey_core(1)

    answers = scored([core]).prediction.cores[0]

    assert answers.plain is not None
    np.testing.assert_allclose(answers.plain, core.labels, rtol=1e-6)
    for i, footprint in enumerate(FOOTPRINTS):
        expected = at_logger_support(core.labels[:, i], core.run, footprint)
        np.testing.assert_allclose(answers.predicted[:, i], expected, rtol=1e-6)


def test_intervals_are_those_of_the_device() -> None:
    answers = scored([grey_core(1)]).prediction.cores[0]

    assert answers.plain is not None
    np.testing.assert_allclose(answers.upper[:, 0] - answers.plain[:, 0], 0.015, rtol=1e-6)
    np.testing.assert_allclose(answers.plain[:, 2] - answers.lower[:, 2], 0.015, rtol=1e-6)


def test_a_scan_too_coarse_for_the_bundle_is_abstained_from_and_counted() -> None:
    found = scored([grey_core(1, px_per_cm=20)]).prediction

    assert np.isnan(found.cores[0].predicted).all()
    assert found.reasons == {"resolution below the bundle's": 40}
    assert found.cores[0].forced is not None
    assert np.isfinite(found.cores[0].forced).all(), "what it would have said stands beside"


def test_novel_slices_are_abstained_from() -> None:
    core = grey_core(1)
    assert isinstance(core.image, Grey)
    core.image.greys[5:9] = 230

    found = scored([core]).prediction

    assert np.isnan(found.cores[0].predicted[5:9]).all()
    assert found.reasons == {"unlike the training cores": 4}


def test_a_core_without_an_image_is_abstained_from() -> None:
    found = scored([replace(grey_core(1), image=None, px_per_cm=None)]).prediction

    assert found.reasons == {"no image of the slice": 40}


def test_tray_and_card_tell_an_honest_bundle_nothing() -> None:
    cores = [grey_core(i) for i in range(3)]
    found = scored(cores)

    controls = controls_of_bundle(found.prediction, found.controls, cores, seed=0)

    assert {one.control for one in controls} == {
        "labels shuffled",
        "background-only",
        "colour-card",
    }
    assert all(one.has_passed for one in controls), controls


def test_a_tray_that_knows_the_density_fails_the_control() -> None:
    cores = [grey_core(i) for i in range(3)]
    found = scored(cores)
    leaked = {"background-only": tuple(core.labels + 0.001 for core in cores)}

    controls = controls_of_bundle(found.prediction, leaked, cores, seed=0)

    assert all(one.has_passed is False for one in controls if one.control == "background-only")
