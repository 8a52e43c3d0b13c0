"""The core generator: a sediment core half with known properties, drawn line by line."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.appearance import Frame, Sediment
from downcore.simulator.artefacts import Artefacts
from downcore.simulator.lighting import Lighting, expose
from downcore.simulator.obstacles import View
from downcore.simulator.rock_physics import Logs, measure
from downcore.simulator.scenery import Scenery
from downcore.simulator.site import Site
from downcore.simulator.stratigraphy import MM_PER_SLICE, Facies, Strata, deposit
from downcore.strata.depth import SLICE_UM, LineScale
from downcore.strata.mask.classes import MaskClass


@dataclass(frozen=True, slots=True)
class CoreRecipe:
    """All parameters of a generated core; the same recipe always gives the same core."""

    seed: int
    """Any whole number from 0; one seed is one core, at any resolution."""
    length_cm: float = 100.0
    px_per_cm: float = 200.0
    width_cm: float = 7.0
    """Width of the image; the core half with its liner lies in it."""
    with_artefacts: bool = True
    """Whether there are cracks, voids, foam, tags, liner, glare and drifting light."""
    site: int | None = None
    """Any whole number from 0: cores of one site share the mud and the scanner."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"expected a seed of 0 or more, got {self.seed}")
        if self.site is not None and self.site < 0:
            raise ValueError(f"expected a site of 0 or more, or none, got {self.site}")
        if not (self.length_cm > 0.0 and self.width_cm > 0.0):
            raise ValueError(
                "expected a length and a width above 0 cm, "
                f"got {self.length_cm} and {self.width_cm}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class CoreTruth:
    """
    The true properties of a generated core by slice; every array has the shape (n_slices,).

    The ``visible_*`` are the expectations of the logs given the latents that the pixels are drawn
    from (grain size, carbonate, organics, ash, iron). The remainder is independent of every pixel,
    so they are an upper bound for any prediction from pixels; it is not reached, because light,
    wetness, colour drift and the quality of the cut hide part of those latents too.
    """

    density: NDArray[np.float64]
    """As logged, g/cm3; NaN where there is no core."""
    vp: NDArray[np.float64]
    """As logged, m/s; NaN where there is no core."""
    ms: NDArray[np.float64]
    """As logged with a loop, 1e-5 SI; NaN where there is no core."""
    visible_density: NDArray[np.float64]
    """Best possible estimate of ``density``; never NaN."""
    visible_vp: NDArray[np.float64]
    """Best possible estimate of ``vp``; never NaN."""
    visible_log_ms: NDArray[np.float64]
    """Best possible estimate of log10 of ``ms``; never NaN."""
    facies: NDArray[np.int8]
    """:class:`~downcore.simulator.stratigraphy.Facies`, -1 where there is no core."""
    porosity: NDArray[np.float64]
    """Pore volume fraction; NaN where there is no core."""
    grain: NDArray[np.float64]
    """Mean grain size of the sediment before gaps and voids, 0 clay to 1 medium sand."""


@dataclass(frozen=True, slots=True)
class VisibleShare:
    """Visible share of each property's variance over all slices: the best possible R2."""

    density: float
    vp: float
    log_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """One slice of image; the last one drawn is kept for sequential reading."""

    index: int
    lines: NDArray[np.uint8]
    classes: NDArray[np.uint8]


class GeneratedCore:
    """
    A generated core: its true properties, and its image by lines.

    The image is drawn a slice at a time, always the whole slice, so that any cut gives the same
    pixels and memory does not grow with the length of the core (but for its profiles at
    a quarter of a millimetre). Reading from several threads is safe.

    Parameters
    ----------
    recipe : CoreRecipe
        What to generate.

    Raises
    ------
    ValueError
        If the resolution is outside 1 to 2,000 pixels per centimetre.
    """

    def __init__(self, recipe: CoreRecipe) -> None:
        self.recipe = recipe
        self.scale = LineScale.of(recipe.px_per_cm)
        self.n_lines = self.scale.lines_in(round(recipe.length_cm * SLICE_UM))
        self.n_across = max(2, round(recipe.width_cm * recipe.px_per_cm))
        n_mm = math.ceil(recipe.length_cm) * MM_PER_SLICE
        streams = [np.random.default_rng([recipe.seed, k]) for k in range(6)]
        sites = [Site(recipe.site, k) for k in range(4)]
        strata = deposit(streams[0], n_mm, sites[0])
        logs = measure(streams[1], strata, sites[1])
        pitch_mm = 10.0 / recipe.px_per_cm
        x_mm = (np.arange(self.n_across, dtype=np.float64) + 0.5) * pitch_mm
        self._frame = Frame(recipe.px_per_cm, 10.0 * recipe.length_cm, x_mm)
        self._sediment = Sediment(streams[2], strata, self._frame, sites[2])
        self._light = Lighting(streams[3], self._frame, drifts=recipe.with_artefacts, site=sites[3])
        self._scenery: Scenery | None = None
        self._artefacts: Artefacts | None = None
        blocked = np.zeros(n_mm, dtype=bool)
        if recipe.with_artefacts:
            self._scenery = Scenery(streams[4], self._frame)
            self._artefacts = Artefacts(
                streams[5], self._frame, self._scenery.core_mm, self._scenery.bed
            )
            blocked = self._artefacts.blocked(n_mm)
        self.truth = _truth(strata, logs, blocked, self.scale.n_slices(self.n_lines))
        self._last: _Block | None = None

    def lines(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        """
        Return scan lines ``[first_line, first_line + n_lines)``.

        Returns
        -------
        ndarray of shape (n_lines, n_across, 3)
            sRGB, 8 bit, core top first.

        Raises
        ------
        ValueError
            If the core has no such lines.
        """
        image = np.empty((n_lines, self.n_across, 3), dtype=np.uint8)
        for block, mine, its in self._blocks(first_line, n_lines):
            image[mine] = block.lines[its]
        return image

    def classes(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        """
        Return the :class:`MaskClass` of every pixel of ``lines(first_line, n_lines)``.

        Returns
        -------
        ndarray of shape (n_lines, n_across)

        Raises
        ------
        ValueError
            If the core has no such lines.
        """
        image = np.empty((n_lines, self.n_across), dtype=np.uint8)
        for block, mine, its in self._blocks(first_line, n_lines):
            image[mine] = block.classes[its]
        return image

    def _blocks(self, first_line: int, n_lines: int) -> Iterator[tuple[_Block, slice, slice]]:
        """Yield each block that holds some of the lines, with their target and source ranges."""
        end = first_line + n_lines
        if first_line < 0 or n_lines < 0 or end > self.n_lines:
            raise ValueError(
                f"expected lines within 0 to {self.n_lines}, got {first_line} to {end}"
            )
        line = first_line
        while line < end:
            index = self.scale.slice_of_line(line)
            start = self.scale.first_line_of_slice(index)
            stop = min(self.scale.first_line_of_slice(index + 1), end)
            block = self._last
            if block is None or block.index != index:
                block = self._draw(index)
                self._last = block
            yield (
                block,
                slice(line - first_line, stop - first_line),
                slice(line - start, stop - start),
            )
            line = stop

    def _draw(self, index: int) -> _Block:
        first = self.scale.first_line_of_slice(index)
        last = min(self.scale.first_line_of_slice(index + 1), self.n_lines)
        z_mm = (np.arange(first, last, dtype=np.float64) + 0.5) * self._frame.pitch_mm
        planes, mottle = self._sediment.planes(first, z_mm)
        classes = np.full(mottle.shape, MaskClass.SEDIMENT, dtype=np.uint8)
        grit = self._sediment.texture(1, first, z_mm.size)
        view = View(self._frame, z_mm, planes, classes, mottle, grit)
        if self._scenery is not None and self._artefacts is not None:
            self._artefacts.paint_core(view)
            self._scenery.paint(planes, classes, z_mm, grit)
            self._artefacts.paint_tags(view)
        self._light.shine_on(planes, z_mm)
        if self._artefacts is not None:
            self._artefacts.paint_glare(view)
        noise = self._sediment.texture(-1, first, z_mm.size)
        return _Block(index, expose(planes, noise), classes)


def _truth(strata: Strata, logs: Logs, blocked: NDArray[np.bool_], n_slices: int) -> CoreTruth:
    empty = blocked.reshape(-1, MM_PER_SLICE).mean(axis=1) > 0.5  # noqa: PLR2004 -- most of the slice

    def logged(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(empty, np.nan, values)[:n_slices]

    return CoreTruth(
        density=logged(logs.density),
        vp=logged(logs.vp),
        ms=logged(10.0**logs.log_ms),
        visible_density=logs.visible_density[:n_slices],
        visible_vp=logs.visible_vp[:n_slices],
        visible_log_ms=logs.visible_log_ms[:n_slices],
        facies=np.where(empty, np.int8(Facies.NONE), strata.facies())[:n_slices],
        porosity=logged(logs.porosity),
        grain=strata.grain.reshape(-1, MM_PER_SLICE).mean(axis=1)[:n_slices],
    )


def generate(recipe: CoreRecipe) -> GeneratedCore:
    """Return the core of a recipe; its properties are ready, its image is drawn as it is read."""
    return GeneratedCore(recipe)


def visible_share(cores: Sequence[GeneratedCore]) -> VisibleShare:
    """
    Return which share of each property's variance over all slices of ``cores`` was visible.

    It is ``1 - var(y - visible) / var(y)``, the variance between cores included: the R2 of a
    perfect prediction from the pixels of unseen cores.

    Raises
    ------
    ValueError
        If there is no slice with a log value.
    """

    def share(y: list[NDArray[np.float64]], visible: list[NDArray[np.float64]]) -> float:
        logged = np.concatenate(y) if y else np.empty(0)
        known = np.isfinite(logged)
        if not known.any():
            raise ValueError("expected cores with logged slices, got none")
        missed = (logged - np.concatenate(visible))[known]
        return float(1.0 - np.var(missed) / np.var(logged[known]))

    truths = [core.truth for core in cores]
    return VisibleShare(
        density=share([t.density for t in truths], [t.visible_density for t in truths]),
        vp=share([t.vp for t in truths], [t.visible_vp for t in truths]),
        log_ms=share([np.log10(t.ms) for t in truths], [t.visible_log_ms for t in truths]),
    )
