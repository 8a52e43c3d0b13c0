"""Faults that are put into clean measured logs, each with a size and a place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from downcore.strata.second_opinion.codes import Code
from downcore.strata.second_opinion.logs import PropertyLog, SectionLogs, with_vp_prior

Values = NDArray[np.float64]
SIZES = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""Of faults, in standard deviations of the residual of the data set."""
LAGS_CM = (2, 3, 5, 8, 12, 20)
LENGTHS_CM = (5, 8, 12, 20, 30)


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """A section with a fault in it."""

    kind: str
    size: float
    """In the kind's own unit."""
    sections: tuple[SectionLogs, ...]
    """Of the core, with the fault."""
    number: int
    """Of the section that it is in."""
    property: str
    """Empty where the section as a whole is meant."""
    first: int
    last: int
    """Slices of the fault."""
    is_visible: bool
    """Whether it is large enough to be asked for."""
    codes: tuple[Code, ...]
    """That name it rightly."""


@dataclass(frozen=True, slots=True, eq=False)
class Bed:
    """A core to put faults into, and how large its residuals are."""

    sections: tuple[SectionLogs, ...]
    sd: dict[str, float]
    """Of residuals by property, of the whole data set."""


Make = Callable[[Bed, int, float, np.random.Generator], Fault | None]


def changed(bed: Bed, number: int, name: str, values: Values) -> tuple[SectionLogs, ...]:
    """Return the sections of a core with another measured log in one of them."""
    one = bed.sections[number]
    logs = [replace(log, measured=values) if log.property == name else log for log in one.logs]
    return with_section(bed, number, logs)


def with_section(bed: Bed, number: int, logs: Sequence[PropertyLog]) -> tuple[SectionLogs, ...]:
    """Return the sections of a core with other logs in one of them."""
    fresh = [
        replace(log, predicted=np.full_like(log.predicted, np.nan)) if log.is_by_density else log
        for log in logs
    ]
    found = list(bed.sections)
    found[number] = replace(found[number], logs=with_vp_prior(fresh))
    return tuple(found)


def _span(log: PropertyLog, length: int, rng: np.random.Generator) -> tuple[int, int] | None:
    """Return where a fault of some length may lie: over two rows that are judged at least."""
    known = np.isfinite(log.measured) & np.isfinite(log.predicted)
    starts = [
        s for s in range(15, log.measured.size - length - 5) if known[s : s + length].sum() >= 2
    ]
    if not starts:
        return None
    first = int(rng.choice(starts))
    return first, first + length - 1


def _step(name: str, kind: str, code: tuple[Code, ...], lengths_cm: tuple[int, int]) -> Make:
    def make(bed: Bed, number: int, size: float, rng: np.random.Generator) -> Fault | None:
        log = bed.sections[number].log(name)
        if log is None or (log.is_by_density and name not in bed.sd):
            return None
        rows = np.flatnonzero(np.isfinite(log.measured))
        spacing = max(1, int(np.median(np.diff(rows)))) if rows.size > 1 else 1
        length = max(int(rng.integers(lengths_cm[0], lengths_cm[1] + 1)), 2 * spacing)
        span = _span(log, length, rng)
        if span is None:
            return None
        values = log.measured.copy()
        values[span[0] : span[1] + 1] -= size * bed.sd[name]
        return Fault(
            kind, size, changed(bed, number, name, values), number, name, *span, size >= 2.0, code
        )

    return make


def spike(bed: Bed, number: int, size: float, rng: np.random.Generator) -> Fault | None:
    """Put metal of 1 cm below the loop, which sees it over its own width."""
    log = bed.sections[number].log("ms")
    if log is None or "ms" not in bed.sd or (span := _span(log, 6, rng)) is None:
        return None
    middle = (span[0] + span[1]) / 2.0
    along = np.arange(log.measured.size)
    bump = size * bed.sd["ms"] * np.exp(-0.5 * ((along - middle) / 2.0) ** 2)
    rows = np.flatnonzero(np.isfinite(log.measured))
    peak = bump[rows].max() / bed.sd["ms"]
    return Fault(
        "ms spike", size, changed(bed, number, "ms", log.measured + bump), number, "ms", *span,
        peak >= 2.0, (Code.MS_SPIKE,),
    )  # fmt: skip


