"""The training loop of networks on windows."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from downcore.strata.errors import SettingsError
from downcore_training.fitting.averaging import RunningMean, renormalise
from downcore_training.fitting.loss import beta_nll
from downcore_training.fitting.scaling import TargetScaling
from downcore_training.progress import Report
from downcore_training.windows.augmentation import augmented
from downcore_training.windows.boosted_profile import as_input
from downcore_training.windows.networks import WindowNetwork
from downcore_training.windows.section_views import SectionViews
from downcore_training.windows.strips import drawn, strip_of
from downcore_training.windows.window_set import WindowSet

_READING_RATE = 20.0
"""Learning rate of footprint and lag, in that of the weights, at which they would not move."""

_TIMED_STEPS = 8
"""Steps after which the time of a step is known."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """How a network on windows is trained."""

    steps: int = 500
    batch: int = 8
    """Windows of a step."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up_steps: int = 30
    beta: float = 1.0
    """
    Of the beta-NLL loss; 1 weighs all errors alike. With 0.5 a network on ODP 887A learned beds of
    even mud by heart and was sure of them elsewhere.
    """
    average_decay: float = 0.98
    """Of the running mean of the weights, which is kept."""
    crop_across_px: int = 136
    """Width of windows in the first part; the mud of most cores is no wider."""
    whole_from: float = 0.85
    """Share of the steps after which whole windows are used, as on the device."""
    seed: int = 1


def trained(
    module: WindowNetwork,
    sections: Sequence[SectionViews],
    scaling: TargetScaling,
    lesson: Lesson,
    *,
    report: Report,
    limit_s: float = math.inf,
) -> WindowNetwork:
    """
    Train ``module`` in place on the labels of ``sections`` and return it in evaluation mode.

    Where ``limit_s`` does not suffice for the lesson's steps, fewer are taken, so that the learning
    rate still ends at 0.

    Raises
    ------
    SettingsError
        If the time does not suffice for a tenth of the steps.
    """
    scaled = [scaling.scaled(part.labels)[:, list(module.properties)] for part in sections]
    strips = [
        strip_of(part, module.window, labels) for part, labels in zip(sections, scaled, strict=True)
    ]
    strips = [strip for strip in strips if len(strip.starts)]
    optimiser = _optimiser(module, lesson)
    started_s = time.monotonic()
    average = RunningMean(module, lesson.average_decay)
    numbers = np.random.default_rng(lesson.seed)
    noise = torch.Generator().manual_seed(lesson.seed)
    module.train()
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stubs lack it
    losses: list[float] = []
    step = 0
    while step < lesson.steps:
        if step == _TIMED_STEPS:
            each_s = (time.monotonic() - started_s) / _TIMED_STEPS
            lesson = _shortened(lesson, each_s, limit_s)
        for group, share in zip(optimiser.param_groups, (1.0, _READING_RATE), strict=True):
            group["lr"] = lesson.learning_rate * share * _rate(step, lesson)
        pixels, labels = drawn(strips, module.window, lesson.batch, numbers)
        whole = step >= lesson.whole_from * lesson.steps
        width = pixels.shape[3] if whole else lesson.crop_across_px
        loss = _loss(module, augmented(pixels, noise, across_px=width), labels, lesson)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call] # torch has no types for it
        nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimiser.step()
        step += 1
        average.add(module, step)
        losses = [*losses[-49:], float(loss.detach())]
        recent = sum(losses) / len(losses)
        report.at(step / lesson.steps, f"step {step} of {lesson.steps}, loss {recent:.3f}")
    average.put_into(module)
    _settle(module, WindowSet(sections, module.window))
    return module


def _optimiser(module: WindowNetwork, lesson: Lesson) -> torch.optim.AdamW:
    reading = list(module.reading.parameters())
    known = {id(part) for part in reading}
    groups: list[dict[str, Any]] = [
        {"params": [part for part in module.parameters() if id(part) not in known]},
        {"params": reading, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lesson.learning_rate, weight_decay=lesson.weight_decay)


def _loss(module: WindowNetwork, pixels: Tensor, labels: Tensor, lesson: Lesson) -> Tensor:
    mean, log_sd, _, _ = module.readings(pixels.contiguous(memory_format=torch.channels_last))
    mean, log_sd = (part.transpose(1, 2).reshape(-1, module.n_outputs) for part in (mean, log_sd))
    return beta_nll(mean, log_sd, labels.reshape(-1, module.n_outputs), beta=lesson.beta)


def _settle(module: WindowNetwork, windows: WindowSet) -> None:
    """Compute the statistics of the normalisations, and of the features, for the final weights."""
    # Two windows or more at a time, since one has no spread to normalise by.
    n_some = max(2, min(64, len(windows)))
    some = np.linspace(0, len(windows) - 1, n_some).round().astype(np.int64)
    with torch.no_grad():
        parts = np.array_split(some, max(1, min(8, n_some // 2)))
        renormalise(module, [as_input(windows.pixels(part)) for part in parts])
    standardise(module.eval(), windows)


def standardise(module: WindowNetwork, windows: WindowSet) -> None:
    """Set the scale of the features by which novelty is judged to that of ``windows``."""
    module.centre.zero_()
    module.spread.fill_(1.0)
    rows = answers(module, windows).features
    known = np.isfinite(windows.labels).any(axis=1)
    rows = rows[known] if known.any() else rows
    spread = rows.std(axis=0)
    least = 1e-3 + 0.05 * float(np.median(spread))
    module.centre.copy_(torch.from_numpy(rows.mean(axis=0)))
    module.spread.copy_(torch.from_numpy(np.maximum(spread, least)))


@dataclass(frozen=True, slots=True, eq=False)
class RowAnswers:
    """A module's answers for the rows of windows, scaled target space."""

    mean: NDArray[np.float32]
    """Shape (n_rows, n_outputs)."""
    log_sd: NDArray[np.float32]
    within_sd: NDArray[np.float32]
    features: NDArray[np.float32]
    """Shape (n_rows, k)."""


@torch.no_grad()
def answers(module: nn.Module, windows: WindowSet, batch: int = 16) -> RowAnswers:
    """Return the answers for all rows of ``windows``, in order."""
    parts: list[list[NDArray[np.float32]]] = []
    for first in range(0, len(windows), batch):
        indices = np.arange(first, min(first + batch, len(windows)))
        out = module(as_input(windows.pixels(indices)))
        parts.append([part.reshape(-1, part.shape[-1]).float().numpy() for part in out])
    return RowAnswers(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _shortened(lesson: Lesson, each_s: float, limit_s: float) -> Lesson:
    steps = int(min(limit_s / max(each_s, 1e-9), lesson.steps))
    if steps < lesson.steps / 10:
        raise SettingsError(
            f"expected time for a tenth of {lesson.steps} steps of a network, got {limit_s:.0f} s "
            f"at {each_s:.2f} s a step: give more minutes, or leave the networks out of the recipe"
        )
    return replace(lesson, steps=max(steps, _TIMED_STEPS + 1))


def _rate(step: int, lesson: Lesson) -> float:
    warm = min(1.0, (step + 1) / lesson.warm_up_steps)
    return warm * 0.5 * (1.0 + math.cos(math.pi * step / lesson.steps))
