"""Reading a user's checkpoint without running code from it."""

import hashlib
import io
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from downcore.strata.errors import BundleError
from downcore_export.conversion import quiet_libraries
from downcore_export.segment_anything.network import SegmentAnything

EXPECTED = (
    "the checkpoint of MobileSAM as it is published (mobile_sam.pt: TinyViT image encoder with 5 "
    "million parameters, 439 arrays; licence Apache-2.0)"
)
"""The checkpoint expected, for messages."""

_MAX_BYTES = 1 << 30
_MAX_LISTED = 5
_UNREADABLE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    EOFError,
    RuntimeError,
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    TypeError,
)


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A loaded checkpoint."""

    network: SegmentAnything
    """In evaluation mode."""
    name: str
    """Of its file."""
    sha256: str


def read_checkpoint(path: Path) -> Checkpoint:
    """
    Return the checkpoint at ``path``; only arrays are read from it, never code.

    Raises
    ------
    BundleError
        If there is none, it is not a file of arrays, names or shapes are not those of the
        architecture, or a weight is no number.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BundleError(f"expected {EXPECTED} at {path}, got more than {_MAX_BYTES} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"expected {EXPECTED} at {path}, got: {error.strerror}") from error
    try:
        with quiet_libraries():
            raw: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise BundleError(
            f"expected {EXPECTED} at {path}, got a file that holds no arrays, or more than arrays"
        ) from error
    network = SegmentAnything()
    state = _state_of(raw, path)
    _check_names(state, network.state_dict(), path)
    network.load_state_dict(state, strict=True)
    return Checkpoint(
        network=network.eval(), name=path.name, sha256=hashlib.sha256(content).hexdigest()
    )


def _state_of(raw: Any, path: Path) -> dict[str, Tensor]:
    if not isinstance(raw, Mapping) or not all(isinstance(array, Tensor) for array in raw.values()):
        what = f"keys {_listed(raw)}" if isinstance(raw, Mapping) else f"a {type(raw).__name__}"
        raise BundleError(
            f"expected {EXPECTED} at {path}, got {what}: give the plain arrays by name, not a "
            "file that a training resumes from"
        )
    return dict(raw)


def _check_names(state: Mapping[str, Tensor], known: Mapping[str, Tensor], path: Path) -> None:
    missing, unexpected = known.keys() - state.keys(), state.keys() - known.keys()
    if missing or unexpected:
        raise BundleError(
            f"expected {EXPECTED} at {path}, got one with {len(missing)} arrays missing "
            f"({_listed(missing)}) and {len(unexpected)} unexpected ({_listed(unexpected)})"
            f"{_guess(state)}"
        )
    for name, array in known.items():
        if state[name].shape != array.shape:
            raise BundleError(
                f"expected {EXPECTED} at {path}, got {name} of shape "
                f"{tuple(state[name].shape)} instead of {tuple(array.shape)}"
            )
        if not torch.isfinite(state[name]).all():
            raise BundleError(f"expected weights that are numbers at {path}, got others in {name}")


def _guess(state: Mapping[str, Tensor]) -> str:
    if any(name.startswith("image_encoder.blocks.") for name in state):
        return "; this looks like Segment Anything with its large encoder, which is too slow here"
    if any(name.startswith("image_encoder.rep_vit") for name in state):
        return "; this looks like EdgeSAM, whose licence forbids commercial use"
    if any(name.startswith("image_encoder.") for name in state):
        return "; this looks like Segment Anything with another encoder"
    return ""


def _listed(names: Iterable[object]) -> str:
    ordered = sorted(str(name) for name in names)
    return (
        ", ".join(ordered[:_MAX_LISTED]) + (", ..." if len(ordered) > _MAX_LISTED else "")
        if ordered
        else "none"
    )
