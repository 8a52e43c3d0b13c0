"""A run of the bench: every baseline under every protocol, or finished bundles; then controls."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from downcore import __version__
from downcore.strata.properties import PROPERTIES
from downcore_training.bench.baselines import baselines
from downcore_training.bench.bundles import run_bundles
from downcore_training.bench.controls import (
    LIMIT,
    MOST_CORES,
    Control,
    controls_of_baseline,
    controls_of_bundle,
)
from downcore_training.bench.core import BenchCore, BenchSet
from downcore_training.bench.fitting import Round, run_baseline
from downcore_training.bench.noise import SOURCE
from downcore_training.bench.predictions import CoreAnswers, Prediction
from downcore_training.bench.protocols import PROTOCOLS, UNSEEN
from downcore_training.bench.rows import Row, rows_of
from downcore_training.bench.verdict import Gap, audit_of, gaps_of, verdict_of
from downcore_training.progress import Report

CONTROLLED = "boosted-profile"
"""The baseline that the controls are made with: the strongest that learns."""

LEAST_TELLING = 20
"""Slices below which a score says little."""

CEILING = "visible-part"


@dataclass(frozen=True, slots=True)
class Order:
    """What to run."""

    bundles: tuple[Path, ...] = ()
    with_baselines: bool = True
    """Whether anything is trained."""
    seed: int = 0
    draws: int = 1_000
    """Of the bootstrap; 0 for none."""


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a run found."""

    data: BenchSet
    order: Order
    rows: tuple[Row, ...]
    controls: tuple[Control, ...]
    gaps: tuple[Gap, ...]
    verdict: tuple[str, ...]
    audit: tuple[str, ...]
    notes: tuple[str, ...]
    """What was left out of the data and what could not be computed, and why."""

    def for_json(self) -> dict[str, Any]:
        """Return the result as strict JSON has it."""
        return {
            "rows": [row.for_json() for row in self.rows],
            "leakage": [
                {
                    "network": gap.network,
                    "property": gap.target,
                    "r2_random_slices": gap.random,
                    "r2_leave_one_core_out": gap.by_core,
                    "gap": gap.gap,
                }
                for gap in self.gaps
            ],
            "controls": [
                {
                    "control": one.control,
                    "network": one.network,
                    "property": one.target,
                    "r2": one.r2,
                    "r2_of_best_line": one.r2_of_best_line,
                    "limit": LIMIT,
                    "passed": one.has_passed,
                    "n_slices": one.n_slices,
                    "reason": one.reason,
                }
                for one in self.controls
            ],
            "verdict": list(self.verdict),
            "audit": list(self.audit),
            "notes": list(self.notes),
            "data": {
                "folder": self.data.folder.resolve().name,
                "cores": [_told_core(core) for core in self.data.cores],
            },
            "noise_is": SOURCE,
            "seed": self.order.seed,
            "bootstrap": self.order.draws,
            "downcore": __version__,
        }


@dataclass(slots=True)
class _Steps:
    """Counts steps for the bar."""

    report: Report
    total: int
    done: int = 0
    text: str = field(default="")

    def tick(self) -> None:
        self.done += 1
        self.report.at(min(self.done / max(self.total, 1), 1.0), self.text)


def run_bench(data: BenchSet, order: Order, *, report: Report) -> Result:
    """
    Run the bench.

    Parameters
    ----------
    data : BenchSet
        At least one core.
    order : Order
        With bundles, or with baselines, or both.
    report : Report
        Hears of every step.

    Raises
    ------
    BundleError
        If a bundle cannot be used.
    """
    cores = data.cores
    steps = _Steps(report, _n_steps(order, cores))
    predictions: list[Prediction] = []
    controls: list[Control] = []
    notes = [*data.notes, *_missing(cores)]
    if order.with_baselines:
        predictions += _all_baselines(cores, order, steps, notes)
        steps.text = "controls"
        strongest = next(one for one in baselines() if one.name == CONTROLLED)
        controls += controls_of_baseline(strongest, cores, order.seed)
        steps.tick()
    else:
        predictions += _oracles(cores, order)
    if order.bundles:
        steps.text = "bundles"
        names = _names_of(order.bundles)
        for found in run_bundles(
            order.bundles, names, cores, control_cores=MOST_CORES, tick=steps.tick
        ):
            predictions.append(found.prediction)
            controls += controls_of_bundle(found.prediction, found.controls, cores, seed=order.seed)
    if any(core.visible is not None for core in cores):
        predictions.append(_ceiling(cores))
    steps.text = "scores"
    rows: list[Row] = []
    for one in predictions:
        rows += rows_of(one, cores, draws=order.draws, seed=order.seed)
    notes += [*_few(rows), *_silent(predictions)]
    return Result(
        data,
        order,
        tuple(rows),
        tuple(controls),
        tuple(gaps_of(rows)),
        tuple(verdict_of(rows)),
        tuple(audit_of(rows)),
        tuple(notes),
    )


