"""The architecture is that of the public checkpoint, and nothing else is taken for it."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from downcore.strata.errors import BundleError, SettingsError

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_export.segment_anything.bundling import BundleOptions  # noqa: E402 - see above
from downcore_export.segment_anything.checkpoint import read_checkpoint  # noqa: E402 - see above
from downcore_export.segment_anything.network import SegmentAnything  # noqa: E402 - see above

SHAPES = Path(__file__).resolve().parents[1] / "data" / "mobile_sam_shapes.txt"
"""Names and shapes of the arrays of MobileSAM's published checkpoint, in its order."""

State = dict[str, Any]


@pytest.fixture(scope="module")
def state() -> State:
    torch.manual_seed(0)
    return dict(SegmentAnything().state_dict())


def told(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def test_names_and_shapes_are_those_of_the_public_checkpoint(state: State) -> None:
    got = [f"{name} {told(tuple(array.shape))}" for name, array in state.items()]
    assert got == SHAPES.read_text().splitlines()


def test_it_has_as_many_parameters_as_the_public_checkpoint() -> None:
    network = SegmentAnything()
    count = {
        name: sum(one.numel() for one in part.parameters())
        for name, part in network.named_children()
    }
    assert count == {
        "image_encoder": 6_065_532,
        "prompt_encoder": 6_220,
        "mask_decoder": 4_058_340,
    }


def test_a_checkpoint_with_these_names_is_read(state: State, tmp_path: Path) -> None:
    path = tmp_path / "mobile_sam.pt"
    torch.save(state, path)

    got = read_checkpoint(path)

    assert got.name == "mobile_sam.pt"
    assert len(got.sha256) == 64
    assert not got.network.training
    for name, array in got.network.state_dict().items():
        assert torch.equal(array, state[name]), name


def without_decoder(state: State) -> State:
    return {k: v for k, v in state.items() if not k.startswith("mask_decoder.")}


def with_large_encoder(state: State) -> State:
    own = {k: v for k, v in state.items() if not k.startswith("image_encoder.")}
    return {**own, "image_encoder.blocks.0.attn.qkv.weight": torch.zeros(1)}


def with_other_shape(state: State) -> State:
    return {**state, "mask_decoder.mask_tokens.weight": torch.zeros(3, 256)}


def with_nan(state: State) -> State:
    name = "image_encoder.neck.0.weight"
    return {**state, name: torch.full_like(state[name], float("nan"))}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            without_decoder,
            r"arrays missing \(mask_decoder\.iou_prediction_head.*Apache|Apache.*miss",
        ),
        (with_large_encoder, r"1 unexpected \(image_encoder\.blocks.*large encoder"),
        (with_other_shape, r"mask_tokens\.weight of shape \(3, 256\) instead of \(4, 256\)"),
        (with_nan, r"weights that are numbers .* image_encoder\.neck\.0\.weight"),
        (lambda state: {"model": state}, r"got keys model: give the plain arrays by name"),
        (lambda state: list(state.values())[:2], r"got a list"),
        (lambda _: {}, r"439 arrays missing"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused_with_what_differs(
    state: State, tmp_path: Path, change: Callable[[State], Any], message: str
) -> None:
    path = tmp_path / "other.pt"
    torch.save(change(state), path)
    with pytest.raises(BundleError, match=message):
        read_checkpoint(path)


class Hostile:
    """Would make a file if it were unpickled as pickle does it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04 no archive"),
        lambda path: path.write_text("no checkpoint\n"),
        lambda path: path.write_bytes(pickle.dumps(Hostile(path.with_name("made")))),
        lambda path: torch.save({"x": Hostile(path.with_name("made"))}, path),
    ],
)
def test_no_code_in_a_checkpoint_is_run(tmp_path: Path, write: Callable[[Path], Any]) -> None:
    path = tmp_path / "mobile_sam.pt"
    write(path)
    with pytest.raises(BundleError, match="holds no arrays, or more than arrays"):
        read_checkpoint(path)
    assert not (tmp_path / "made").exists(), "the checkpoint ran code"


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"mobile_sam\.pt, got: No such file"):
        read_checkpoint(tmp_path / "mobile_sam.pt")
    with pytest.raises(BundleError, match="Is a directory"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"licence": " "}, "expected the licence of the checkpoint"),
        ({"licence": "x", "side_px": 500}, "expected a side of 256 to 1024 px in steps of 64"),
        ({"licence": "x", "side_px": 2048}, "512 is fast, 1024 as trained"),
        ({"licence": "x", "precision": "int8"}, "expected a precision of f32, bf16"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        BundleOptions(**wrong)
