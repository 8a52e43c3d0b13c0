"""The published table: how slices are split and scaled, its figures, and its budget."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [training]")

from downcore.strata.core_view import SliceView
from downcore.strata.errors import SettingsError
from downcore.strata.properties import PROPERTIES
from downcore_training.bench.controls import shuffled
from downcore_training.bench.published.pace import Pace, StepPlan
from downcore_training.bench.published.protocols import (
    RANDOM_SLICES,
    TABLE_PROTOCOLS,
    WHOLE_CORES,
    WHOLE_SECTIONS,
    WHOLE_SITES,
    TableProtocol,
)
from downcore_training.bench.published.scoring import (
    ALL,
    Predicted,
    TableScore,
    scores_of,
    with_gaps,
)
from downcore_training.bench.published.slice_table import SliceTable
from downcore_training.windows.section_views import SectionViews

N_CM = 40
BY_PARTS: dict[str, Callable[[SliceTable], np.ndarray]] = {
    WHOLE_SECTIONS.name: lambda table: table.section,
    WHOLE_CORES.name: lambda table: table.core,
    WHOLE_SITES.name: lambda table: table.site,
}


def made_table(*, cores: int = 4, sections: int = 3, sites: int = 2) -> SliceTable:
    """Return a table whose cores differ in level and spread."""
    rng = np.random.default_rng(1)
    view = SliceView(np.full((20, 40, 3), 90, np.uint8), np.ones((20, 40), np.bool_))
    made: list[SectionViews] = []
    labels = []
    for core in range(cores):
        for section in range(sections):
            values = rng.normal([1.5 + 0.1 * core, 1_500.0, 1.0], [0.05 * (core + 1), 9.0, 0.2])
            mine = values + rng.normal(size=(N_CM, 3)) * [0.05 * (core + 1), 9.0, 0.2]
            mine[:2] = np.nan
            labels.append(mine)
            made.append(
                SectionViews(
                    name=f"{core} {section}",
                    core=f"core-{core}",
                    site=f"site-{core % sites}",
                    px_per_cm=20.0,
                    views=(view,) * N_CM,
                    has_board=np.zeros(N_CM, np.bool_),
                    labels=mine,
                    place=np.arange(N_CM) + N_CM * section,
                )
            )
    n = N_CM * sections
    return SliceTable(
        sections=tuple(made),
        labels=np.concatenate(labels),
        depth_cm=np.tile(np.arange(n, dtype=np.float64), cores),
        profile=rng.normal(size=(n * cores, 5)),
        section=np.repeat(np.arange(cores * sections), N_CM),
        core=np.repeat(np.arange(cores), n),
        site=np.repeat(np.arange(cores) % sites, n),
    )


@pytest.mark.parametrize("protocol", TABLE_PROTOCOLS, ids=lambda protocol: protocol.name)
def test_no_slice_is_both_learnt_from_and_scored(protocol: TableProtocol) -> None:
    table = made_table()

    splits = protocol.splits(table, 0)

    assert splits
    for split in splits:
        assert not (split.training & split.test).any()
        assert not (split.training & ~table.is_labelled).any()
        assert not (split.test & ~table.is_labelled).any()


@pytest.mark.parametrize("protocol", TABLE_PROTOCOLS[1:], ids=lambda protocol: protocol.name)
def test_what_is_held_out_is_held_out_whole_and_everything_is_once(
    protocol: TableProtocol,
) -> None:
    table = made_table()

    splits = protocol.splits(table, 0)

    number = BY_PARTS[protocol.name](table)
    for split in splits:
        assert not set(number[split.training]) & set(number[split.test])
    tested = np.sum([split.test for split in splits], axis=0)
    np.testing.assert_array_equal(tested, table.is_labelled)


def test_random_slices_are_70_and_15_percent_of_every_core() -> None:
    table = made_table()

    (split,) = RANDOM_SLICES.splits(table, 0)

    for core in range(4):
        mine = (table.core == core) & table.is_labelled
        assert split.training[mine].mean() == pytest.approx(0.7, abs=0.01)
        assert split.test[mine].mean() == pytest.approx(0.15, abs=0.01)


def test_only_the_published_way_scales_targets_inside_each_core() -> None:
    table = made_table()
    for protocol in TABLE_PROTOCOLS:
        split = protocol.splits(table, 0)[0]
        targets = protocol.targets(table, split)
        scaled = targets.scaled(table.labels)
        by_core = np.array([np.nanmean(scaled[table.core == core], axis=0) for core in range(4)])

        if protocol is RANDOM_SLICES:
            np.testing.assert_allclose(by_core, 0.0, atol=1e-9)
        else:
            assert np.ptp(by_core[:, 0]) > 0.5, protocol.name
            np.testing.assert_allclose(np.nanmean(scaled[split.training], axis=0), 0.0, atol=1e-9)
        np.testing.assert_allclose(targets.unscaled(scaled), table.labels)


def test_targets_of_held_out_slices_do_not_move_the_scaling() -> None:
    table = made_table()
    split = WHOLE_CORES.splits(table, 0)[0]
    before = WHOLE_CORES.targets(table, split)

    table.labels[split.test] += 7.0

    np.testing.assert_array_equal(WHOLE_CORES.targets(table, split).centre, before.centre)


def test_one_core_of_one_section_allows_random_slices_alone() -> None:
    table = made_table(cores=1, sections=1, sites=1)

    allowed = [protocol for protocol in TABLE_PROTOCOLS if protocol.splits(table, 0)]

    assert allowed == [RANDOM_SLICES]


def test_shuffled_labels_stay_in_their_core() -> None:
    table = made_table()

    mixed = np.concatenate([c.labels for c in shuffled(table.cores_with(table.labels), 0)])

    np.testing.assert_array_equal(np.isfinite(mixed), np.isfinite(table.labels))
    assert (
        abs(np.corrcoef(mixed[table.is_labelled, 0], table.labels[table.is_labelled, 0])[0, 1])
        < 0.2
    )


def test_a_perfect_model_scores_1_and_the_mean_scores_0() -> None:
    table = made_table()
    test = table.is_labelled
    scale = WHOLE_CORES.scale_of_errors(table)
    mean = np.broadcast_to(np.nanmean(table.labels, axis=0), table.labels.shape)

    perfect = scores_of("p", "m", table.labels, Predicted(table.labels, test, scale, 1))
    flat = scores_of("p", "m", table.labels, Predicted(mean, test, scale, 1))

    assert [score.target for score in perfect] == [ALL, *(prop.name for prop in PROPERTIES)]
    assert all(score.r2 == pytest.approx(1.0) for score in perfect)
    assert all(score.r2 == pytest.approx(0.0, abs=1e-9) for score in flat)
    assert flat[0].mse == pytest.approx(1.0), "in standard deviations"
    assert flat[1].mse == pytest.approx(float(np.nanvar(table.labels[:, 0])))


def test_the_gap_is_the_leaky_score_less_the_honest_one() -> None:
    def score(protocol: str, r2: float) -> TableScore:
        return TableScore(protocol, "m", ALL, "sd", r2, 0.1, 10, 1)

    leaky, honest = with_gaps(
        [score("random-slices", 0.8), score("whole-cores", 0.3)], "random-slices"
    )

    assert leaky.gap is None
    assert honest.gap == pytest.approx(0.5)


@dataclass(slots=True)
class Clock:
    """A clock that a test moves."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass(slots=True)
