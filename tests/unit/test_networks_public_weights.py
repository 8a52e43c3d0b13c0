"""Weights that a user brings."""

import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_training.fitting.known_networks import network_named  # noqa: E402 - see above
from downcore_training.networks import load_public_weights, networks  # noqa: E402 - see above
from downcore_training.recipe import load_recipe  # noqa: E402 - see above

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


@pytest.fixture(params=sorted(PUBLIC_KEYS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def published(name: str) -> "dict[str, torch.Tensor]":
    """Return what a published file of the backbone holds, with its classifier of 1,000."""
    torch.manual_seed(5)
    network = network_named(name)
    state = network.build().state_dict()
    kept = {k: v + 1 for k, v in state.items() if not k.startswith(network.left_out)}
    return kept | {"fc.weight": torch.zeros(1000, 512), "classifier.bias": torch.zeros(1000)}


@pytest.mark.parametrize("wrapper", [None, "state_dict"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_backbone_is_taken_and_its_classifier_is_not(
    name: str, wrapper: str | None, prefix: str, tmp_path: Path
) -> None:
    network, public = network_named(name), published(name)
    content = {prefix + k: v for k, v in public.items()}
    torch.save(content if wrapper is None else {wrapper: content, "epoch": 9}, tmp_path / "w.pt")
    module = network.build()

    loaded = load_public_weights(module, tmp_path / "w.pt", left_out=network.left_out)

    state = module.state_dict()
    for key in loaded.taken:
        assert torch.equal(state[key], public[key]), key
    assert set(loaded.unused) == {"fc.weight", "classifier.bias"}
    assert all(key.startswith(network.left_out) for key in loaded.fresh)
    assert len(loaded.taken) + len(loaded.fresh) == len(state)


def test_of_the_full_hrnet_w18_the_first_blocks_are_taken_and_the_others_are_named(
    tmp_path: Path,
) -> None:
    """It is as wide as small-v2 and has four blocks a branch, not two, and more modules."""
    network, public = network_named("hrnet-deeplabv3plus"), published("hrnet-deeplabv3plus")
    deeper = {
        re.sub(r"(branches\.\d\.|layer1\.)1\.", rf"\g<1>{block}.", k): v
        for block in (2, 3)
        for k, v in public.items()
        if re.search(r"(branches\.\d|layer1)\.1\.", k)
    }
    more = {k.replace("stage3.2.", "stage3.3."): v for k, v in public.items() if "stage3.2." in k}
    torch.save({"state_dict": public | deeper | more}, tmp_path / "w18.pt")
    module = network.build()

    loaded = load_public_weights(module, tmp_path / "w18.pt", left_out=network.left_out)

    assert len(loaded.taken) == 144 * 6
    assert {"layer1.2.conv1.weight", "stage2.0.branches.0.3.bn2.bias"} <= set(loaded.unused)
    for layer in ("layer1.3 (", "stage2.0 (", "stage3.3 (", "classifier"):
        assert layer in loaded.sentence
    assert f"took {144 * 6} of {144 * 6 + len(loaded.unused)} tensors" in loaded.sentence
    assert "begun at random: decoder" in loaded.sentence


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    torch.save(published("resnet-18"), tmp_path / "w.pt")
    network = network_named("hrnet-deeplabv3plus")
    module = network.build()
    before = {k: v.clone() for k, v in module.state_dict().items()}

    with pytest.raises(ValueError, match="supply the file of the same architecture"):
        load_public_weights(module, tmp_path / "w.pt", left_out=network.left_out)

    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


def test_one_layer_of_another_shape_is_refused_by_name(tmp_path: Path) -> None:
    public = published("resnet-18") | {"conv1.weight": torch.zeros(64, 4, 7, 7)}
    torch.save(public, tmp_path / "w.pt")

    with pytest.raises(ValueError, match=r"conv1\.weight"):
        load_public_weights(network_named("resnet-18").build(), tmp_path / "w.pt")


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"conv1.weight": 3}}, tmp_path / "w.pt")

    with pytest.raises(ValueError, match="expected a state dict of tensors"):
        load_public_weights(network_named("resnet-18").build(), tmp_path / "w.pt")


def test_what_is_no_torch_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"<html>not found</html>")

    with pytest.raises(ValueError, match="expected a torch file of weights"):
        load_public_weights(network_named("resnet-18").build(), tmp_path / "w.pt")


def test_an_unknown_network_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"hrnet-deeplabv3plus, resnet-18, got 'resnet-50'"):
        network_named("resnet-50")


def test_the_map_and_the_value_of_the_dense_network_agree() -> None:
    torch.manual_seed(0)
    module = network_named("hrnet-deeplabv3plus").build().eval()
    x = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (2, 3, 200, 200))).float()

    with torch.inference_mode():
        dense = module.dense(x)
        mean, _, within_sd, _ = module(x)

    assert dense.shape == (2, 3, 50, 50)
    torch.testing.assert_close(dense.mean(dim=(2, 3)), mean)
    torch.testing.assert_close(dense.std(dim=(2, 3), correction=0), within_sd, rtol=1e-3, atol=2e-4)


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


def test_the_size_is_what_the_model_card_says(name: str) -> None:
    count = sum(p.numel() for p in network_named(name).build().parameters())

    assert count / 1e6 == pytest.approx(MILLION_PARAMETERS[name], abs=0.01)


def test_every_network_with_public_weights_is_compared_with_them() -> None:
    published = {name for name, network in networks().items() if network.left_out is not None}

    assert published == set(PUBLIC_KEYS)


def test_the_boosted_model_brings_the_recipe_that_its_file_spells_out(
    pytestconfig: pytest.Config,
) -> None:
    spelt_out = pytestconfig.rootpath / "config" / "training" / "boosted-colour.toml"

    assert network_named("boosted-colour").default_recipe() == load_recipe(spelt_out)