def _all_baselines(
    cores: Sequence[BenchCore], order: Order, steps: _Steps, notes: list[str]
) -> list[Prediction]:
    found: list[Prediction] = []
    for protocol in PROTOCOLS:
        n_folds = len(protocol.folds(cores, order.seed))
        if not n_folds:
            if protocol.name != "leave-one-core-out-in-site":
                notes.append(f"{protocol.name} cannot be computed: it needs {protocol.needs}")
            continue
        made: list[Prediction] = []
        for baseline in baselines():
            steps.text = f"{protocol.name}: {baseline.name}"
            how = Round(order.seed, tick=steps.tick)
            made += run_baseline(baseline, cores, protocol, how=how).values()
        notes += _unanswered(protocol.name, made, cores)
        found += made
    return found


def _unanswered(name: str, made: Sequence[Prediction], cores: Sequence[BenchCore]) -> list[str]:
    """Say of which property no slice could be asked under a protocol, though it was logged."""
    found = []
    for i, one in enumerate(PROPERTIES):
        logged = [c.name for c in cores if (np.isfinite(c.labels[:, i]) & c.has_colour).any()]
        asked = any(part.asked[:, i].any() for p in made for part in p.cores)
        if logged and not asked:
            found.append(
                f"{one.name} under {name} cannot be computed: only {', '.join(logged)} has it, "
                "and nothing is left to learn from"
            )
    return found


def _oracles(cores: Sequence[BenchCore], order: Order) -> list[Prediction]:
    """Return the baselines that learn nothing, for something to stand beside the bundles."""
    found = []
    for baseline in baselines():
        if not baseline.needs_core_labels:
            continue
        fitted = baseline.fit(cores, order.seed)
        answers = tuple(_answers(core, fitted.predict(core)) for core in cores)
        found.append(
            Prediction(
                baseline.name,
                baseline.title,
                UNSEEN,
                baseline.simplicity,
                is_candidate=False,
                cores=answers,
                n_folds=0,
            )
        )
    return found


def _ceiling(cores: Sequence[BenchCore]) -> Prediction:
    """Return the best that a reader of pixels could say, as the generator knows it."""
    nothing = [np.full(core.labels.shape, np.nan) for core in cores]
    answers = tuple(
        _answers(core, none if core.visible is None else core.visible)
        for core, none in zip(cores, nothing, strict=True)
    )
    title = "what the generator made visible"
    return Prediction(CEILING, title, UNSEEN, 0, is_candidate=False, cores=answers, n_folds=0)


def _answers(core: BenchCore, said: np.ndarray[Any, np.dtype[np.float64]]) -> CoreAnswers:
    nothing = np.full(core.labels.shape, np.nan)
    asked = np.isfinite(core.labels) & core.has_colour[:, None]
    return CoreAnswers(said, nothing, nothing, asked, nothing)


def _missing(cores: Sequence[BenchCore]) -> list[str]:
    """Say what the cores as a whole lack."""
    notes = []
    for i, one in enumerate(PROPERTIES):
        have = [core.name for core in cores if np.isfinite(core.labels[:, i]).any()]
        if not have:
            notes.append(f"{one.name} cannot be scored: no core has it")
    colourless = [core.name for core in cores if not core.has_colour.any()]
    if colourless:
        notes.append(f"{', '.join(colourless)}: no colour of any slice, so none is asked about")
    if len(cores) == 1:
        notes.append(f"only one core, {cores[0].name}: nothing here tells of a new core")
    bare = [core.name for core in cores if core.image is None]
    if bare:
        notes.append(f"{', '.join(bare)}: no image, so bundles abstain and no crop can be cut")
    return notes


def _silent(predictions: Sequence[Prediction]) -> list[str]:
    """Say why models abstained, and how often."""
    return [
        f"{one.network} abstained from {n} slices: {reason}"
        for one in predictions
        for reason, n in sorted(one.reasons.items())
    ]


def _few(rows: Sequence[Row]) -> list[str]:
    """Say where a score stands on so few slices that it says little."""
    found = {
        (row.target.name, row.protocol): row.figures.n_slices
        for row in rows
        if 0 < row.figures.n_slices < LEAST_TELLING
    }
    return [
        f"{name} under {protocol}: {n} slices only, its figures say little"
        for (name, protocol), n in found.items()
    ]


def _names_of(folders: Sequence[Path]) -> list[str]:
    """Return what to call each bundle: its network, with its folder where two have the same."""
    # OpenVINO is loaded only where a bundle is run.
    from downcore.inference import load_bundle  # noqa: PLC0415

    networks = [load_bundle(folder).manifest.network for folder in folders]
    return [
        name if networks.count(name) == 1 else f"{name} ({folder.resolve().name})"
        for name, folder in zip(networks, folders, strict=True)
    ]


def _told_core(core: BenchCore) -> dict[str, Any]:
    return {
        "core": core.name,
        "site": core.site,
        "n_slices": len(core),
        "n_with_colour": int(core.has_colour.sum()),
        "px_per_cm": core.px_per_cm,
        **{
            f"n_{one.name}": int(np.isfinite(core.labels[:, i]).sum())
            for i, one in enumerate(PROPERTIES)
        },
    }


def _n_steps(order: Order, cores: Sequence[BenchCore]) -> int:
    n = len(cores) if order.bundles else 0
    if order.with_baselines:
        n_folds = sum(len(protocol.folds(cores, order.seed)) for protocol in PROTOCOLS)
        n += 1 + len(baselines()) * n_folds
    return n
