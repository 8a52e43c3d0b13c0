"""From cores to checkpoints of predictors with context: trees first, then networks, then blends."""

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from downcore.learning.interval_fit import FALSE_ABSTAIN_SHARE
from downcore.strata.errors import SettingsError
from downcore.strata.properties import PROPERTIES
from downcore.strata.windows import Window
from downcore_training.fitting import checkpoint
from downcore_training.fitting.budget import Budget
from downcore_training.fitting.scaling import TargetScaling
from downcore_training.progress import Report
from downcore_training.windows import boosted_profile
from downcore_training.windows import checkpoint as window_checkpoint
from downcore_training.windows.augmentation import COARSEST
from downcore_training.windows.blend import Blend
from downcore_training.windows.boosted_profile import PROFILE_WINDOW
from downcore_training.windows.crossfit import (
    MIN_LABELS,
    MIN_SECTIONS,
    HeldOut,
    Make,
    best_shares,
    cross_fit,
    labelled,
    nested_blend,
    properties_of,
    scaling_of,
)
from downcore_training.windows.figures import Judged, judged
from downcore_training.windows.learning import trained
from downcore_training.windows.networks import NETWORK_WINDOW, NETWORKS
from downcore_training.windows.recipe import WindowRecipe, window_recipe_text
from downcore_training.windows.section_views import SectionViews, groups_of, sections_sha256

BY_SECTION = "held out by section"
BY_CORE = "held out by core"
"""Names of the two protocols in manifests and cards."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """One predictor, and what cross-fitting says of it."""

    network: str
    path: Path
    judged: Judged


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What all predictors of a run are made from."""

    recipe: WindowRecipe
    sections: tuple[SectionViews, ...]
    """Sections with a label."""
    properties: tuple[int, ...]
    scaling: TargetScaling
    out: Path
    report: Report
    budget: Budget

    def part_s(self, network: str, fold: int) -> float:
        """Return the seconds that one part of a network may take; infinite without a budget."""
        if not self.budget.minutes:
            return math.inf
        done = self.recipe.networks.index(network) * (self.recipe.n_folds + 1)
        done += fold if fold >= 0 else self.recipe.n_folds
        left = len(self.recipe.networks) * (self.recipe.n_folds + 1) - done
        # A tenth of the time is for judging and for writing.
        return 0.9 * self.budget.left_s / left


@dataclass(frozen=True, slots=True, eq=False)
class _CrossFitted:
    """A predictor of each fold and of all sections, and the folds' answers."""

    modules: dict[int, nn.Module]
    """By fold; :data:`_ALL` for the one that learnt from all sections."""
    unseen: HeldOut


_ALL = -1


def fit_all(
    recipe: WindowRecipe,
    sections: Sequence[SectionViews],
    out: Path,
    *,
    report: Report,
    budget: Budget | None = None,
) -> list[Fitted]:
    """
    Fit the boosted profile, then the recipe's networks, then a blend of each with the trees.

    With a budget, networks take fewer steps, each part an equal share of the time that is left;
    the trees, which take a minute, are fitted whatever it is.

    Raises
    ------
    SettingsError
        If there are fewer than four sections with a label, or no property has 50 labels.
    """
    kept = tuple(sections[i] for i in labelled(sections))
    properties = properties_of(kept)
    if len(kept) < MIN_SECTIONS:
        raise SettingsError(
            f"expected at least {MIN_SECTIONS} sections with a log and an image, so that each can "
            f"be judged by a predictor that never saw it, got {len(kept)}: "
            "log more sections, or use a bundle that is there already"
        )
    if not properties:
        raise SettingsError(
            f"expected a property with at least {MIN_LABELS} logged centimetres, got none in "
            f"{len(kept)} sections: log more of them, or use a bundle that is there already"
        )
    torch.set_num_threads(recipe.threads)
    out.mkdir(parents=True, exist_ok=True)
    scaling = scaling_of(kept, properties)
    work = _Work(recipe, kept, properties, scaling, out, report, budget or Budget(0.0, 0.0))
    report.at(0.0, f"trees on the profile of {len(kept)} sections")
    started_s = time.monotonic()
    trees = _trees(work)
    found = [_written(work, "boosted-profile", trees, started_s)]
    for i, name in enumerate(recipe.networks):
        report.at((i + 0.1) / (len(recipe.networks) + 1), f"{name}")
        started_s = time.monotonic()
        network = _network(work, name)
        found.append(_written(work, name, network, started_s))
        found.append(_blended(work, name, network, trees))
    return found


def _trees(work: _Work) -> _CrossFitted:
    slices = boosted_profile.described(work.sections)
    number = {id(section): i for i, section in enumerate(work.sections)}

    def make(sections: Sequence[SectionViews], scaling: TargetScaling, _: int) -> nn.Module:
        kept = np.array([number[id(section)] for section in sections])
        return boosted_profile.fit(slices.of(kept), scaling, work.properties, seed=work.recipe.seed)

    return _cross_fitted(work, make, PROFILE_WINDOW)


