"""What is put into marked scans before the mask learns from them."""

import numpy as np
import pytest

from downcore.strata.mask.classes import MaskClass
from downcore_training.mask.views import View, _parted, _with_dark_laminae, altered

PX_PER_CM = 10.0


@pytest.fixture
def view() -> View:
    """One metre of textured mud in a bright liner, with empty tray before and after it."""
    draw = np.random.default_rng(4)
    lines = draw.integers(80, 120, (1_000, 60, 3)).astype(np.uint8)
    labels = np.full((1_000, 60), MaskClass.SEDIMENT, np.uint8)
    labels[:, :6], labels[:, -6:] = MaskClass.TRAY, MaskClass.TRAY
    labels[:60], labels[-60:] = MaskClass.TRAY, MaskClass.TRAY
    lines[labels == MaskClass.TRAY] = 200
    return View(lines, labels, PX_PER_CM)


def test_a_dark_lamina_darkens_mud_and_keeps_its_texture(view: View) -> None:
    darkened = _with_dark_laminae(view.lines, view.labels, PX_PER_CM, np.random.default_rng(1))

    mud = view.labels == MaskClass.SEDIMENT
    assert (darkened[~mud] == view.lines[~mud]).all(), "the tray keeps its colour"
    of_rows = darkened[60:-60, 6:-6].mean(axis=(1, 2))
    assert of_rows.min() < 0.9 * of_rows.max()
    darkest = int(of_rows.argmin()) + 60
    assert darkened[darkest, 6:-6].std() > 0, "a lamina is not a flat colour as a void is"


def test_a_gap_shows_what_lies_beyond_the_core_and_is_labelled_so(view: View) -> None:
    lines, labels = _parted(view.lines, view.labels, PX_PER_CM, np.random.default_rng(2))

    changed = np.flatnonzero((labels != view.labels).any(axis=1))
    assert 0.5 * PX_PER_CM <= changed.size <= 4.0 * PX_PER_CM
    assert (labels[changed] == MaskClass.TRAY).all()
    assert (lines[changed] == 200).all()
    assert (view.labels[changed, 6:-6] == MaskClass.SEDIMENT).all(), "the given scan stays"


def test_a_scan_that_is_mud_to_both_ends_gets_no_gap(view: View) -> None:
    mud = np.zeros_like(view.labels)

    lines, labels = _parted(view.lines, mud, PX_PER_CM, np.random.default_rng(2))

    assert (labels == mud).all()
    assert (lines == view.lines).all()


def test_an_altered_view_has_a_label_for_every_pixel(view: View) -> None:
    draw = np.random.default_rng(3)
    for _ in range(20):
        other = altered(view, draw, with_laminae_and_gaps=True)
        assert other.lines.shape[:2] == other.labels.shape