class Machine:
    """Trains in a known time."""

    clock: Clock
    step_s: float
    steps: list[int] = field(default_factory=list)

    def work_off(self, plan: StepPlan) -> None:
        while plan.left:
            steps = plan.next_steps()
            self.clock.now_s += steps * self.step_s
            plan.done(steps * self.step_s, steps)
            self.steps.append(steps)


def planned(budget_s: float | None, *, steps: int | None = None) -> tuple[Clock, StepPlan]:
    clock = Clock()
    plan = StepPlan(steps, budget_s, 0.0, clock)
    plan.paces["net"] = Pace(1.0, 0.0)
    plan.left = [("net", 10)] * 8
    return clock, plan


def test_a_budget_sets_the_steps_and_holds() -> None:
    clock, plan = planned(1_000.0)
    machine = Machine(clock, 1.0)

    machine.work_off(plan)

    assert 700.0 < clock.now_s <= 1_000.0


def test_a_budget_holds_on_a_machine_that_is_slower_than_it_seemed() -> None:
    clock, plan = planned(1_000.0)
    machine = Machine(clock, 3.0)

    machine.work_off(plan)

    assert clock.now_s <= 1_000.0
    assert machine.steps[0] > machine.steps[1], "what was left was planned again"


def test_steps_without_a_budget_are_as_asked() -> None:
    clock, plan = planned(None, steps=7)
    machine = Machine(clock, 100.0)

    machine.work_off(plan)

    assert machine.steps == [7] * 8


def test_a_budget_too_small_is_refused_with_the_minutes_that_it_takes() -> None:
    _, plan = planned(30.0)

    with pytest.raises(SettingsError, match=r"budget of 1\.5 minutes or more for 10 steps of 8"):
        plan.check()
