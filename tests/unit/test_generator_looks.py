"""Pixels of a generated core look like what they are classed as, and show its grain size."""

import numpy as np
import pytest
from numpy.typing import NDArray

from downcore.simulator.generator import CoreRecipe, GeneratedCore, generate
from downcore.simulator.stratigraphy import Facies
from downcore.strata.mask.classes import MaskClass


@pytest.fixture(scope="module")
def scans() -> tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...]:
    cores = [generate(CoreRecipe(seed, px_per_cm=20.0)) for seed in range(12)]
    return tuple((c.lines(0, c.n_lines), c.classes(0, c.n_lines)) for c in cores)


@pytest.mark.parametrize("kind", list(MaskClass))
def test_every_class_occurs(
    scans: tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...], kind: MaskClass
) -> None:
    assert any((classes == kind).any() for _, classes in scans), f"no {kind.name} in 12 cores"


def test_most_of_an_image_is_sediment_between_two_liners(
    scans: tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...],
) -> None:
    for _, classes in scans:
        assert 0.45 < (classes == MaskClass.SEDIMENT).mean() < 0.95
        for side in (classes[:, :35], classes[:, -35:]):
            beside = np.isin(side, (MaskClass.OUTSIDE, MaskClass.TAG)).any(axis=1)
            assert beside.mean() > 0.95, "the bed is seen beside the core"
            assert (side == MaskClass.TRAY).any(axis=1).mean() > 0.9, "each side has its liner"


def test_foam_is_pale_openings_are_dark_and_glare_is_blown_out(
    scans: tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...],
) -> None:
    for image, classes in scans:
        light = image.astype(float).mean(axis=2)
        sediment = np.median(light[classes == MaskClass.SEDIMENT])
        if (classes == MaskClass.FOAM).sum() > 200:
            assert np.median(light[classes == MaskClass.FOAM]) > sediment + 25.0
        if (classes == MaskClass.VOID).sum() > 50:
            assert np.median(light[classes == MaskClass.VOID]) < 0.6 * sediment
        if (classes == MaskClass.GLARE).sum() > 10:
            assert np.median(image[classes == MaskClass.GLARE].min(axis=1)) >= 245


def test_the_bed_is_one_colour_and_not_that_of_the_sediment(
    scans: tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...],
) -> None:
    for image, classes in scans:
        bed = image[:, :8][classes[:, :8] == MaskClass.OUTSIDE].astype(float)
        if len(bed) < 100:
            continue
        sediment = np.median(image[classes == MaskClass.SEDIMENT], axis=0)
        assert np.abs(np.median(bed, axis=0) - sediment).max() > 15.0
        assert bed.std(axis=0).max() < 30.0


def test_sediment_has_the_olive_colour_of_marine_mud(
    scans: tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...],
) -> None:
    medians = [np.median(image[classes == MaskClass.SEDIMENT], axis=0) for image, classes in scans]
    red, green, blue = np.median(medians, axis=0)
    assert abs(red - 137.0) < 20.0
    assert abs(green - 130.0) < 20.0
    assert abs(blue - 98.0) < 20.0
    assert np.std(medians, axis=0).min() > 5.0, "light and colour differ between cores"


def _contrast(core: GeneratedCore, index: int, sigma_px: int) -> float:
    """Return the contrast of a slice's middle at about ``sigma_px``, relative to its lightness."""
    first = core.scale.first_line_of_slice(index)
    n = core.scale.first_line_of_slice(index + 1) - first
    middle = core.n_across // 2
    tile = core.lines(first, n)[:, middle - n // 2 : middle + n // 2].astype(float).mean(axis=2)
    size = tile.shape[0] // sigma_px * sigma_px
    blocks = tile[:size, :size].reshape(size // sigma_px, sigma_px, -1, sigma_px).mean(axis=(1, 3))
    steps = np.diff(blocks, axis=1)
    return float(np.median(np.abs(steps)) / tile.mean())


@pytest.mark.parametrize("px_per_cm", [60.0, 200.0, 360.0])
def test_sand_is_grainier_than_mud_at_every_useful_resolution(px_per_cm: float) -> None:
    mud: list[float] = []
    sand: list[float] = []
    for seed in range(200, 230):
        recipe = CoreRecipe(seed, length_cm=60.0, px_per_cm=px_per_cm, with_artefacts=False)
        core = generate(recipe)
        for kind, found in ((Facies.MUD, mud), (Facies.SAND, sand)):
            here = np.flatnonzero(core.truth.facies == kind)
            if here.size and len(found) < 4:
                # Steps of a third of a millimetre, whatever the pixel.
                found.append(_contrast(core, int(here[0]), max(1, round(px_per_cm / 30.0))))
        if min(len(mud), len(sand)) == 4:
            break
    assert len(sand) == 4, "30 cores must hold four sands"
    assert np.median(sand) > 2.0 * np.median(mud), f"sand {sand}, mud {mud}"


def _colour_contrast(tile: NDArray[np.uint8], px_per_cm: float) -> float:
    """Return the log of the contrast of blue against red at half a millimetre."""
    pitch = max(1, round(px_per_cm / 20.0))
    size = tile.shape[0] // pitch * pitch
    blocks = tile[:size, :size].astype(float).reshape(size // pitch, pitch, -1, pitch, 3)
    colour = blocks.mean(axis=(1, 3))
    ratio = colour[..., 2] / colour[..., 0]
    return float(np.log(np.median(np.abs(np.diff(ratio / ratio.mean(), axis=1)))))


@pytest.mark.parametrize("px_per_cm", [60.0, 200.0])
def test_iron_stains_specks_that_one_square_centimetre_shows(px_per_cm: float) -> None:
    stain, magnetic = [], []
    for seed in range(60, 84):
        recipe = CoreRecipe(seed, 10.0, px_per_cm, width_cm=3.0, with_artefacts=False)
        core = generate(recipe)
        mud = np.flatnonzero(core.truth.facies == Facies.MUD)
        for i in mud[:1]:
            first, after = (core.scale.first_line_of_slice(int(k)) for k in (i, i + 1))
            tile = core.lines(first, after - first)[:, : after - first]
            stain.append(_colour_contrast(tile, px_per_cm))
            # What susceptibility has beyond density is the iron's.
            magnetic.append(core.truth.visible_log_ms[i] - 1.08 * core.truth.visible_density[i])
    assert len(stain) > 15, "too few muds to tell"
    r = np.corrcoef(stain, magnetic)[0, 1]
    assert r > 0.7, f"correlation {r:.2f} of stain and iron"


def test_mean_light_alone_hardly_tells_density() -> None:
    light, density = [], []
    for seed in range(40):
        core = generate(CoreRecipe(seed, length_cm=40.0, px_per_cm=4.0, with_artefacts=False))
        rows = core.lines(0, core.n_lines).astype(float).mean(axis=(1, 2))
        light.append(rows.reshape(40, 4).mean(axis=1))
        density.append(core.truth.density)
    r = np.corrcoef(np.concatenate(light), np.concatenate(density))[0, 1]
    assert abs(r) < 0.45, f"correlation {r:.2f}; real cores show 0.2 and less"
