"""The source of a window bundle: its checkpoint and the sections it learned from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from downcore.strata.bundle import OutputScaling
from downcore.strata.errors import SettingsError
from downcore.strata.widening import Widening
from downcore.strata.windows import Window
from downcore_training.bench.layouts import read_folder
from downcore_training.windows.checkpoint import module_of
from downcore_training.windows.section_views import SectionViews, all_sections


@dataclass(frozen=True, slots=True, eq=False)
class WindowSource:
    """A checkpoint as the export needs it."""

    module: nn.Module
    """With its weights, in evaluation mode."""
    network: str
    title: str
    window: Window
    outputs: tuple[OutputScaling, ...]
    properties: tuple[int, ...]
    novelty_limit: float
    false_abstain_share: float
    widening: Widening | None
    """``None`` of checkpoints that are older than it."""
    trained_px_per_cm: tuple[float, float]
    training_data: str
    sections: tuple[str, ...]
    """Names of the sections it learned from."""
    metrics: Mapping[str, Any]
    run: Mapping[str, float]
    recipe: str
    """TOML."""


def window_source(content: Mapping[str, Any]) -> WindowSource:
    """
    Return the source that a checkpoint's content holds.

    Raises
    ------
    BundleError
        If it names no network of this kind.
    """
    data = content["data"]
    module = module_of(content)
    low, high = data["trained_px_per_cm"]
    name = f"{data['name']}: " if data["name"] else ""
    window = Window(**{**content["window"], "needs_white_board": data["needs_white_board"]})
    return WindowSource(
        module=module,
        network=content["network"],
        title=f"{name}{content['title']}",
        window=window,
        outputs=tuple(OutputScaling(**output) for output in content["outputs"]),
        properties=tuple(content["properties"]),
        novelty_limit=float(content["novelty_limit"]),
        false_abstain_share=float(data["false_abstain_share"]),
        widening=Widening(**content["widening"]) if "widening" in content else None,
        trained_px_per_cm=(float(low), float(high)),
        training_data=data["sentence"],
        sections=tuple(data["sections"]),
        metrics=content["metrics"],
        run=content["run"],
        recipe=content["recipe"],
    )


def sections_for(source: WindowSource, folder: Path | None) -> list[SectionViews]:
    """
    Return the sections that ``source`` learned from, read again from the folder of its cores.

    Raises
    ------
    SettingsError
        If no folder is given, or sections are missing there.
    """
    if folder is None:
        raise SettingsError(
            "expected the cores that the predictor learned from, got none: give their folder "
            "with --data"
        )
    found = {section.name: section for section in all_sections(read_folder(folder).cores)}
    missing = [name for name in source.sections if name not in found]
    if missing:
        raise SettingsError(
            f"expected the sections that it learned from in {folder}, got none called "
            f"{', '.join(missing[:3])}: give the folder that it was trained on"
        )
    return [found[name] for name in source.sections]


def sections_sha256(sections: Sequence[SectionViews]) -> str:
    """Return a digest over names, resolutions, labels and colours of sections."""
    digest = hashlib.sha256()
    for section in sections:
        digest.update(f"{section.name} {section.px_per_cm!r} {len(section)}".encode())
        digest.update(np.ascontiguousarray(section.labels).astype("<f8").tobytes())
        for view in section.views:
            if view is not None:
                digest.update(view.rgb.tobytes() + view.is_sediment.tobytes())
    return digest.hexdigest()
