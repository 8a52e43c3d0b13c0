"""
Sensors of a property; readings of different sensors are not pooled.

A loop averages the whole core over some centimetres, a point sensor the surface over a few
millimetres, so that their susceptibilities are two measurements with one unit. A model of one does
not predict the other, and a score over both would measure how well they agree.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.properties import PROPERTIES
from downcore_training.bench.core import UNSAID, BenchCore, SensorLog

MIN_CORES = 2
"""Fewest cores logged by a further sensor for it to be scored as well."""


@dataclass(frozen=True, slots=True, eq=False)
class SensorView:
    """The cores with labels of one sensor for each property."""

    cores: tuple[BenchCore, ...]
    """All of them, in order; labels are NaN where another sensor measured."""
    sensors: tuple[str, ...]
    """By property; empty where nothing says which."""
    notes: tuple[str, ...]
    """What was left out by that, and why."""


def main_view(cores: Sequence[BenchCore]) -> SensorView:
    """
    Return the cores with, for each property, the labels of the sensor that most of them share.

    A core counts for the sensor of its ``labels``, which is the preferred one of those it has. Of
    sensors with as many cores, the one that logged more slices is taken.
    """
    sensors = tuple(_most_shared(cores, i) for i in range(len(PROPERTIES)))
    notes = []
    for i, prop in enumerate(PROPERTIES):
        out = [c for c in cores if _has(c, i) and _log_by(c, i, sensors[i]) is None]
        if out:
            others = " and ".join(sorted({_said(c.sensors[i]) for c in out}))
            names = ", ".join(c.name for c in out)
            notes.append(
                f"{names}: {prop.name} of the {others} sensor is left out of the main figures, "
                f"which are those of the {_said(sensors[i])} sensor, shared by most cores: what "
                "the two read is not the same"
            )
    return SensorView(
        tuple(_seen_by(core, dict(enumerate(sensors))) for core in cores), sensors, tuple(notes)
    )


def further_views(cores: Sequence[BenchCore], main: SensorView) -> Iterator[SensorView]:
    """Yield two or more cores with the labels of a further sensor, one property at a time."""
    for i, prop in enumerate(PROPERTIES):
        seen = {s for core in cores for s in _sensors_of(core, i)} - {main.sensors[i]}
        for sensor in sorted(seen):
            n = sum(_log_by(core, i, sensor) is not None for core in cores)
            sensors = tuple(sensor if k == i else "" for k in range(len(PROPERTIES)))
            if n < MIN_CORES:
                note = f"{prop.name} of the {_said(sensor)} sensor is not scored: one core has it"
                yield SensorView((), sensors, (note,))
                continue
            view = tuple(_seen_by(core, {i: sensor}) for core in cores)
            yield SensorView(view, sensors, ())


def _seen_by(core: BenchCore, sensors: dict[int, str]) -> BenchCore:
    labels = np.full(core.labels.shape, np.nan)
    for i, sensor in sensors.items():
        values = _log_by(core, i, sensor)
        if values is not None:
            labels[:, i] = values
    known = tuple(sensors.get(i, "") for i in range(len(PROPERTIES)))
    ranks = core.ranks if set(sensors) == set(range(len(PROPERTIES))) else None
    visible = core.visible if known == core.sensors else None
    return dataclasses.replace(
        core, labels=labels, sensors=known, further=(), ranks=ranks, visible=visible
    )


def _log_by(core: BenchCore, i: int, sensor: str) -> NDArray[np.float64] | None:
    for log in _logs_of(core, i):
        if log.sensor == sensor:
            return log.values
    return None


def _logs_of(core: BenchCore, i: int) -> list[SensorLog]:
    """Return every non-empty log of a property, the preferred one first."""
    own = SensorLog(i, core.sensors[i], core.labels[:, i])
    every = [own, *(log for log in core.further if log.property == i)]
    return [log for log in every if np.isfinite(log.values).any()]


def _sensors_of(core: BenchCore, i: int) -> set[str]:
    return {log.sensor for log in _logs_of(core, i)}


def _has(core: BenchCore, i: int) -> bool:
    return bool(np.isfinite(core.labels[:, i]).any())


def _most_shared(cores: Sequence[BenchCore], i: int) -> str:
    n_cores: Counter[str] = Counter()
    n_slices: Counter[str] = Counter()
    for core in cores:
        known = int(np.isfinite(core.labels[:, i]).sum())
        if known:
            n_cores[core.sensors[i]] += 1
            n_slices[core.sensors[i]] += known
    if not n_cores:
        return UNSAID[i]
    return max(n_cores, key=lambda sensor: (n_cores[sensor], n_slices[sensor], sensor))


def _said(sensor: str) -> str:
    return sensor or "unnamed"
