"""Checkpoints: plain tensors and numbers that load without running code."""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from downcore.strata.errors import BundleError
from downcore.strata.properties import PROPERTIES
from downcore_training.fitting.known_networks import network_named
from downcore_training.network import SomeProperties

FORMAT_VERSION = 1

CHECKPOINT = "checkpoint.pt"
"""The trained network with its scaling and figures: what ``downcore bundle`` takes."""
LAST = "last.pt"
"""The state from which a run resumes."""
BEST = "best.pt"
"""The best weights on the validation cores so far."""


def save(content: dict[str, Any], path: Path) -> None:
    """Write ``content`` atomically: ``path`` is always complete, the old or the new file."""
    beside = path.with_name(f".{path.name}.partial")
    torch.save(content, beside)
    beside.replace(path)


def read(path: Path) -> dict[str, Any]:
    """
    Return the content of ``path``, read with ``weights_only=True``.

    Raises
    ------
    BundleError
        If there is no such file or it is not a checkpoint.
    """
    if not path.is_file():
        raise BundleError(f"expected a checkpoint at {path}, got no such file")
    try:
        raw: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise BundleError(f"expected a checkpoint at {path}, got another file") from error
    if not isinstance(raw, dict) or raw.get("format_version") != FORMAT_VERSION:
        raise BundleError(
            f"expected a checkpoint of format {FORMAT_VERSION} at {path}, got another"
        )
    return raw


def trained_network(content: dict[str, Any]) -> nn.Module:
    """
    Return the network of a finished checkpoint with its weights, in evaluation mode.

    Its first outputs have a column for each property in the checkpoint's ``outputs``.
    """
    module = network_named(content["network"]).build()
    module.load_state_dict(content["state_dict"])
    names = [output["property"] for output in content["outputs"]]
    columns = [i for i, prop in enumerate(PROPERTIES) if prop.name in names]
    whole = len(columns) == len(PROPERTIES)
    return (module if whole else SomeProperties(module, columns)).eval()


def frozen_state(module: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the state dict that later steps do not change."""
    return {k: v.detach().cpu().clone().contiguous() for k, v in module.state_dict().items()}
