"""Generated logs relate to one another, and to what can be seen, as logs of real cores do."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from downcore.simulator.generator import (
    CoreRecipe,
    GeneratedCore,
    VisibleShare,
    generate,
    visible_share,
)
from downcore.simulator.rock_physics import wood_velocity
from downcore.simulator.site import Site
from downcore.simulator.stratigraphy import Facies


def _cores(n: int, length_cm: float, *, with_artefacts: bool) -> tuple[GeneratedCore, ...]:
    return tuple(
        generate(
            CoreRecipe(
                seed,
                length_cm=length_cm,
                px_per_cm=2.0,
                width_cm=2.0,
                with_artefacts=with_artefacts,
            )
        )
        for seed in range(n)
    )


@pytest.fixture(scope="module")
def sections() -> tuple[GeneratedCore, ...]:
    return _cores(120, 150.0, with_artefacts=True)


@pytest.fixture(scope="module")
def long_cores() -> tuple[GeneratedCore, ...]:
    return _cores(16, 800.0, with_artefacts=False)


def _all(cores: tuple[GeneratedCore, ...], name: str) -> NDArray[np.float64]:
    return np.concatenate([getattr(core.truth, name) for core in cores])


def _logged(cores: tuple[GeneratedCore, ...], *names: str) -> list[NDArray[np.float64]]:
    known = np.isfinite(_all(cores, "density"))
    return [_all(cores, name)[known] for name in names]


def test_woods_velocity_of_a_mud_is_below_that_of_sea_water() -> None:
    water, mud = wood_velocity(np.array([1.0, 0.866]), np.array([2.7, 2.7]))
    assert water == pytest.approx(1521.0, abs=1.0), "sea water at 20 degrees C"
    assert 1455.0 < mud < 1485.0, "a mud of 1.25 g/cm3"


def test_logs_are_distributed_as_in_cascadia_margin_cores(
    sections: tuple[GeneratedCore, ...],
) -> None:
    density, ms = _logged(sections, "density", "ms")
    low, middle, high, top = np.percentile(density, [1, 50, 95, 99])
    assert 1.02 < low < 1.18
    assert 1.24 < middle < 1.34
    assert 1.50 < high < 1.70
    assert 1.68 < top < 1.95
    low, middle, high = np.percentile(ms, [1, 50, 99])
    assert 15.0 < low < 38.0
    assert 47.0 < middle < 86.0 + 1.0
    assert 144.0 < high < 220.0


def test_each_facies_has_the_density_and_velocity_of_its_kind(
    sections: tuple[GeneratedCore, ...],
) -> None:
    density, vp, ms, facies = _logged(sections, "density", "vp", "ms", "facies")
    bounds = {
        Facies.MUD: ((1.20, 1.32), (1460.0, 1520.0)),
        Facies.SILT: ((1.38, 1.60), (1500.0, 1600.0)),
        Facies.SAND: ((1.55, 1.90), (1580.0, 1750.0)),
    }
    for kind, (densities, velocities) in bounds.items():
        here = facies == kind
        assert here.sum() > 100, f"{kind.name} is missing"
        assert densities[0] < np.median(density[here]) < densities[1], kind.name
        assert velocities[0] < np.median(vp[here]) < velocities[1], kind.name
    assert np.median(density[facies == Facies.SAPROPEL]) < np.median(density[facies == Facies.MUD])
    assert np.median(ms[facies == Facies.PALE]) < np.median(ms[facies == Facies.MUD])
    assert (facies == Facies.ASH).mean() < 0.03, "ash is rare"


def test_susceptibility_follows_density_as_in_cascadia_margin_cores(
    sections: tuple[GeneratedCore, ...],
) -> None:
    density, ms = _logged(sections, "density", "ms")
    log_ms = np.log10(ms)
    slope, level = np.polyfit(density, log_ms, 1)
    residual = log_ms - (slope * density + level)
    assert 0.85 < slope < 1.30, "1.08 in the reference cores"
    assert 0.70 < np.corrcoef(density, log_ms)[0, 1] < 0.86, "0.78 in the reference cores"
    assert 0.09 < residual.std() < 0.13, "0.11 in the reference cores"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("density", (0.94, 0.84, 0.65, 0.42, 0.15)), ("ms", (0.98, 0.95, 0.84, 0.6, 0.35))],
)
def test_logs_are_correlated_down_the_core_much_as_real_ones(
    long_cores: tuple[GeneratedCore, ...], name: str, expected: tuple[float, ...]
) -> None:
    lags = (1, 2, 5, 10, 20)
    found = []
    for core in long_cores:
        log = np.log10(getattr(core.truth, name))
        log = log - log.mean()
        found.append([np.mean(log[k:] * log[:-k]) / np.mean(log * log) for k in lags])
    mean = np.mean(found, axis=0)
    assert np.all(np.diff(mean) < 0.0), f"correlation must fall with distance, got {mean}"
    # The susceptibility of the reference cores lasts longer down the core than here.
    bound = (0.02, 0.04, 0.10, 0.13, 0.16) if name == "density" else (0.02, 0.04, 0.17, 0.23, 0.20)
    assert np.all(np.abs(mean - expected) < bound), mean


def test_about_half_of_the_variance_is_there_to_see(sections: tuple[GeneratedCore, ...]) -> None:
    share = visible_share(sections)
    assert 0.45 < share.density < 0.62, share
    assert 0.50 < share.vp < 0.66, share
    assert 0.45 < share.log_ms < 0.65, share


def test_what_is_hidden_has_nothing_to_do_with_what_is_visible(
    sections: tuple[GeneratedCore, ...],
) -> None:
    logs = _logged(sections, "density", "visible_density", "visible_vp", "vp", "grain")
    density, seen, seen_vp, vp, grain = logs
    for hidden, scale in ((density - seen, density.std()), (vp - seen_vp, vp.std())):
        assert abs(hidden.mean()) < 0.12 * scale, "the visible part is biased"
        for other in (seen, seen_vp, grain):
            # About 120 independent core offsets leave a chance correlation of some 0.1.
            assert abs(np.corrcoef(hidden, other)[0, 1]) < 0.15


def test_a_core_hides_an_offset_of_its_own(sections: tuple[GeneratedCore, ...]) -> None:
    offsets = [np.nanmean(core.truth.density - core.truth.visible_density) for core in sections]
    assert 0.04 < np.std(offsets) < 0.12, "g/cm3 between cores"


def test_levels_of_one_site_differ_less_than_those_of_two() -> None:
    def level(site: int | None, seed: int) -> float:
        return Site(site).level(np.random.default_rng(seed), lambda r: r.standard_normal())

    within = [level(k, k) - level(k, 1000 + k) for k in range(200)]
    between = [level(k, k) - level(1000 + k, 1000 + k) for k in range(200)]
    assert np.std(within) < 0.35 * np.std(between), "cores of one site share most of a level"
    assert np.std(within) > 0.0, "and not all of it"
    assert level(None, 5) == np.random.default_rng(5).standard_normal(), "without a site, its own"


def test_cores_of_one_site_are_still_cores_of_their_own() -> None:
    one, other = (generate(CoreRecipe(seed, 30.0, 4.0, 4.0, site=3)) for seed in (1, 2))
    r = np.corrcoef(one.truth.visible_density, other.truth.visible_density)[0, 1]
    assert r < 0.95, "the site must not lay the same beds in every core"
    assert not np.array_equal(one.lines(0, one.n_lines), other.lines(0, other.n_lines))


def test_a_site_is_a_whole_number_from_0() -> None:
    with pytest.raises(ValueError, match="site of 0 or more"):
        CoreRecipe(1, site=-1)


def test_turbidite_bases_lie_10_to_60_cm_apart(long_cores: tuple[GeneratedCore, ...]) -> None:
    n_beds = 0
    for core in long_cores:
        coarse = core.truth.grain > 0.3
        n_beds += sum(1 for above, below in itertools.pairwise(coarse) if above and not below)
    metres = sum(core.truth.grain.size for core in long_cores) / 100.0
    assert 1.5 < n_beds / metres < 4.0, f"{n_beds} beds in {metres} m"


def test_visible_share_needs_a_log() -> None:
    with pytest.raises(ValueError, match="got none"):
        visible_share([])
    assert isinstance(visible_share(_cores(1, 20.0, with_artefacts=False)), VisibleShare)
