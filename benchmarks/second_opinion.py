"""
The second opinion on measured logs: false alarms on clean logs, and which faults it finds.

``python benchmarks/second_opinion.py [--only generated|real] [--markdown FILE] [--real DIR]``

Generated cores that no limit was set on, and real ones: ODP 887A by trees that did not see the
section, M9907 by trees of the other core, LP16 by section. Faults are put into clean logs one at a
time (``injected_faults.py``); a fault counts as found if a flag lies within 5 cm of it, anywhere in
the section for those of a whole section, that the clean log does not have.
"""

import copy
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import scipy.stats
from injected_faults import KINDS, Bed, Fault
from paired_logs import NAMES, LoggedSection, generated_sections, paired, real_sections
from reporting import arguments, report

from downcore.strata.depth import SLICE_UM
from downcore.strata.flags import titled
from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.judging import CoreJudge, judge_core
from downcore.strata.second_opinion.logs import SectionLogs

SEED = 990_000
"""First of generated cores; limits were set on those from 880,000 on."""
NEAR_UM = 5 * SLICE_UM
_LEAST_CM = 30
_UNITS = {
    "constant sensor": "cm", "section offset": "cm", "duplicate section": "noise, residual sd",
    "image unlike training": "share of the section", "sections swapped": "", "upside down": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """Cores of one origin."""

    name: str
    cores: dict[str, tuple[SectionLogs, ...]]
    faults: float
    """Of each kind that are put into a section, on average; one of each size at most."""


@dataclass(slots=True)
class Found:
    """What became of the faults of one kind and size."""

    n: int = 0
    n_found: int = 0
    n_named: int = 0


@dataclass(slots=True)
class Outcome:
    """What a data set showed."""

    metres: float = 0.0
    false_alarms: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    known_faults: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_size: dict[tuple[str, float], Found] = field(default_factory=lambda: defaultdict(Found))
    visible: dict[str, Found] = field(default_factory=lambda: defaultdict(Found))
    sd: dict[str, float] = field(default_factory=dict)


def residual_sds(data: DataSet) -> dict[str, float]:
    """Return the standard deviation of residuals by property, the outermost 2 % drawn in."""
    found = {}
    for name in NAMES:
        logs = [log for core in data.cores.values() for one in core if (log := one.log(name))]
        if logs and not all(log.is_by_density for log in logs):
            error = np.concatenate([log.predicted - log.measured for log in logs])
            error = error[np.isfinite(error)]
            if not error.size:
                continue
            found[name] = float(np.std(np.clip(error, *np.percentile(error, [1, 99]))))
    return found


def is_of_physics(finding: Finding) -> bool:
    """Return whether a finding needs no picture: no sediment has such values."""
    return finding.limit == 1.0 and finding.code in {
        Code.VP_BELOW_WATER, Code.VP_DROP_OUT, Code.DENSITY_VOID, Code.UNIT_OR_SCALE,
    }  # fmt: skip


def measure(data: DataSet) -> Outcome:
    """Return false alarms on a data set's clean logs, and what became of faults in them."""
    outcome = Outcome(sd=residual_sds(data))
    rng = np.random.default_rng(1)
    for sections in data.cores.values():
        outcome.metres += sum(one.n_slices for one in sections if one.logs) / 100.0
        for opinion in judge_core(sections):
            for one in opinion.findings:
                kind = titled(one.code, one.property)
                # Generated sediment has no fault; of real logs, what no sediment has is one.
                is_known = is_of_physics(one) and data.name != "generated"
                (outcome.known_faults if is_known else outcome.false_alarms)[kind] += 1
        bed = Bed(sections, outcome.sd)
        for number, one in enumerate(sections):
            if one.logs and one.n_slices >= _LEAST_CM:
                _put_faults_in(outcome, bed, number, rng, data.faults)
    return outcome


def _put_faults_in(
    outcome: Outcome, bed: Bed, number: int, rng: np.random.Generator, faults: float
) -> None:
    above = CoreJudge(bed.sections)
    for k in range(number):
        above.judge(k)
    clean = copy.deepcopy(above).judge(number).findings
    for kind, (make, sizes) in KINDS.items():
        for size in sizes:
            if rng.random() > faults / len(sizes):
                continue
            fault = make(bed, number, size, rng)
            if fault is None:
                continue
            judge = copy.deepcopy(above)
            judge.sections = fault.sections
            new = list(_new(judge.judge(number).findings, clean, fault))
            counted = [outcome.by_size[kind, size]]
            counted += [outcome.visible[kind]] if fault.is_visible else []
            for one in counted:
                one.n += 1
                one.n_found += bool(new)
                one.n_named += any(finding.code in fault.codes for finding in new)


def _new(findings: Sequence[Finding], clean: Sequence[Finding], fault: Fault) -> Iterator[Finding]:
    top_um, bottom_um = fault.first * SLICE_UM, (fault.last + 1) * SLICE_UM
    for one in findings:
        is_near = one.top_um - NEAR_UM < bottom_um and one.bottom_um + NEAR_UM > top_um
        is_mine = not fault.property or one.property in {"", fault.property}
        was_there = any(
            (other.code, other.property) == (one.code, one.property)
            and abs(other.top_um - one.top_um) < 3 * SLICE_UM
            and abs(other.bottom_um - one.bottom_um) < 3 * SLICE_UM
            for other in clean
        )
        if is_near and is_mine and not was_there:
            yield one


def generated_set(*, is_quick: bool) -> DataSet:
    """Return generated cores."""
    n_cores = 6 if is_quick else 30
    sections = generated_sections(SEED, n_cores, 3)
    folds = [str(int(one.core[1:]) % 5) for one in sections]
    logs = paired(sections, folds)
    return DataSet("generated", _by_core(sections, logs), 1.2)


def real_sets(real: Path) -> Iterator[DataSet]:
    """Yield real cores."""
    for name, own in real_sections(real).items():
        folds = [one.core if name == "M9907" else one.name for one in own]
        if name == "M9907":
            # Its vp is not calibrated, which is a fault of its own: it is asked about below.
            sections = [replace(one, measured=_without_vp(one.measured)) for one in own]
        else:
            sections = own
        logs = paired(sections, folds, is_point=name == "LP16")
        yield DataSet(name, _by_core(sections, logs), 8.0)


def _without_vp(measured: np.ndarray) -> np.ndarray:
    out = measured.copy()
    out[:, 1] = np.nan
    return out


def _by_core(
    sections: Sequence[LoggedSection], logs: Sequence[SectionLogs]
) -> dict[str, tuple[SectionLogs, ...]]:
    found: dict[str, list[SectionLogs]] = {}
    for one, log in zip(sections, logs, strict=True):
        found.setdefault(one.core, []).append(log)
    return {core: tuple(mine) for core, mine in found.items()}


def known_real_faults(real: Path) -> dict[str, tuple[int, int]]:
    """Return of rows that are known to be wrong how many there are, and how many are flagged."""
    found: dict[str, tuple[int, int]] = {}
    asked = {
        "M9907 vp below water": ("M9907", "vp", lambda x: x < 1400.0),
        "LP16 vp outside 1,300 to 1,900 m/s": ("LP16", "vp", lambda x: (x < 1300) | (x > 1900)),
        "LP16 density above 2.2 g/cm3": ("LP16", "density", lambda x: x > 2.2),
        "ODP 887A density below 1.05 g/cm3": ("ODP 887A", "density", lambda x: x < 1.05),
    }
    everything = real_sections(real)
    for title, (name, prop, is_wrong) in asked.items():
        own = everything[name]
        folds = [one.core if name == "M9907" else one.name for one in own]
        logs = paired(own, folds, is_point=name == "LP16")
        n = n_flagged = 0
        for sections in _by_core(own, logs).values():
            for opinion, section in zip(judge_core(sections), sections, strict=True):
                log = section.log(prop)
                rows = np.flatnonzero(is_wrong(log.measured)) if log else []
                spans = [
                    (one.top_um, one.bottom_um)
                    for one in opinion.findings
                    if one.property in {"", prop}
                ]
                n += len(rows)
                n_flagged += sum(
                    any(top <= row * SLICE_UM < bottom for top, bottom in spans) for row in rows
                )
        found[title] = (n, n_flagged)
    return found


def share_range(n_found: int, n: int) -> tuple[float, float]:
    """Return the 90 % range of a share (Jeffreys)."""
    low, high = scipy.stats.beta.ppf([0.05, 0.95], n_found + 0.5, n - n_found + 0.5)
    return (0.0 if n_found == 0 else float(low)), (1.0 if n_found == n else float(high))


def rate_range(n: int, metres: float) -> tuple[float, float]:
    """Return the 90 % range of alarms per 10 m (exact, Poisson)."""
    low = 0.0 if n == 0 else float(scipy.stats.chi2.ppf(0.05, 2 * n)) / 2.0
    high = float(scipy.stats.chi2.ppf(0.95, 2 * n + 2)) / 2.0
    return 10.0 * low / metres, 10.0 * high / metres


def tables(outcomes: dict[str, Outcome], faults: dict[str, tuple[int, int]]) -> Iterator[str]:
    """Yield the lines of the tables, Markdown."""
    yield "## Clean logs"
    yield ""
    yield "| data | metres | false alarms | per 10 m (90 %) | which | no sediment, flagged |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, one in outcomes.items():
        n = sum(one.false_alarms.values())
        low, high = rate_range(n, one.metres)
        yield (
            f"| {name} | {one.metres:.1f} | {n} | {10 * n / one.metres:.2f} "
            f"({low:.2f} to {high:.2f}) | {_words(one.false_alarms)} | {_words(one.known_faults)} |"
        )
    yield ""
    yield "## Faults that could be seen"
    yield ""
    names = list(outcomes)
    yield f"| kind | {' | '.join(names)} |"
    yield f"| --- |{' --- |' * len(names)}"
    for kind in KINDS:
        cells = [_cell(one.visible[kind], with_named=True) for one in outcomes.values()]
        yield f"| {kind} | {' | '.join(cells)} |"
    for name, one in outcomes.items():
        yield ""
        sds = ", ".join(f"{prop} {sd:.3g}" for prop, sd in one.sd.items())
        yield f"## Share found by size: {name} (residual sd: {sds})"
        yield ""
        yield "| kind | size and share found |"
        yield "| --- | --- |"
        for kind, (_, sizes) in KINDS.items():
            cells = [
                f"{size:g}: {_cell(found)}"
                for size in sizes
                if (found := one.by_size[kind, size]).n
            ]
            unit = _UNITS.get(kind, "residual sd")
            if cells:
                yield f"| {kind}{f' ({unit})' if unit else ''} | {'; '.join(cells)} |"
    if faults:
        yield ""
        yield "## Faults that real logs are known to have"
        yield ""
        yield "| fault | rows | flagged |"
        yield "| --- | --- | --- |"
        for title, (n, n_flagged) in faults.items():
            yield f"| {title} | {n} | {n_flagged} |"


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())) or "none"