def _network(work: _Work, name: str) -> _CrossFitted:
    def make(sections: Sequence[SectionViews], scaling: TargetScaling, fold: int) -> nn.Module:
        torch.manual_seed(work.recipe.seed)
        module = NETWORKS[name](work.properties)
        kept = work.out / "parts" / f"{name} {fold} {_key(work, name, sections)}.pt"
        if kept.is_file():
            module.load_state_dict(torch.load(kept, map_location="cpu", weights_only=True))
            return module.eval()
        which = "all sections" if fold < 0 else f"part {fold + 1} of {work.recipe.n_folds} left out"
        work.report.note(f"{name}: training, {which}")
        lesson = replace(work.recipe.lesson, seed=work.recipe.seed)
        limit_s = work.part_s(name, fold)
        trained(module, sections, scaling, lesson, report=work.report, limit_s=limit_s)
        kept.parent.mkdir(exist_ok=True)
        # An interrupted run goes on with the parts that are done.
        checkpoint.save(checkpoint.frozen_state(module), kept)
        return module

    return _cross_fitted(work, make, NETWORK_WINDOW)


def _cross_fitted(work: _Work, make: Make, window: Window) -> _CrossFitted:
    modules: dict[int, nn.Module] = {}

    def kept(sections: Sequence[SectionViews], scaling: TargetScaling, fold: int) -> nn.Module:
        modules[fold] = make(sections, scaling, fold)
        return modules[fold]

    unseen = cross_fit(
        work.sections,
        work.properties,
        kept,
        window,
        n_folds=work.recipe.n_folds,
    )
    kept(work.sections, work.scaling, _ALL)
    return _CrossFitted(modules, unseen)


def _blended(work: _Work, name: str, network: _CrossFitted, trees: _CrossFitted) -> Fitted:
    started_s = time.monotonic()

    def make(_: Sequence[SectionViews], __: TargetScaling, fold: int) -> nn.Module:
        parts = (network.modules[fold], trees.modules[fold])
        return Blend(*parts).eval()  # type: ignore[arg-type] # of those kinds

    blend = make((), work.scaling, _ALL)
    everywhere = np.ones(len(network.unseen.section), np.bool_)
    shares = best_shares(network.unseen, trees.unseen, everywhere)
    blend.take_shares(shares)  # type: ignore[operator] # it is a blend
    held_out = nested_blend(network.unseen, trees.unseen)
    # Novelty is that of both parts' features together, which only the blends of the folds show.
    joined = cross_fit(
        work.sections, work.properties, make, PROFILE_WINDOW, n_folds=work.recipe.n_folds
    )
    held_out = replace(held_out, novelty=joined.novelty)
    label = "blend" if len(work.recipe.networks) == 1 else f"blend-{name}"
    shown = {
        f"share_of_network.{PROPERTIES[i].name}": share
        for i, share in zip(work.properties, shares, strict=True)
    }
    both = _CrossFitted({_ALL: blend}, held_out)
    return _written(work, "blend", both, started_s, label=label, more=shown)


def _written(
    work: _Work,
    network: str,
    made: _CrossFitted,
    started_s: float,
    *,
    label: str = "",
    more: dict[str, float] | None = None,
) -> Fitted:
    held_out = made.unseen
    found = judged(held_out, work.properties)
    folder = work.out / (label or network)
    folder.mkdir(exist_ok=True)
    path = folder / checkpoint.CHECKPOINT
    window_checkpoint.write(
        path,
        network=network,
        module=made.modules[_ALL],
        outputs=window_checkpoint.outputs_of(found, work.scaling, work.properties),
        novelty_limit=found.novelty_limit,
        widening=window_checkpoint.widening_of(found, work.properties),
        properties=work.properties,
        data=_data(work, has_network=network != "boosted-profile"),
        metrics={protocol_of(work.sections): found.metrics},
        run={
            "elapsed_min": (time.monotonic() - started_s) / 60,
            "threads": float(torch.get_num_threads()),
            **(more or {}),
        },
        recipe=window_recipe_text(work.recipe),
    )
    np.savez(
        folder / "held_out.npz",
        **{name: getattr(held_out, name) for name in ("mean", "sd", "label", "novelty")},
        section=held_out.section,
        row=held_out.row,
        group=held_out.group,
    )
    return Fitted(label or network, path, found)


def protocol_of(sections: Sequence[SectionViews]) -> str:
    """Return how the predictors of some sections are judged."""
    return BY_CORE if len(np.unique(groups_of(sections))) < len(sections) else BY_SECTION


def _data(work: _Work, *, has_network: bool) -> dict[str, Any]:
    cores = list(dict.fromkeys(section.core for section in work.sections))
    scales = [section.px_per_cm for section in work.sections]
    # Networks learn from windows made coarser as well; trees from the scans as they are.
    coarsest = COARSEST if has_network else 1.0
    has_board = all(section.has_board.mean() > 0.5 for section in work.sections)  # noqa: PLR2004 - most
    named = work.recipe.sentence or f"the cores {', '.join(cores)}"
    return {
        "sentence": f"{named}: {len(work.sections)} sections of {len(cores)} cores",
        "name": work.recipe.name,
        "sections": [section.name for section in work.sections],
        "sections_sha256": sections_sha256(work.sections),
        "trained_px_per_cm": [min(scales) / coarsest, max(scales)],
        "needs_white_board": has_board,
        "false_abstain_share": FALSE_ABSTAIN_SHARE,
    }


def _key(work: _Work, name: str, sections: Sequence[SectionViews]) -> str:
    """Return a digest of all that a trained part depends on."""
    digest = hashlib.sha256(
        repr((name, work.recipe.lesson, work.recipe.seed, work.budget.minutes)).encode()
    )
    for section in sections:
        digest.update(section.name.encode())
        digest.update(np.ascontiguousarray(section.labels).tobytes())
        for view in section.views:
            if view is not None:
                digest.update(view.rgb.tobytes())
                digest.update(view.is_sediment.tobytes())
    return digest.hexdigest()[:16]
