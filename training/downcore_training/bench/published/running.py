"""A run of the published table: every model under every protocol, then shuffled labels."""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from downcore import __version__
from downcore.strata.properties import PROPERTIES
from downcore_training.bench.controls import SHUFFLED, Control, judge, shuffled
from downcore_training.bench.core import BenchSet
from downcore_training.bench.published.networks import TABLE_NETWORKS, TableNetwork
from downcore_training.bench.published.pace import StepPlan
from downcore_training.bench.published.protocols import (
    RANDOM_SLICES,
    TABLE_PROTOCOLS,
    WHOLE_SECTIONS,
    TableProtocol,
)
from downcore_training.bench.published.scoring import (
    Predicted,
    TableScore,
    scores_of,
    with_gaps,
)
from downcore_training.bench.published.simple_models import SimpleModel, simple_models
from downcore_training.bench.published.slice_table import SliceTable, slice_table
from downcore_training.bench.published.training import Case, train_all
from downcore_training.bench.sensors import main_view
from downcore_training.progress import Report


@dataclass(frozen=True, slots=True)
class TableOrder:
    """What to run."""

    steps: int | None = None
    """Training steps of a network and fold; ``None`` for as many as the budget allows."""
    budget_min: float | None = None
    """Minutes of the whole command; ``None`` for no limit."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TableResult:
    """Everything that a run found."""

    folder: str
    order: TableOrder
    scores: tuple[TableScore, ...]
    controls: tuple[Control, ...]
    titles: dict[str, str]
    """Of models, by name, in the order of the table."""
    notes: tuple[str, ...]
    """What was left out, what the folder does not allow, and what the run took."""

    def for_json(self) -> dict[str, Any]:
        """Return the result as strict JSON has it."""
        return {
            "published_table": [score.for_json() for score in self.scores],
            "controls": [control.for_json() for control in self.controls],
            "models": self.titles,
            "protocols": {protocol.name: protocol.title for protocol in TABLE_PROTOCOLS},
            "notes": list(self.notes),
            "data": self.folder,
            "seed": self.order.seed,
            "downcore": __version__,
        }


def run_table(
    data: BenchSet,
    order: TableOrder,
    *,
    report: Report,
    networks: Sequence[TableNetwork] = TABLE_NETWORKS,
    begun_s: float | None = None,
) -> TableResult:
    """
    Run the published table.

    Parameters
    ----------
    data : BenchSet
        At least one core with an image.
    order : TableOrder
    report : Report
        Receives the progress.
    networks : sequence of TableNetwork, optional
        Both by default.
    begun_s : float, optional
        When the command began, by ``time.monotonic``; now by default.

    Raises
    ------
    SettingsError
        If no slice has an image and a label, or the budget is too small for any training.
    """
    begun_s = time.monotonic() if begun_s is None else begun_s
    view = main_view(data.cores)
    report.at(0.0, "reading images")
    table = slice_table(view.cores)
    notes = [*data.notes, *view.notes, *_notes_of(table, data)]
    cases = [_case(protocol, table, order.seed) for protocol in TABLE_PROTOCOLS]
    notes += [
        f"{case.protocol.name} cannot be computed: it needs {case.protocol.needs}"
        for case in cases
        if not case.splits
    ]
    cases = [case for case in cases if case.splits]
    cases.append(_control(table, cases, order.seed))
    report.at(0.02, "mean, depth, ridge and trees")
    distinct = [case for k, case in enumerate(cases) if not any(map(case.is_like, cases[:k]))]
    simple = simple_models(table)
    found = [
        (model.name, case, _by_simple(model, case, order.seed))
        for model in simple
        for case in distinct
    ]
    budget_s = None if order.budget_min is None else 60.0 * order.budget_min
    plan = StepPlan(order.steps, budget_s, begun_s)
    answers = train_all(distinct, networks, table, plan, seed=order.seed, report=report)
    found += [(network.name, case, predicted) for network, case, predicted in answers]
    for case in cases:
        (own,) = (other for other in distinct if other is case or case.is_like(other))
        if own is not case:
            notes.append(f"{case.protocol.name} is the same as {own.protocol.name} here")
            found += [(name, case, values) for name, other, values in found if other is own]
    notes.append(f"took {(time.monotonic() - begun_s) / 60:.1f} minutes")
    titles = {model.name: model.title for model in simple}
    titles |= {network.name: network.title for network in networks}
    return TableResult(
        data.folder.resolve().name,
        order,
        tuple(with_gaps(_scores(found, list(titles)), RANDOM_SLICES.name)),
        tuple(control for one in found for control in _controls(*one)),
        titles,
        tuple(notes),
    )


_Found = tuple[str, Case, Predicted]
"""A model, a case, and its predictions."""


def _scores(found: Sequence[_Found], models: Sequence[str]) -> list[TableScore]:
    """Return the scores in the order of protocols and models."""
    scores = [
        score
        for name, case, predicted in found
        if not case.is_control
        for score in scores_of(case.protocol.name, name, case.labels, predicted)
    ]
    protocols = [protocol.name for protocol in TABLE_PROTOCOLS]
    return sorted(scores, key=lambda s: (protocols.index(s.protocol), models.index(s.model)))


def _controls(name: str, case: Case, predicted: Predicted) -> list[Control]:
    if not case.is_control:
        return []
    found = []
    for i, prop in enumerate(PROPERTIES):
        mine = predicted.test & np.isfinite(case.labels[:, i])
        if mine.any():
            values, labels = predicted.values[mine, i], case.labels[mine, i]
            found.append(judge(SHUFFLED, name, prop.name, values, labels))
    return found


def _case(protocol: TableProtocol, table: SliceTable, seed: int) -> Case:
    splits = tuple(protocol.splits(table, seed))
    targets = tuple(protocol.targets(table, split) for split in splits)
    return Case(protocol, table.labels, splits, targets, protocol.scale_of_errors(table))


def _control(table: SliceTable, cases: Sequence[Case], seed: int) -> Case:
    """Return the control: labels shuffled inside each core, one fold of whole sections."""
    basis = next((case for case in cases if case.protocol is WHOLE_SECTIONS), cases[0])
    mixed = shuffled(table.cores_with(table.labels), seed)
    labels = np.concatenate([core.labels for core in mixed])
    other = dataclasses.replace(table, labels=labels)
    split = basis.splits[0]
    targets = basis.protocol.targets(other, split)
    scale = basis.protocol.scale_of_errors(other)
    return Case(basis.protocol, labels, (split,), (targets,), scale, is_control=True)


def _by_simple(model: SimpleModel, case: Case, seed: int) -> Predicted:
    values = np.full(case.labels.shape, np.nan)
    for k, split in enumerate(case.splits):
        said = case.targets[k].unscaled(model.predict(case.given(k), seed))
        values[split.test] = said[split.test]
    return case.predicted(values)


def _notes_of(table: SliceTable, data: BenchSet) -> list[str]:
    bare = [core.name for core in data.cores if core.image is None]
    n_cm = sum(view is not None for section in table.sections for view in section.views)
    sections = np.unique(table.section[table.is_labelled]).size
    cores = np.unique(table.core[table.is_labelled]).size
    sites = np.unique(table.site[table.is_labelled]).size
    n_labelled, megabytes = int(table.is_labelled.sum()), table.n_view_bytes / 1e6
    notes = [
        f"{n_labelled} slices with a label, of {sections} sections, {cores} cores, {sites} sites",
        f"{n_cm / 100:.1f} m of core in memory as views at 20 px/cm: {megabytes:.0f} MB",
        "networks begin with random weights; the 15 % set aside of random-slices choose nothing",
    ]
    return notes + ([f"{', '.join(bare)} left out: no image"] if bare else [])
