"""The predictions of one model under one protocol, and the slices asked about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from downcore.strata.properties import PROPERTIES
from downcore_training.bench.core import BenchCore
from downcore_training.bench.scoring import Answers

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A model's errors on held-out slices, none of the core they are used for."""

    error: Values
    """Predicted less measured, shape (m,), ``ms`` in log10; finite."""
    sd: Values | None
    """The model's own sd, same shape; ``None`` without one."""
    fold: NDArray[np.int64]
    """Number of the core, or of the block that counts as one, for intervals, shape (m,)."""
    core: NDArray[np.int64]
    """Number of each slice's true core, shape (m,)."""


@dataclass(frozen=True, slots=True, eq=False)
class CoreAnswers:
    """A model's predictions for every slice of one core; ``ms`` as log10, all of shape (n, 3)."""

    predicted: Values
    """Prediction as the logger would read it; NaN where it abstained."""
    lower: Values
    upper: Values
    """Ends of the 90 % interval; NaN where there is none."""
    asked: NDArray[np.bool_]
    """Whether the slice is a test slice of this protocol, with a label and a colour."""
    training_mean: Values
    """Mean training label of the model; NaN where there is none or it is unknown."""
    plain: Values | None = None
    """Prediction for the centimetre alone; ``None`` where there is no other."""
    forced: Values | None = None
    """Prediction as if nothing were abstained from; ``None`` where that is the same."""
    judged: tuple[Judged | None, ...] = (None,) * len(PROPERTIES)
    """The errors behind the intervals, by property; ``None`` where unknown."""
    sd: Values | None = None
    """The model's own sd; ``None`` without one."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """One model under one protocol."""

    network: str
    title: str
    protocol: str
    simplicity: int
    is_candidate: bool
    """Whether the verdict may choose it."""
    cores: tuple[CoreAnswers, ...]
    """One for each core, in the order of the set."""
    n_folds: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Why it abstained, and on how many of the asked slices."""


def answers_of(
    prediction: Prediction, cores: Sequence[BenchCore], i: int, *, of: str = "predicted"
) -> Answers:
    """
    Return the labels and predictions of property ``i``, pooled over the cores.

    Parameters
    ----------
    prediction : Prediction
    cores : sequence of BenchCore
        Those that it is about, in the same order.
    i : int
        Index into PROPERTIES.
    of : str, default "predicted"
        Field of :class:`CoreAnswers` that is scored.
    """
    parts: dict[str, list[NDArray[np.float64]]] = {
        name: [] for name in ("label", "predicted", "lower", "upper", "training_mean")
    }
    number: list[NDArray[np.int64]] = []
    section: list[NDArray[np.int64]] = []
    n_sections = 0
    for k, (core, answers) in enumerate(zip(cores, prediction.cores, strict=True)):
        asked = answers.asked[:, i]
        values = getattr(answers, of)
        parts["label"].append(core.labels[asked, i])
        parts["predicted"].append(
            answers.predicted[asked, i] if values is None else values[asked, i]
        )
        parts["lower"].append(answers.lower[asked, i])
        parts["upper"].append(answers.upper[asked, i])
        parts["training_mean"].append(answers.training_mean[asked, i])
        number.append(np.full(int(asked.sum()), k, np.int64))
        section.append(n_sections + core.run[asked])
        n_sections += int(core.run.max(initial=-1)) + 1
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    return Answers(core=np.concatenate(number), section=np.concatenate(section), **joined)
