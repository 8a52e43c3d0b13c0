"""
Ways that might make a network on windows better than the trees, each judged by section.

``python benchmarks/beyond_trees.py CORES [--way NAME ...] [--network resnet-18] [--more FOLDER]
[--json FILE]``

A table of figures for each way; see :data:`WAYS`. Every section is answered by a network that never
saw it, nor learned from its pixels before. Some minutes of CPU a part, three parts a way.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from reporting import arguments, report
from rich.console import Console
from torch import nn

from downcore.strata.colour import lab_of_counts
from downcore.strata.properties import PROPERTIES
from downcore_training.bench.layouts import read_folder
from downcore_training.datasets.lookalike import LookalikeRecipe, write_lookalike
from downcore_training.fitting.loss import beta_nll
from downcore_training.fitting.scaling import TargetScaling
from downcore_training.progress import Plain
from downcore_training.windows import boosted_profile
from downcore_training.windows.boosted_profile import PROFILE_WINDOW
from downcore_training.windows.crossfit import (
    HeldOut,
    cross_fit,
    labelled,
    nested_blend,
    properties_of,
    scaling_of,
)
from downcore_training.windows.figures import r2
from downcore_training.windows.learning import Lesson, trained
from downcore_training.windows.networks import NETWORK_WINDOW, NETWORKS, WindowNetwork
from downcore_training.windows.section_views import SectionViews, all_sections
from downcore_training.windows.strips import drawn, strip_of

PRETRAINING_STEPS = 300
MASKED_CM = 3
"""Length of the gap whose colour a network learns to fill."""
N_FOLDS = 3


Values = NDArray[np.float64]
Sections = Sequence[SectionViews]


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """What all ways start from."""

    network: str
    sections: tuple[SectionViews, ...]
    """With a label."""
    properties: tuple[int, ...]
    unlabelled: tuple[SectionViews, ...]
    """Of other sites; only their images are used."""
    generated: tuple[SectionViews, ...]
    """Of the core generator, with their labels; none unless a way needs them."""

    def fresh(self, properties: Sequence[int] | None = None) -> WindowNetwork:
        """Return an untrained network."""
        return NETWORKS[self.network](self.properties if properties is None else properties)

    def held_out(self, make: Callable[[Sections, TargetScaling], nn.Module]) -> HeldOut:
        """Return the answers for every section by what ``make`` learns from the others."""

        def made(kept: Sections, scaling: TargetScaling, _: int) -> nn.Module:
            return make(kept, scaling)

        return cross_fit(self.sections, self.properties, made, NETWORK_WINDOW, n_folds=N_FOLDS)


Way = Callable[[Bench], HeldOut]


def lesson(
    module: WindowNetwork, kept: Sections, scaling: TargetScaling, plan: Lesson
) -> WindowNetwork:
    """Return ``module``, trained on ``kept``."""
    return trained(module, kept, scaling, plan, report=Plain(Console(stderr=True)))


def as_shipped(bench: Bench, *, seed: int = 1, steps: int = 500) -> HeldOut:
    """Train as the recipe of the shipped bundles does."""

    def make(kept: Sections, scaling: TargetScaling) -> nn.Module:
        torch.manual_seed(seed)
        return lesson(bench.fresh(), kept, scaling, Lesson(seed=seed, steps=steps))

    return bench.held_out(make)


def longer(bench: Bench) -> HeldOut:
    """Take three times as many steps."""
    return as_shipped(bench, steps=1500)


def of_two(bench: Bench) -> HeldOut:
    """Average two networks, from two seeds."""
    first, second = as_shipped(bench), as_shipped(bench, seed=2)
    return replace(first, mean=(first.mean + second.mean) / 2)


def on_residuals(bench: Bench) -> HeldOut:
    """Add to the trees a network that learns what they leave on sections unknown to them."""
    trees = trees_of(bench)

    def make(kept: Sections, scaling: TargetScaling) -> nn.Module:
        torch.manual_seed(1)
        left = residuals(kept, bench.properties)
        # Centre 0: the network adds nothing where it knows nothing.
        plain = TargetScaling(np.zeros(len(PROPERTIES)), scaling.spread)
        return _Rescaled(lesson(bench.fresh(), left, plain, Lesson()), bench, scaling)

    network = bench.held_out(make)
    return replace(trees, mean=trees.mean + network.mean)


class _Rescaled(nn.Module):
    """Residuals in units of the spread, so that :func:`cross_fit` adds no centre to them."""

    def __init__(self, module: WindowNetwork, bench: Bench, scaling: TargetScaling) -> None:
        super().__init__()
        self.module = module
        chosen = list(bench.properties)
        self.shift = torch.from_numpy((scaling.centre / scaling.spread)[chosen]).float()

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return what the network says of windows, its mean without a centre."""
        mean, *others = self.module(x)
        return (mean - self.shift, *others)


def residuals(kept: Sections, properties: Sequence[int]) -> list[SectionViews]:
    """Return the sections with labels less what trees of the others among them say."""
    trees = fitted_trees(kept, properties)
    left = []
    for number, section in enumerate(kept):
        labels = np.full_like(section.labels, np.nan)
        mine = trees.section == number
        rows = trees.row[mine]
        labels[np.ix_(rows, list(properties))] = (trees.label - trees.mean)[mine]
        left.append(replace(section, labels=labels))
    return left


def fitted_trees(sections: Sections, properties: Sequence[int]) -> HeldOut:
    """Return the answers of the boosted profile for sections that it did not learn from."""
    slices = boosted_profile.described(sections)
    number = {id(section): i for i, section in enumerate(sections)}

    def make(kept: Sections, scaling: TargetScaling, _: int) -> nn.Module:
        chosen = np.array([number[id(section)] for section in kept])
        return boosted_profile.fit(slices.of(chosen), scaling, properties)

    return cross_fit(sections, properties, make, PROFILE_WINDOW, n_folds=N_FOLDS)


