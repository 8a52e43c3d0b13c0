"""What every network must do, whatever its architecture."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_training.fitting.known_networks import network_named  # noqa: E402 - see above
from downcore_training.network import N_OUTPUTS  # noqa: E402 - see above
from downcore_training.networks import networks  # noqa: E402 - see above
from downcore_training.recipe import load_recipe, parse_recipe, recipe_text  # noqa: E402 - see above

NAMES = sorted(networks())


@pytest.fixture(autouse=True, params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    torch.manual_seed(0)
    return str(request.param)


def tiles(n: int = 2, side: int = 200) -> "torch.Tensor":
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(1)) * 255


@pytest.mark.parametrize("side", [200, 192])
def test_a_network_gives_three_finite_values_with_their_sd(name: str, side: int) -> None:
    module = network_named(name).build().eval()

    with torch.inference_mode():
        outputs = module(tiles(side=side))

    *of_properties, features = outputs
    assert len(of_properties) == 3
    assert features.ndim == 2
    assert len(features) == 2
    assert features.dtype == torch.float32
    assert torch.isfinite(features).all()
    for out in of_properties:
        assert out.shape == (2, N_OUTPUTS)
        assert out.dtype == torch.float32
        assert torch.isfinite(out).all()
    assert (outputs[1] >= -4).all()
    assert (outputs[1] <= 2).all(), "the log of the sd stays between its bounds"
    assert (outputs[2] >= 0).all()


def test_every_weight_learns(name: str) -> None:
    module = network_named(name).build().train()

    mean, log_sd, *_ = module(tiles())
    (mean.square().sum() + log_sd.square().sum()).backward()

    for key, parameter in module.named_parameters():
        assert parameter.grad is not None, f"{key} has no gradient"
        assert torch.isfinite(parameter.grad).all(), f"the gradient of {key} is not finite"
    norms = [p.grad.norm() for p in module.parameters() if p.ndim > 1]
    assert all(norm > 0 for norm in norms)


def test_a_flat_tile_has_a_finite_gradient(name: str) -> None:
    module = network_named(name).build().train()

    _, _, within_sd, _ = module(torch.full((2, 3, 200, 200), 90.0))
    within_sd.sum().backward() if within_sd.requires_grad else None

    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())


def test_a_tile_is_judged_alone_and_always_alike(name: str) -> None:
    module = network_named(name).build().eval()
    several = tiles(3)

    with torch.inference_mode():
        together = module(several)[0]
        again = module(several)[0]
        alone = module(several[1:2])[0]

    assert torch.equal(together, again)
    torch.testing.assert_close(together[1:2], alone, rtol=1e-3, atol=1e-4)


def test_normalisation_is_inside_and_leaves_no_key(name: str) -> None:
    module = network_named(name).build()

    assert not [key for key in module.state_dict() if "normalise" in key]
    grey = torch.tensor([123.675, 116.28, 103.53]).reshape(1, 3, 1, 1)
    assert torch.equal(module.normalise(grey), torch.zeros(1, 3, 1, 1))


def test_no_branch_starts_dead(name: str) -> None:
    # Exporters remove a residual branch whose last scale is 0.
    for key, value in network_named(name).build().state_dict().items():
        if key.endswith("weight"):
            assert value.abs().sum() > 0, key


def test_a_network_brings_the_recipe_that_its_file_spells_out(
    name: str, pytestconfig: pytest.Config
) -> None:
    recipe = network_named(name).default_recipe()

    assert recipe.network == name
    assert parse_recipe(recipe_text(recipe)) == recipe, "no recipe that can be trained"
    spelt_out = pytestconfig.rootpath / "config" / "training" / f"{name}.toml"
    if spelt_out.exists():
        assert load_recipe(spelt_out) == recipe
