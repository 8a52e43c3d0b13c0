"""The source of a window bundle: its checkpoint and the sections it learned from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from downcore.strata.bundle import OutputScaling
from downcore.strata.errors import SettingsError
from downcore.strata.widening import Widening
from downcore.strata.windows import Window
from downcore_training.bench.layouts import read_folder
from downcore_training.progress import Report
from downcore_training.windows.checkpoint import module_of
from downcore_training.windows.section_views import (
    SectionViews,
    all_sections,
    sections_sha256,
)


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
    sections_sha256: str
    """Of their labels and colours."""
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
        sections_sha256=data["sections_sha256"],
        metrics=content["metrics"],
        run=content["run"],
        recipe=content["recipe"],
    )


def sections_for(
    source: WindowSource, folder: Path | None, *, report: Report
) -> list[SectionViews]:
    """
    Return the sections that ``source`` learned from, read again from the folder of its cores.

    ``report`` hears if their labels or colours are no longer what they were.

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
    sections = [found[name] for name in source.sections]
    if sections_sha256(sections) != source.sections_sha256:
        report.note(
            f"labels or colours in {folder} are not bit for bit those that it learned from: the "
            "widths and the limit of novelty are those of the training, and the card names its data"
        )
    return sections
