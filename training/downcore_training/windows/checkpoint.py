"""Checkpoints of predictors with context: the module, its scaling, limits and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from downcore.strata.bundle import OutputScaling
from downcore.strata.errors import BundleError
from downcore.strata.properties import PROPERTIES
from downcore.strata.widening import Widening
from downcore.strata.windows import Window
from downcore_training.fitting import checkpoint
from downcore_training.fitting.scaling import TargetScaling
from downcore_training.windows.blend import Blend
from downcore_training.windows.boosted_profile import BoostedProfile
from downcore_training.windows.figures import Judged
from downcore_training.windows.networks import NETWORKS, TITLES, blend_title
from downcore_training.windows.recipe import KIND


def outputs_of(
    judged: Judged, scaling: TargetScaling, properties: Sequence[int]
) -> tuple[OutputScaling, ...]:
    """Return the scaling and interval of each property, as a manifest has them."""
    return tuple(
        OutputScaling(
            property=PROPERTIES[i].name,
            unit=PROPERTIES[i].unit,
            is_log10=PROPERTIES[i].is_log_scaled,
            centre=float(scaling.centre[i]),
            spread=float(scaling.spread[i]),
            interval_factor=interval.table.factor,
            interval_floor=interval.table.floor,
        )
        for i, interval in zip(properties, judged.intervals, strict=True)
    )


def widening_of(judged: Judged, properties: Sequence[int]) -> Widening:
    """Return how intervals widen near the novelty limit, as a manifest has it."""
    found = dict(zip(properties, judged.intervals, strict=True))
    return Widening(
        begins_at=judged.intervals[0].begins_at,
        at_limit={PROPERTIES[i].name: interval.at_limit for i, interval in found.items()},
    )


def write(
    path: Path,
    *,
    network: str,
    module: nn.Module,
    outputs: Sequence[OutputScaling],
    novelty_limit: float,
    widening: Widening,
    properties: Sequence[int],
    data: Mapping[str, Any],
    metrics: Mapping[str, Any],
    run: Mapping[str, Any],
    recipe: str,
) -> None:
    """Write a checkpoint atomically; what ``downcore bundle`` takes."""
    window: Window = module.window  # type: ignore[assignment] # every such module has one
    part = getattr(module, "network", None)
    blended = "" if part is None else _name_of(part)
    checkpoint.save(
        {
            "format_version": checkpoint.FORMAT_VERSION,
            "kind": KIND,
            "network": network,
            "parts": blended,
            "title": blend_title(blended) if blended else TITLES[network],
            "properties": list(properties),
            "window": asdict(window),
            "state_dict": checkpoint.frozen_state(module),
            "outputs": [asdict(output) for output in outputs],
            "novelty_limit": novelty_limit,
            "widening": asdict(widening),
            "data": dict(data),
            "metrics": dict(metrics),
            "run": dict(run),
            "recipe": recipe,
        },
        path,
    )


def module_of(content: Mapping[str, Any]) -> nn.Module:
    """
    Return the module of a checkpoint with its weights, in evaluation mode.

    Raises
    ------
    BundleError
        If the checkpoint names no network of this kind.
    """
    properties = tuple(content["properties"])
    module: nn.Module
    if content["network"] == "boosted-profile":
        module = BoostedProfile(len(properties))
    elif content["network"] == "blend" and content["parts"] in NETWORKS:
        module = Blend(NETWORKS[content["parts"]](properties), BoostedProfile(len(properties)))
    elif content["network"] in NETWORKS:
        module = NETWORKS[content["network"]](properties)
    else:
        known = ", ".join(("boosted-profile", "blend", *NETWORKS))
        raise BundleError(f"expected a network of {known}, got {content['network']!r}")
    module.load_state_dict(content["state_dict"])
    return module.eval()


def _name_of(network: nn.Module) -> str:
    return next(name for name, kind in NETWORKS.items() if type(network) is kind)
