"""What every network must do, whatever its architecture."""

import re

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_training.fitting.known_networks import network_named  # noqa: E402 - see above
from downcore_training.networks import N_OUTPUTS, networks  # noqa: E402 - see above

NAMES = sorted(networks())

PUBLIC_KEYS = {
    "resnet-18": (
        r"conv1\.weight",
        r"bn1\.(weight|bias|running_mean|running_var|num_batches_tracked)",
        r"layer[1-4]\.[01]\.conv[12]\.weight",
        r"layer[1-4]\.[01]\.bn[12]\.(weight|bias|running_mean|running_var|num_batches_tracked)",
        r"layer[2-4]\.0\.downsample\.0\.weight",
        r"layer[2-4]\.0\.downsample\.1\.(weight|bias|running_mean|running_var|num_batches_tracked)",
        r"fc\.(weight|bias)",
    ),
    "hrnet-deeplabv3plus": (
        r"(conv[12]|layer1\.[01]\.conv[123]|layer1\.0\.downsample\.0)\.weight",
        r"(bn[12]|layer1\.[01]\.bn[123]|layer1\.0\.downsample\.1)\..+",
        r"transition1\.(0\.[01]|1\.0\.[01])\..+",
        r"transition2\.2\.0\.[01]\..+",
        r"transition3\.3\.0\.[01]\..+",
        r"stage2\.0\.branches\.[01]\.[01]\.(conv|bn)[12]\..+",
        r"stage3\.[012]\.branches\.[012]\.[01]\.(conv|bn)[12]\..+",
        r"stage4\.[01]\.branches\.[0123]\.[01]\.(conv|bn)[12]\..+",
        r"stage[234]\.[012]\.fuse_layers\.\d\.\d\.[01]\.(weight|bias|running_\w+|num_\w+)",
        r"stage[234]\.[012]\.fuse_layers\.\d\.\d\.\d\.[01]\.(weight|bias|running_\w+|num_\w+)",
    ),
}
"""Keys of the published files, as patterns that match whole names."""

PUBLIC_TENSORS = {"resnet-18": 122, "hrnet-deeplabv3plus": 144 * 6}
"""Tensors of the published backbone, torchvision's classifier among them."""

MILLION_PARAMETERS = {"resnet-18": 11.18, "hrnet-deeplabv3plus": 4.49}


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


def test_state_dict_names_are_those_of_the_public_weights(name: str) -> None:
    network = network_named(name)
    patterns = [re.compile(p) for p in PUBLIC_KEYS[name]]
    heads = tuple(p for p in network.left_out if p != "fc.")

    keys = [k for k in network.build().state_dict() if not k.startswith(heads)]

    strange = [k for k in keys if not any(p.fullmatch(k) for p in patterns)]
    assert not strange
    assert len(keys) == PUBLIC_TENSORS[name]
    for pattern in patterns:
        assert any(pattern.fullmatch(k) for k in keys), f"no key like {pattern.pattern}"


def test_no_branch_starts_dead(name: str) -> None:
    # Exporters remove a residual branch whose last scale is 0.
    for key, value in network_named(name).build().state_dict().items():
        if key.endswith("weight"):
            assert value.abs().sum() > 0, key


def test_the_size_is_what_the_model_card_says(name: str) -> None:
    count = sum(p.numel() for p in network_named(name).build().parameters())

    assert count / 1e6 == pytest.approx(MILLION_PARAMETERS[name], abs=0.01)


def test_a_network_has_a_recipe(name: str, pytestconfig: pytest.Config) -> None:
    from downcore_training.recipe import load_recipe  # noqa: PLC0415 - needs torch

    path = pytestconfig.rootpath / "config" / "training" / f"{name}.toml"

    assert load_recipe(path).network == name
