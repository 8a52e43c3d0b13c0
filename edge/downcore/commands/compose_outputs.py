"""What ``downcore compose`` writes: a plate, JSON, a table of regions, and a sentence."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from downcore.commands.compose import ComposedImage
from downcore.commands.compose_regions import COLUMNS, csv_of_regions, json_of_regions
from downcore.commands.output_files import check_output
from downcore.composing.label_png import label_strip
from downcore.file_names import printable
from downcore.plate import (
    COMPOSITION_CAVEAT,
    Plate,
    PlateSection,
    check_can_draw,
    draw_plate,
    is_earlier_plate,
    plate_slices,
)
from downcore.publish.composition_payload import row_of
from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import HAS_VALUE
from downcore.strata.errors import SettingsError
from downcore.strata.unmixing.composition import words_of

JSON_HEAD = '{\n "made_by": "downcore compose"'
"""How the JSON begins."""

_HEAD_BYTES = 512


@dataclass(frozen=True, slots=True)
class ComposeOutputs:
    """Files to write; ``None`` for none."""

    png: Path | None = None
    json: Path | None = None
    regions: Path | None = None

    @property
    def named(self) -> dict[str, Path]:
        """The files by their option."""
        told = {"--out": self.png, "--json": self.json, "--regions": self.regions}
        return {option: path for option, path in told.items() if path is not None}


def check_outputs(outputs: ComposeOutputs, inputs: Iterable[Path | None]) -> None:
    """
    Refuse files that cannot be written, or that would take the place of what is read.

    Raises
    ------
    SettingsError
        Names the option and what is wrong.
    ModuleNotFoundError
        If a picture is wanted and matplotlib, which draws it, is not installed.
    """
    if outputs.png is not None:
        check_can_draw()
    taken = {path.resolve(): "an input" for path in inputs if path is not None}
    for option, out in outputs.named.items():
        check_output(
            option,
            out,
            is_own=partial(_is_own, option=option),
            endings=(".png",) if option == "--out" else (),
            taken=taken,
        )
        taken[out.resolve()] = f"the file of {option}"


def _is_own(place: Path, option: str) -> bool:
    """Return whether a file begins as this command's own do."""
    if option == "--out":
        return is_earlier_plate(place)
    try:
        with place.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    begins = JSON_HEAD if option == "--json" else ",".join(COLUMNS[:2])
    return head.startswith(begins.encode())


def write_outputs(outputs: ComposeOutputs, made: ComposedImage) -> None:
    """
    Write what was asked for.

    Raises
    ------
    SettingsError
        If a file cannot be written.
    """
    try:
        if outputs.json is not None:
            text = json.dumps(_told(made), indent=1, allow_nan=False)
            outputs.json.write_text(text + "\n", encoding="utf-8")
        if outputs.regions is not None:
            outputs.regions.write_text(csv_of_regions(made.regions, made.scale), encoding="utf-8")
        if outputs.png is not None:
            draw_plate(_plate(made), outputs.png)
    except OSError as error:
        which = printable(Path(str(error.filename or "an output")))
        raise SettingsError(f"cannot write {which}: {error.strerror}") from None


def sentence_of(made: ComposedImage) -> str:
    """Return what was found, as a person says it."""
    tables = ", ".join(dict.fromkeys(one.table for one in made.composed))
    n_known = sum(one.composition.total is not None for one in made.composed)
    silent = Counter(
        one.composition.groups[0].status.value
        for one in made.composed
        if one.composition.groups[0].status not in HAS_VALUE
    )
    counts = "".join(f", {number} {status}" for status, number in sorted(silent.items()))
    shares = "".join(f"; {words}" for words in _medians(made))
    image = printable(made.image)
    known = _calibration_words(made)
    return f"{image}: {n_known} of {len(made.composed)} slices by {tables}{counts}{shares}{known}"


def _calibration_words(made: ComposedImage) -> str:
    """Say how well known slices were found that were left out, beside their mean."""
    calibration = made.composition_config.tables[0].calibration
    if not calibration.n_known:
        return ""
    ours, mean = 100 * calibration.error, 100 * calibration.mean_error
    verdict = "" if ours < mean else ": the image tells nothing here"
    return (
        f"; {calibration.n_known} known slices, left out in turn, are missed by {ours:.1f} points, "
        f"their mean misses by {mean:.1f}{verdict}"
    )


def _medians(made: ComposedImage) -> Iterator[str]:
    """Yield each group with the median of its fraction and interval."""
    found: dict[tuple[str, str, bool], list[tuple[float, float, float]]] = {}
    for one in made.composed:
        for share in one.composition.resolved_groups:
            if share.fraction is not None:
                ends = (share.fraction, share.lower or 0.0, share.upper or 0.0)
                key = (one.table, share.group, share.is_prior_driven)
                found.setdefault(key, []).append(ends)
    n_tables = len({table for table, _, _ in found})
    for (table, group, is_blind), numbers in found.items():
        middle, lower, upper = np.median(np.array(numbers), axis=0).tolist()
        which = f" of {table}" if n_tables > 1 else ""
        by_whom = ", by the prior" if is_blind else ""
        yield f"{group}{which} {words_of(middle, lower, upper)}{by_whom}"


def caveat_of(made: ComposedImage) -> str:
    """Return what a reader must know before using a number."""
    if not made.training_data:
        return COMPOSITION_CAVEAT
    saw = made.training_data.partition(";")[0]
    return f"{COMPOSITION_CAVEAT}; density, vp and ms by a network that saw {saw}"


def _told(made: ComposedImage) -> dict[str, Any]:
    return {
        "made_by": "downcore compose",
        "image": made.image.name,
        "px_per_cm": made.description.px_per_cm,
        "px_per_cm_from": made.description.px_per_cm_from,
        "caveat": caveat_of(made),
        "composer_id": made.composition_config.composer_id,
        "composer": json.loads(made.composition_config.description),
        **json_of_regions(made.regions, made.scale),
        "slices": [_slice_told(one) for one in made.composed],
    }


def _slice_told(one: ComposedSlice) -> dict[str, Any]:
    """Return a slice as MQTT has it, with the guard's whole report and without the picture."""
    told = row_of(one)
    del told["labels"]
    report = one.composition.identifiability
    if report is not None:
        told["guard"] |= {
            "members": dict(report.members),
            "groups": dict(report.groups),
            "ties": [list(pair) for pair in report.ties],
            "joined": [list(names) for names in report.joined],
        }
    return told


def _plate(made: ComposedImage) -> Plate:
    labels = label_strip([part.labels for part in made.composed])
    class_of_label = made.regions.class_of_label.astype(np.uint8)
    section = PlateSection(
        name=made.image.name,
        top_um=0,
        bottom_um=made.rows[-1].core_slice.bottom_um,
        slices=plate_slices(
            made.rows, made.composed, bundle_id=next(iter(made.composition_config.bundle_ids), None)
        ),
        picture=made.picture,
        labels=labels,
        classes=None if labels is None else class_of_label[labels],
    )
    return Plate(
        title=f"Image {made.image.name}",
        sections=(section,),
        is_depth_in_core=False,
        scan=f"at {made.description.px_per_cm} px/cm by {made.description.px_per_cm_from}",
        bundle=next(iter(made.composition_config.bundle_ids), ""),
        table=", ".join(dict.fromkeys(part.table for part in made.composed)),
        caveat=caveat_of(made),
    )