def drift(bed: Bed, number: int, size: float, rng: np.random.Generator) -> Fault | None:
    """Let a sensor drift from some depth to the section's end."""
    name = str(rng.choice(_names(bed, number)))
    log = bed.sections[number].log(name)
    if log is None or log.measured.size < 100:
        return None
    first = int(rng.integers(5, log.measured.size - 80))
    last = log.measured.size - 1
    ramp = np.clip((np.arange(last + 1) - first) / (last - first), 0.0, None)
    values = log.measured + float(rng.choice([-1.0, 1.0])) * size * bed.sd[name] * ramp
    return Fault(
        "drift", size, changed(bed, number, name, values), number, name, first, last, size >= 2.0,
        (Code.DRIFT, Code.UNIT_OR_SCALE),
    )  # fmt: skip


def constant(bed: Bed, number: int, size: float, rng: np.random.Generator) -> Fault | None:
    """Let a sensor hang at one value; the size is in centimetres."""
    name = str(rng.choice(_names(bed, number)))
    log = bed.sections[number].log(name)
    if log is None or log.measured.size < size + 25:
        return None
    first = int(rng.integers(15, log.measured.size - size - 5))
    rows = np.flatnonzero(np.isfinite(log.measured))
    rows = rows[(rows >= first) & (rows < first + size)]
    if rows.size < 2:
        return None
    values = log.measured.copy()
    values[rows] = values[rows[0]]
    return Fault(
        "constant sensor", size, changed(bed, number, name, values), number, name, int(rows[0]),
        int(rows[-1]), rows.size >= 6, (Code.CONSTANT,),
    )  # fmt: skip


def _names(bed: Bed, number: int) -> list[str]:
    """Return the properties of a section whose residuals are known."""
    return [one.property for one in bed.sections[number].logs if one.property in bed.sd] or [""]


def varies(bed: Bed, number: int) -> bool:
    """Return whether the predicted profile varies by a standard deviation of the residual."""
    return any(
        np.isfinite(log.predicted).sum() > 20
        and np.nanstd(log.predicted) >= bed.sd.get(log.property, np.inf)
        and not log.is_by_density
        for log in bed.sections[number].logs
    )


def _moved(values: Values, lag: int) -> Values:
    out = np.full(values.size, np.nan)
    if lag > 0:
        out[lag:] = values[:-lag]
    else:
        out[:lag] = values[-lag:]
    return out


def offset(bed: Bed, number: int, size: float, rng: np.random.Generator) -> Fault | None:
    """Move the log of a section along it; the size is in centimetres."""
    lag = int(size) * int(rng.choice([-1, 1]))
    one = bed.sections[number]
    if one.n_slices < 60:
        return None
    logs = [replace(log, measured=_moved(log.measured, lag)) for log in one.logs]
    return Fault(
        "section offset", size, with_section(bed, number, logs), number, "", 0, one.n_slices - 1,
        varies(bed, number) and size >= 5, (Code.SECTION_OFFSET,),
    )  # fmt: skip


def swapped(bed: Bed, number: int, size: float, rng: np.random.Generator) -> Fault | None:
    """Let two sections of a core change places on the logger."""
    others = [
        i for i, one in enumerate(bed.sections) if i != number and one.logs and one.n_slices >= 60
    ]
    if not others or bed.sections[number].n_slices < 60:
        return None
    other = int(rng.choice(others))
    logs = _of_other(bed.sections[number], bed.sections[other])
    back = _of_other(bed.sections[other], bed.sections[number])
    sections = list(with_section(bed, number, logs))
    sections[other] = with_section(bed, other, back)[other]
    return Fault(
        "sections swapped", size, tuple(sections), number, "", 0,
        bed.sections[number].n_slices - 1, varies(bed, number) and varies(bed, other),
        (Code.SECTION_SWAPPED,),
    )  # fmt: skip


