"""Composing once for nothing, at the start."""

import numpy as np

from downcore.composing import CompositionConfig, SectionComposer
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import SliceRow
from downcore.strata.section import SliceLines
from downcore.strata.slices import measure_slice

_SCALE = LineScale.of("50")
_LINES, _ACROSS, _SLICES = 50, 60, 2


def warm_up(composition_config: CompositionConfig) -> None:
    """
    Compose two slices of a pattern, so that every kernel is compiled by now.

    Where kernels are not stored, that takes the better part of a minute, and neither a scan nor
    the end of the program should have to wait for it.
    """
    composer = SectionComposer(composition_config, _SCALE)
    down, across = np.indices((_LINES, _ACROSS))
    classes = np.zeros((_LINES, _ACROSS), np.uint8)
    for index in range(_SLICES):
        grey = 80 + 40 * (down // 16 % 2) + (7 * down + 13 * across + 5 * index) % 31
        pixels = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
        first = _LINES * index
        composer.look_at(SliceLines(index, first, pixels, 0, _LINES), classes)
        row = measure_slice(pixels, classes, _SCALE, index, first)
        composer.add_rows([SliceRow(row, ())])
    composer.finish()
