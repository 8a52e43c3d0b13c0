"""What a logger's footprint means for the loss and for the tiles of a step."""

import math
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.strata.errors import SettingsError
from downcore.strata.footprint import FOOTPRINTS

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_training.datasets import CoreTiles, TileSet  # noqa: E402 - see above
from downcore_training.fitting.loss import (  # noqa: E402 - see above
    Target,
    WideLabel,
    beta_nll,
    footprint_nll,
    over_footprint,
)
from downcore_training.fitting.tile_groups import (  # noqa: E402 - see above
    ALONE,
    GroupedTiles,
    TileGroups,
    quadrature_of,
    wide_footprints,
)
from downcore_training.recipe import GROUP_TILES, parse_recipe  # noqa: E402 - see above

MS = WideLabel(column=2, centre=1.7, spread=0.25, is_mean_of_log=True)
LOOP = next(one for one in FOOTPRINTS if one.property == "ms")
THREE = quadrature_of(LOOP)


def core_of(seed: int, slice_index: list[int], run: list[int] | None = None) -> CoreTiles:
    """Return a core with tiles of the given slices; labels are of no matter."""
    n = 1 + max(slice_index) if run is None else len(run)
    return CoreTiles(
        seed=seed,
        px_per_cm=100.0,
        pixels=np.zeros((len(slice_index), 1, 1, 3), np.uint8),
        slice_index=np.array(slice_index),
        labels=np.zeros((n, 3)),
        visible=np.zeros((n, 3)),
        colour=np.zeros((len(slice_index), 6)),
        run=None if run is None else np.array(run),
    )


def twice(n_slices: int) -> list[int]:
    return [i for i in range(n_slices) for _ in range(2)]


def slices_of(tiles: TileSet) -> NDArray[np.int64]:
    return np.concatenate([core.slice_index for core in tiles.cores])


