"""A shift between images and logs is found and told, never applied."""

import numpy as np
import pytest
from numpy.typing import NDArray

from downcore_training.datasets.alignment import find_shift

Floats = NDArray[np.float64]


def core(n: int, seed: int, *, noise: float) -> tuple[Floats, Floats]:
    """Return colour and labels that share beds of a few centimetres."""
    rng = np.random.default_rng(seed)
    beds = np.convolve(rng.normal(size=n + 8), np.ones(4) / 2.0, mode="valid")[:n]
    colour = np.stack([beds, -beds, rng.normal(size=n)], axis=1) + noise * rng.normal(size=(n, 3))
    labels = np.stack([beds, -beds, beds], axis=1) + noise * rng.normal(size=(n, 3))
    return colour, labels


def deeper(labels: Floats, cm: int) -> Floats:
    out = np.full(labels.shape, np.nan)
    out[max(cm, 0) : len(out) + min(cm, 0)] = labels[max(-cm, 0) : len(out) - max(cm, 0)]
    return out


@pytest.mark.parametrize("cm", [3, -3, 9])
def test_a_planted_shift_is_found_with_its_direction(cm: int) -> None:
    colour, labels = core(300, 1, noise=1.0)

    shift = find_shift(colour, deeper(labels, cm), np.zeros(300, np.int64))

    assert shift is not None
    assert shift.cm == cm
    assert shift.is_likely
    assert ("deeper" if cm > 0 else "shallower") in shift.sentence("GC01")


@pytest.mark.parametrize("cm", [0, 1])
def test_what_lies_within_registration_is_no_shift(cm: int) -> None:
    colour, labels = core(300, 2, noise=1.0)

    shift = find_shift(colour, deeper(labels, cm), np.zeros(300, np.int64))

    assert shift is not None
    assert not shift.is_likely


def test_colour_that_says_nothing_of_the_log_has_no_likely_shift() -> None:
    likely = 0
    for seed in range(8):
        colour, _ = core(300, seed, noise=0.0)
        _, labels = core(300, 100 + seed, noise=0.0)
        shift = find_shift(colour, labels, np.zeros(300, np.int64))
        likely += shift is not None and shift.is_likely

    assert likely <= 1


def test_sections_are_not_compared_with_one_another() -> None:
    colour, labels = core(300, 3, noise=0.5)
    run = np.arange(300) // 60

    shift = find_shift(colour, deeper(labels, 3), run)

    assert shift is not None
    assert shift.cm == 3


def test_too_little_core_gives_no_answer() -> None:
    colour, labels = core(300, 4, noise=0.5)
    few = labels.copy()
    few[20:] = np.nan

    assert find_shift(colour[:60], labels[:60], np.zeros(60, np.int64)) is None
    assert find_shift(colour, few, np.zeros(300, np.int64)) is None
    assert find_shift(colour, np.full_like(labels, np.nan), np.zeros(300, np.int64)) is None