def _of_other(mine: SectionLogs, other: SectionLogs) -> list[PropertyLog]:
    logs = []
    for log in mine.logs:
        measured = np.full(log.measured.size, np.nan)
        beside = other.log(log.property)
        if beside is not None:
            n = min(measured.size, beside.measured.size)
            measured[:n] = beside.measured[:n]
        logs.append(replace(log, measured=measured))
    return logs


def upside_down(bed: Bed, number: int, size: float, _: np.random.Generator) -> Fault | None:
    """Turn a section round on the logger."""
    one = bed.sections[number]
    if one.n_slices < 60:
        return None
    logs = [replace(log, measured=log.measured[::-1].copy()) for log in one.logs]
    return Fault(
        "upside down", size, with_section(bed, number, logs), number, "", 0, one.n_slices - 1,
        varies(bed, number), (Code.UPSIDE_DOWN,),
    )  # fmt: skip


def duplicate(bed: Bed, number: int, size: float, rng: np.random.Generator) -> Fault | None:
    """Log the section above once more; the size is the noise, in residual sds."""
    if number == 0 or min(bed.sections[k].n_slices for k in (number, number - 1)) < 60:
        return None
    logs = _of_other(bed.sections[number], bed.sections[number - 1])
    logs = [
        replace(
            log,
            measured=log.measured
            + size * bed.sd.get(log.property, 0.0) * rng.normal(size=log.measured.size),
        )
        for log in logs
    ]
    return Fault(
        "duplicate section", size, with_section(bed, number, logs), number, "", 0,
        bed.sections[number].n_slices - 1, is_visible=True, codes=(Code.DUPLICATE_SECTION,),
    )  # fmt: skip


def unit(bed: Bed, number: int, size: float, rng: np.random.Generator) -> Fault | None:
    """Shift a whole section by a level, as another unit or calibration does."""
    name = str(rng.choice(_names(bed, number)))
    log = bed.sections[number].log(name)
    if log is None or np.isfinite(log.measured).sum() < 20:
        return None
    values = log.measured + float(rng.choice([-1.0, 1.0])) * size * bed.sd[name]
    return Fault(
        "unit or scale", size, changed(bed, number, name, values), number, name, 0,
        log.measured.size - 1, size >= 2.0, (Code.UNIT_OR_SCALE,),
    )  # fmt: skip


def unlike(bed: Bed, number: int, size: float, _: np.random.Generator) -> Fault | None:
    """Let no bundle know the picture; the size is the share of the section."""
    one = bed.sections[number]
    n = int(size * one.n_slices)
    is_unlike = np.arange(one.n_slices) < n
    logs = [replace(log, predicted=np.where(is_unlike, np.nan, log.predicted)) for log in one.logs]
    sections = list(bed.sections)
    sections[number] = replace(one, logs=tuple(logs), is_unlike=is_unlike)
    return Fault(
        "image unlike training", size, tuple(sections), number, "", 0, one.n_slices - 1,
        size >= 0.6, (Code.IMAGE_UNLIKE,),
    )  # fmt: skip


VP = (Code.VP_DROP_OUT, Code.VP_BELOW_WATER)
KINDS: dict[str, tuple[Make, tuple[float, ...]]] = {
    "vp drop-out": (_step("vp", "vp drop-out", VP, (3, 10)), SIZES),
    "ms spike": (spike, SIZES),
    "density void": (
        _step("density", "density void", (Code.DENSITY_VOID,), (3, 8)),
        SIZES,
    ),
    "drift": (drift, SIZES),
    "constant sensor": (constant, tuple(map(float, LENGTHS_CM))),
    "section offset": (offset, tuple(map(float, LAGS_CM))),
    "sections swapped": (swapped, (1.0,)),
    "upside down": (upside_down, (1.0,)),
    "duplicate section": (duplicate, (0.0, 0.05, 0.1, 0.2)),
    "unit or scale": (unit, SIZES),
    "image unlike training": (unlike, (0.4, 0.6, 0.8, 1.0)),
}
"""How each kind is made, and the sizes that it is made with."""