def epoch_of(tiles: TileSet, n_groups: int, *, seed: int = 0) -> list[TileGroups]:
    n_slices = tiles.one_tile_a_slice().size
    batches = GroupedTiles(tiles, THREE, seed).batches(n_groups, 0)
    return list(islice(batches, n_slices // n_groups))


def test_only_the_loop_sees_far_more_than_a_slice() -> None:
    assert [one.property for one in wide_footprints()] == ["ms"]


def test_three_slices_have_the_mean_and_the_variance_of_the_footprint() -> None:
    weights = LOOP.weights()
    at = np.arange(weights.size) - weights.size // 2

    offsets, shares = np.array(THREE.offsets), np.array(THREE.weights)

    assert offsets[0] == 0
    assert len(offsets) == GROUP_TILES
    assert shares.sum() == pytest.approx(1)
    assert (shares > 0).all()
    assert (shares * offsets).sum() == pytest.approx(0, abs=1e-12)
    assert (shares * offsets**2).sum() == pytest.approx((weights * at**2).sum())


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_a_footprint_of_log_values_is_the_log_of_the_mean_of_plain_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scaled, weights = rng.normal(0, 1, (4, 3)), rng.dirichlet(np.ones(3), 4)

    got = over_footprint(torch.tensor(scaled), torch.tensor(weights), MS)

    plain = 10 ** (scaled * MS.spread + MS.centre)
    expected = (np.log10((weights * plain).sum(axis=1)) - MS.centre) / MS.spread
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-9)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_loss_is_what_a_plain_sum_over_labels_says(seed: int, beta: float) -> None:
    rng = np.random.default_rng(seed)
    n, k = 3, 3
    mean, log_sd = rng.normal(0, 1, (n * k, 3)), rng.normal(-1, 0.3, (n * k, 3))
    label = rng.normal(0, 1, (n * k, 3))
    label[rng.random(label.shape) < 0.2] = math.nan
    weights = rng.dirichlet(np.ones(k), n)

    got = footprint_nll(
        torch.tensor(mean),
        torch.tensor(log_sd),
        Target(torch.tensor(label), torch.tensor(label)),
        weights=torch.tensor(weights),
        wide=(MS,),
        beta=beta,
    )

    def term(predicted: float, spread: float, true: float) -> float:
        variance = math.exp(2 * spread)
        weight: float = variance**beta
        return (0.5 * (true - predicted) ** 2 / variance + spread) * weight

    terms: list[list[float]] = [[], [], []]
    for group in range(n):
        plain = 0.0
        for tile in range(k):
            row = group * k + tile
            plain += weights[group, tile] * 10 ** (mean[row, 2] * MS.spread + MS.centre)
            for column in (0, 1):
                if math.isfinite(label[row, column]):
                    terms[column].append(
                        term(mean[row, column], log_sd[row, column], label[row, column])
                    )
        first = group * k
        if math.isfinite(label[first, 2]):
            read = (math.log10(plain) - MS.centre) / MS.spread
            terms[2].append(term(read, log_sd[first, 2], label[first, 2]))
    known = [np.mean(one) for one in terms if one]
    assert got.item() == pytest.approx(np.mean(known) if known else 0.0, abs=1e-9)


def test_groups_of_one_tile_are_compared_tile_by_tile() -> None:
    torch.manual_seed(0)
    mean, log_sd, label = torch.randn(6, 3), torch.randn(6, 3), torch.randn(6, 3)

    got = footprint_nll(
        mean, log_sd, Target(label, label), weights=torch.ones(6, 1), wide=(MS,), beta=0.5
    )

    assert got.item() == pytest.approx(beta_nll(mean, log_sd, label, beta=0.5).item(), abs=1e-5)


def test_means_learn_from_the_expectation_and_sds_from_the_labels() -> None:
    mean = torch.zeros(1, 3, requires_grad=True)
    log_sd = torch.zeros(1, 3, requires_grad=True)
    target = Target(label=torch.full((1, 3), 2.0), expected=torch.full((1, 3), -1.0))

    loss = footprint_nll(mean, log_sd, target, weights=torch.ones(1, 1), wide=(), beta=0.0)
    loss.backward()

    assert loss.item() == pytest.approx(0.5 * 2.0**2), "the value is that of the label's error"
    assert mean.grad is not None
    assert log_sd.grad is not None
    # Three properties count alike, so that each has a third of the slope.
    torch.testing.assert_close(mean.grad, torch.full((1, 3), 1.0 / 3))
    torch.testing.assert_close(log_sd.grad, torch.full((1, 3), (1 - 4.0) / 3))


def test_a_missing_label_in_a_group_spoils_no_gradient() -> None:
    mean = torch.zeros(3, 3, requires_grad=True)
    label = torch.full((3, 3), math.nan)

    loss = footprint_nll(
        mean,
        torch.zeros(3, 3),
        Target(label, label),
        weights=torch.full((1, 3), 1 / 3),
        wide=(MS,),
        beta=0.5,
    )
    loss.backward()

    assert loss.item() == 0
    assert mean.grad is not None
    assert not mean.grad.any()


def test_a_group_is_of_one_core_at_the_distance_of_the_footprint() -> None:
    tiles = TileSet([core_of(i, twice(20)) for i in range(5)])
    at = slices_of(tiles)
    reach = THREE.offsets[2]

    for batch in epoch_of(tiles, 4):
        for group, weights in zip(batch.tiles, batch.weights, strict=True):
            assert len(set(tiles.core[group])) == 1, "a group mixes cores"
            apart = at[group] - at[group[0]]
            assert set(apart) <= {0, -reach, reach}
            whole = reach <= at[group[0]] < 20 - reach
            assert sorted(apart) == [-reach, 0, reach] if whole else True
            assert weights.sum() == pytest.approx(1)


def test_no_group_reaches_over_a_gap_between_sections() -> None:
    run = [0] * 6 + [1] * 6
    tiles = TileSet([core_of(0, list(range(12)), run)])
    at = slices_of(tiles)

    for batch in epoch_of(tiles, 2):
        for group in batch.tiles:
            assert len({run[i] for i in at[group]}) == 1


def test_where_a_neighbour_is_missing_the_others_make_up_the_whole() -> None:
    tiles = TileSet([core_of(0, twice(4))])
    groups = GroupedTiles(tiles, THREE, 0).groups(np.array([0, 1]), 0)
    at = slices_of(tiles)
    centre, beside = THREE.weights[0], THREE.weights[1]

    # Slice 0 has the one three below; of slice 1 there is neither.
    at_first = groups.weights[0][at[groups.tiles[0]] == 0]
    assert at_first.sum() == pytest.approx(centre / (centre + beside))
    assert len(set(groups.tiles[0][at[groups.tiles[0]] == 0])) == 2, "stand-ins are other tiles"
    np.testing.assert_array_equal(at[groups.tiles[1]], [1, 1, 1])
    np.testing.assert_allclose(groups.weights[1], 1 / 3)


def test_a_slice_without_a_tile_is_no_label_and_no_neighbour() -> None:
    index = [i for i in twice(12) if i != 6]
    tiles = TileSet([core_of(0, index)])
    at = slices_of(tiles)

    seen = np.concatenate([batch.tiles for batch in epoch_of(tiles, 1)])

    assert 6 not in at[seen]
    assert set(at[seen[:, 0]]) == set(index)


def test_every_slice_is_a_label_once_in_an_epoch_and_its_tiles_take_turns() -> None:
    tiles = TileSet([core_of(i, [s for s in range(12) for _ in range(3)]) for i in range(4)])

    seen = np.concatenate([batch.tiles for batch in epoch_of(tiles, 4)])

    assert sorted(tiles.group[seen[:, 0]]) == list(range(48))
    inner = (slices_of(tiles) >= 3) & (slices_of(tiles) < 9)
    counts = np.bincount(seen.ravel(), minlength=len(tiles))
    assert (counts[inner] == 1).all(), "a tile far from the ends is seen once, none is wasted"


def test_the_groups_of_a_batch_are_of_different_cores() -> None:
    tiles = TileSet([core_of(i, twice(10)) for i in range(16)])

    for batch in epoch_of(tiles, 8):
        assert len(set(tiles.core[batch.tiles[:, 0]])) == 8


def test_a_run_that_starts_later_sees_the_same_groups() -> None:
    tiles = TileSet([core_of(i, twice(10)) for i in range(3)])

    from_start = list(islice(GroupedTiles(tiles, THREE, 4).batches(4, 0), 25))
    from_later = list(islice(GroupedTiles(tiles, THREE, 4).batches(4, 11), 14))

    for one, other in zip(from_start[11:], from_later, strict=True):
        np.testing.assert_array_equal(one.tiles, other.tiles)
        np.testing.assert_array_equal(one.weights, other.weights)


def test_alone_every_tile_stands_for_itself() -> None:
    tiles = TileSet([core_of(0, twice(6))])

    for batch in islice(GroupedTiles(tiles, ALONE, 0).batches(3, 0), 2):
        assert batch.tiles.shape == (3, 1)
        assert (batch.weights == 1).all()


def test_too_few_slices_for_a_batch_are_refused() -> None:
    tiles = TileSet([core_of(0, twice(3))])

    with pytest.raises(SettingsError, match="expected at least 4 slices for a batch, got 3"):
        next(GroupedTiles(tiles, THREE, 0).batches(4, 0))


def test_a_batch_that_holds_no_whole_groups_is_refused() -> None:
    with pytest.raises(SettingsError, match="batch must be a multiple of 3"):
        parse_recipe('network = "resnet-18"\nbatch = 16')

    assert parse_recipe('network = "x"\nbatch = 16\nfootprint_in_loss = false').batch == 16