def _cell(found: Found, *, with_named: bool = False) -> str:
    if not found.n:
        return "-"
    low, high = share_range(found.n_found, found.n)
    words = f"{found.n_found / found.n:.2f} ({low:.2f} to {high:.2f}), n {found.n}"
    if with_named and found.n_found:
        words += f", named {found.n_named / found.n_found:.2f}"
    return words


def main() -> None:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables here")
    parser.add_argument("--real", type=Path, default=os.environ.get("DOWNCORE_REAL_DATA"))
    parser.add_argument("--only", choices=("generated", "real"), help="leave the others out")
    parser.add_argument("--quick", action="store_true", help="6 generated cores in place of 30")
    options = parser.parse_args()
    real = None if options.real is None else Path(options.real)
    sets: list[DataSet] = []
    if options.only != "real":
        sets.append(generated_set(is_quick=options.quick))
    is_real = real is not None and options.only != "generated"
    if real is not None and is_real:
        sets += real_sets(real)
    outcomes = {data.name: measure(data) for data in sets}
    faults = known_real_faults(real) if real is not None and is_real else {}
    text = "\n".join(tables(outcomes, faults)) + "\n"
    print(text)
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    metrics = {}
    for name, one in outcomes.items():
        key = name.replace(" ", "_").lower()
        metrics[f"{key}_false_alarms_per_10_m"] = 10 * sum(one.false_alarms.values()) / one.metres
        for kind, found in one.visible.items():
            if found.n:
                metrics[f"{key}_{kind.replace(' ', '_')}_found"] = found.n_found / found.n
    report("second opinion", metrics, options.json)


if __name__ == "__main__":
    main()
