"""Weights that a user brings: torchvision's ResNet-18, or an HRNet-W18, small-v2 or full."""

import pickle
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_WRAPPERS = ("state_dict", "model", "model_state")
"""Keys under which published files keep the state dict."""
_LAYER = re.compile(r"[^.]+(?:\.\d+)?")
_NAMED = 12
"""Most layers named in a sentence."""
_PREFIXES = ("module.", "model.", "backbone.")
"""Prefixes that wrappers of the training code leave on the keys."""


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """What was taken from a file of public weights, and what was not."""

    taken: tuple[str, ...]
    """Keys now in the module."""
    fresh: tuple[str, ...]
    """Keys of the module that the file did not have; their random weights stay."""
    unused: tuple[str, ...]
    """Keys of the file that the module has no place for, such as its classifier."""

    @property
    def sentence(self) -> str:
        """What was taken and what not, for a person."""
        n = len(self.taken) + len(self.unused)
        words = f"took {len(self.taken)} of {n} tensors"
        if self.unused:
            words += f"; not taken, since the network has no such layers: {_grouped(self.unused)}"
        return f"{words}; begun at random: {_grouped(self.fresh)}"


def load_public_weights(
    module: nn.Module, path: Path, *, left_out: tuple[str, ...] = ("fc.",)
) -> LoadedWeights:
    """
    Put the convolutions and normalisations of a published network into ``module``.

    Of a larger network of the same design, such as the full HRNet-W18, whose layers are as wide and
    more, the first of each stage are taken.

    The file is read with ``weights_only=True``: nothing in it is executed.

    Parameters
    ----------
    module : Module
        A network of this package; changed in place.
    path : Path
        A torch file with a state dict, by itself or under ``state_dict`` or ``model``.
    left_out : tuple of str
        Prefixes of keys never taken, a network's ``left_out``: public heads predict classes.

    Raises
    ------
    ValueError
        If the file is no state dict, lacks or misshapes any key of the backbone.
    """
    public = _state_dict_in(path)
    mine = {k: v for k, v in module.state_dict().items() if not k.startswith(left_out)}
    taken = {k: v for k, v in public.items() if k in mine and v.shape == mine[k].shape}
    # Files older than the counter of batches lack it; nothing depends on it.
    missing = [k for k in mine if k not in taken and not k.endswith("num_batches_tracked")]
    if missing:
        raise ValueError(
            f"expected weights for {len(mine)} keys of {type(module).__name__} in {path}, got "
            f"{len(taken)} that fit; the first of {len(missing)} that are absent or of another "
            f"shape is {missing[0]!r}; supply the file of the same architecture"
        )
    module.load_state_dict(taken, strict=False)
    return LoadedWeights(
        taken=tuple(taken),
        fresh=tuple(k for k in module.state_dict() if k not in taken),
        unused=tuple(k for k in public if k not in taken),
    )


def _state_dict_in(path: Path) -> dict[str, Tensor]:
    try:
        raw: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise ValueError(f"expected a torch file of weights at {path}, got another") from error
    for key in _WRAPPERS:
        if isinstance(raw, Mapping) and isinstance(raw.get(key), Mapping):
            raw = raw[key]
    if not isinstance(raw, Mapping) or not any(isinstance(v, Tensor) for v in raw.values()):
        raise ValueError(f"expected a state dict of tensors in {path}, got {type(raw).__name__}")
    return {_bare(str(k)): v for k, v in raw.items() if isinstance(v, Tensor)}


def _bare(key: str) -> str:
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    return key


def _grouped(keys: Sequence[str]) -> str:
    """Return layers by name with the number of their tensors: ``layer1.2 (15), fc (2)``."""
    counts = Counter(_layer_of(key) for key in keys)
    named = [f"{name} ({count})" for name, count in counts.items()]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more if named else "nothing"


def _layer_of(key: str) -> str:
    found = _LAYER.match(key)
    return found[0] if found else key
