"""
A bundle with its guard, a second bundle that detects slices unlike the training cores.

See ``docs/decisions/0027-a-guard-for-every-bundle.md``.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.golden_test import default_cache_folder, open_predictor, start_predictor
from downcore.inference.loading import load_bundle
from downcore.inference.predictor import BundlePredictor, Mode
from downcore.inference.reference import reference_bundles
from downcore.strata.bundle import Manifest
from downcore.strata.errors import BundleError
from downcore.strata.estimates import GuardNovelty, TilePrediction

GUARD = "boosted-colour"
"""Name of the reference bundle that guards those trained on generated cores alone."""


class GuardedPredictor:
    """
    Runs a bundle and its guard on the same tiles; used from one thread.

    The values are those of the bundle, bit for bit; the guard's novelty is added.

    Parameters
    ----------
    plain : BundlePredictor
        The bundle that predicts.
    guard : BundlePredictor
        Used by this object only.

    Raises
    ------
    ValueError
        If the guard has no novelty threshold.
    """

    def __init__(self, plain: BundlePredictor, guard: BundlePredictor) -> None:
        limit = guard.manifest.novelty_threshold
        if limit is None:
            raise ValueError(f"expected a guard with a novelty threshold, got {guard.manifest}")
        self._plain = plain
        self._guard = guard
        self._limit = limit
        self._answers: deque[tuple[Any, TilePrediction]] = deque()
        self._guarded: deque[TilePrediction] = deque()

    @property
    def manifest(self) -> Manifest:
        """The manifest of the bundle that predicts."""
        return self._plain.manifest

    @property
    def guard(self) -> Manifest:
        """The manifest of the guard."""
        return self._guard.manifest

    def predict(self, slices: Sequence[NDArray[np.uint8]]) -> list[TilePrediction]:
        """Predict each slice's tiles and wait; as :meth:`BundlePredictor.predict`."""
        guarded = self._guard.predict(slices)
        answers = self._plain.predict(slices)
        return [self._joined(*both) for both in zip(answers, guarded, strict=True)]

    def submit(self, tag: object, tiles: NDArray[np.uint8]) -> None:
        """Begin to predict one slice's tiles; as :meth:`BundlePredictor.submit`."""
        self._guard.submit(None, tiles)
        self._plain.submit(tag, tiles)

    def collect(self, *, wait: bool) -> list[tuple[Any, TilePrediction]]:
        """Return what both have finished, in order; as :meth:`BundlePredictor.collect`."""
        self._answers += self._plain.collect(wait=wait)
        self._guarded += (prediction for _, prediction in self._guard.collect(wait=wait))
        finished = []
        while self._answers and self._guarded:
            tag, answer = self._answers.popleft()
            finished.append((tag, self._joined(answer, self._guarded.popleft())))
        return finished

    def close(self) -> None:
        """Wait for running inferences and drop results that were not collected."""
        self._answers.clear()
        self._guarded.clear()
        self._plain.close()
        self._guard.close()

    def _joined(self, answer: TilePrediction, guarded: TilePrediction) -> TilePrediction:
        name = f"{self.guard.network} {self.guard.bundle_id}"
        return replace(answer, guarded=GuardNovelty(guarded.novelty, self._limit, name))


def guard_folder() -> Path:
    """
    Return the folder of the guard bundle.

    Raises
    ------
    BundleError
        If it is not installed.
    """
    folder = reference_bundles().get(GUARD)
    if folder is None:
        raise BundleError(
            f"expected the reference bundle {GUARD}, which says where bundles trained on "
            "generated cores must not be believed, got none; install downcore again"
        )
    return folder


def open_guarded(
    folder: Path, *, mode: Mode = Mode.LIVE, n_threads: int = 0
) -> BundlePredictor | GuardedPredictor:
    """
    Open the bundle in ``folder`` as the device runs it: with its guard, where it needs one.

    A bundle trained on real cores has no guard but its own novelty; neither has the guard itself,
    nor a bundle with a window, since the guard looks at tiles.
    Parameters are those of :func:`~downcore.inference.golden_test.open_predictor`.

    Raises
    ------
    BundleError
        If the bundle or the guard is damaged, missing, or does not compute what it should.
    """
    plain = open_predictor(folder, mode=mode, n_threads=n_threads)
    if not plain.manifest.saw_generated_cores_only or plain.manifest.window is not None:
        return plain
    guard = load_bundle(guard_folder())
    if guard.manifest.bundle_id == plain.manifest.bundle_id:
        return plain
    cache = default_cache_folder()
    return GuardedPredictor(
        plain, start_predictor(guard, mode=mode, n_threads=n_threads, cache_folder=cache)
    )