def trees_of(bench: Bench) -> HeldOut:
    """Fit the boosted profile alone, what is to be beaten."""
    return fitted_trees(bench.sections, bench.properties)


def after_generated(bench: Bench) -> HeldOut:
    """Train on generated cores first, then as shipped."""
    torch.manual_seed(1)
    first = lesson(
        bench.fresh(),
        bench.generated,
        scaling_of(bench.generated, bench.properties),
        Lesson(steps=PRETRAINING_STEPS),
    )
    state = {name: value.clone() for name, value in first.state_dict().items()}

    def make(kept: Sections, scaling: TargetScaling) -> nn.Module:
        torch.manual_seed(1)
        module = bench.fresh()
        module.load_state_dict(state)
        return lesson(module, kept, scaling, Lesson())

    return bench.held_out(make)


def after_gaps(bench: Bench) -> HeldOut:
    """Train on the colour of gaps in the images first, without any label, then as shipped."""

    def make(kept: Sections, scaling: TargetScaling) -> nn.Module:
        torch.manual_seed(1)
        filler = fill_gaps(bench.fresh((0, 1, 2)), [*kept, *bench.unlabelled])
        module = bench.fresh()
        known = {
            name: value
            for name, value in filler.state_dict().items()
            if name.startswith(("backbone.", "decoder."))
        }
        module.load_state_dict(known, strict=False)
        return lesson(module, kept, scaling, Lesson())

    return bench.held_out(make)


def fill_gaps(module: WindowNetwork, sections: Sections) -> WindowNetwork:
    """Train ``module`` to say the colour of centimetres that are hidden from it."""
    coloured = [replace(section, labels=colours_of(section)) for section in sections]
    scaling = scaling_of(coloured, (0, 1, 2))
    strips = [strip_of(part, module.window, scaling.scaled(part.labels)) for part in coloured]
    strips = [strip for strip in strips if len(strip.starts)]
    optimiser = torch.optim.AdamW(module.parameters(), 1e-3, weight_decay=0.05)
    numbers = np.random.default_rng(1)
    module.train()
    for step in range(PRETRAINING_STEPS):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * min(1.0, (step + 1) / 30) * (1.0 - step / PRETRAINING_STEPS)
        pixels, labels = drawn(strips, module.window, 8, numbers)
        first = int(numbers.integers(1, module.window.n_cm - MASKED_CM))
        hidden = slice(first, first + MASKED_CM)
        pixels[:, :, first * 20 : (first + MASKED_CM) * 20] = 0.0
        mean, log_sd, _, _ = module.readings(pixels)
        mean, log_sd = (part[..., hidden].transpose(1, 2).reshape(-1, 3) for part in (mean, log_sd))
        loss = beta_nll(mean, log_sd, labels[:, hidden].reshape(-1, 3), beta=1.0)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch has no types for it
        optimiser.step()
    return module


def colours_of(section: SectionViews) -> Values:
    """Return the mean L*, a* and b* of each centimetre, shape (n, 3); NaN without sediment."""
    out = np.full((len(section), 3), np.nan)
    for row, view in enumerate(section.views):
        if view is not None and view.sediment_cm2 > 1.0:
            out[row] = lab_of_counts(view.rgb)[view.is_sediment].mean(axis=0)
    return out


WAYS: dict[str, Way] = {
    "trees": trees_of,
    "as shipped": as_shipped,
    "longer": longer,
    "of two": of_two,
    "on residuals": on_residuals,
    "after generated": after_generated,
    "after gaps": after_gaps,
}
"""By name, in the order of the table."""


def figures(bench: Bench, way: str, answers: HeldOut, trees: HeldOut) -> dict[str, float]:
    """Return R2 of a way, and of its blend with the trees, by property."""
    found = {}
    blend = nested_blend(answers, trees)
    for k, i in enumerate(bench.properties):
        known = np.isfinite(answers.label[:, k])
        name = f"{way}, {PROPERTIES[i].name}"
        found[f"{name}, R2"] = r2(answers.label[known, k], answers.mean[known, k])
        found[f"{name}, R2 of its blend with the trees"] = r2(
            blend.label[known, k], blend.mean[known, k]
        )
    return found


def generated_sections(n_cores: int = 24) -> tuple[SectionViews, ...]:
    """Return the sections of generated cores at 20 px/cm."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = LookalikeRecipe(cores=n_cores, px_per_cm=20, seed=7)
        release = write_lookalike(Path(folder) / "cores", recipe)
        sections = all_sections(read_folder(release).cores)
    return tuple(sections)


def main() -> None:
    """Run the ways that are asked for."""
    parser = arguments("ways that might make a network better than the trees")
    parser.add_argument("cores", type=Path)
    parser.add_argument("--way", action="append", choices=list(WAYS))
    parser.add_argument("--network", default="resnet-18", choices=list(NETWORKS))
    parser.add_argument("--more", type=Path, action="append", default=[], help="unlabelled cores")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = all_sections(read_folder(options.cores).cores)
    sections = tuple(found[i] for i in labelled(found))
    ways = options.way or list(WAYS)
    more = [part for folder in options.more for part in all_sections(read_folder(folder).cores)]
    bench = Bench(
        network=options.network,
        sections=sections,
        properties=properties_of(sections),
        unlabelled=tuple(more),
        generated=generated_sections() if "after generated" in ways else (),
    )
    trees = trees_of(bench)
    metrics: dict[str, float] = {}
    for way in ways:
        metrics |= figures(bench, way, WAYS[way](bench), trees)
        report(f"{options.network}, held out by section", metrics, options.json)


if __name__ == "__main__":
    main()
