"""
A log from a few measured rows: the line through them, the picture's prediction, and the profile.

``python benchmarks/measured_rows.py [--real DIR] [--cores N] [--markdown FILE] [--json FILE]``

Rows are spread evenly over each section, or over each core; trees predict every section without
having seen it (or its core). Centimetres within 1 cm of a row are left out. Ranges are of 300 draws
of the sections. Generated cores say so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mask_iou import real_folder
from numpy.typing import NDArray
from paired_logs import LoggedSection, generated_sections, paired, real_sections
from reporting import arguments, report

from downcore.strata.measured_profile import HALF_WIDTH_SDS, MeasuredProfile, PropertyRows
from downcore.strata.properties import Property, property_named
from downcore.strata.second_opinion.logs import PropertyLog, SectionLogs

Values = NDArray[np.float64]

COUNTS = (3, 5, 10, 20, 40)
STEPS_CM = (5, 10, 15, 30)
FEWEST = 5
"""Centimetres that are left to be judged, below which a section is passed over."""
DRAWS = 300


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What three ways say of the centimetres of one section that are no measured rows."""

    truth: Values
    line: Values
    network: Values
    profile: Values
    inside: NDArray[np.bool_]
    inside_network: NDArray[np.bool_]


Choose = Callable[[NDArray[np.int64]], NDArray[np.int64]]
"""Returns which of some logged centimetres, in order of depth, are measured rows."""


def spread(count: int) -> Choose:
    """Return the choice of ``count`` rows, the first and last among them inside the section."""

    def chosen(known: NDArray[np.int64]) -> NDArray[np.int64]:
        wished = known[0] + (np.arange(count) + 0.5) / count * (known[-1] - known[0])
        return np.unique(known[np.abs(known[:, None] - wished).argmin(axis=0)])

    return chosen


def every(step_cm: int) -> Choose:
    """Return the choice of a row every so many centimetres."""

    def chosen(known: NDArray[np.int64]) -> NDArray[np.int64]:
        wished = np.arange(known[0] + step_cm / 2, known[-1], step_cm)
        return np.unique(known[np.abs(known[:, None] - wished).argmin(axis=0)])

    return chosen


def asked(prop: Property, log: PropertyLog, rows: NDArray[np.int64]) -> Asked | None:
    """Return what is said of a section with measured rows at some centimetres."""
    known = np.flatnonzero(np.isfinite(log.measured) & np.isfinite(log.predicted))
    left = known[[np.abs(rows - i).min() > 1 for i in known]] if rows.size else known
    if left.size < FEWEST or not rows.size:
        return None
    sd = float(np.nanmedian(log.sd))
    profile = MeasuredProfile(
        prop, PropertyRows(rows + 0.5, log.measured[rows]), log.predicted[rows], sd
    )
    half = HALF_WIDTH_SDS * sd
    found = [profile.at(i + 0.5, float(log.predicted[i]), half) for i in left]
    value = np.array([np.nan if one is None else one.value for one in found])
    width = np.array([np.nan if one is None else one.half_width for one in found])
    truth, network = log.measured[left], log.predicted[left]
    return Asked(
        truth,
        np.interp(left, rows, log.measured[rows]),
        network,
        value,
        np.abs(truth - value) <= width,
        np.abs(truth - network) <= half,
    )


def r2(parts: Sequence[Asked], way: str) -> float:
    """Return R2 of a way over the centimetres of all parts."""
    truth = np.concatenate([one.truth for one in parts])
    said = np.concatenate([getattr(one, way) for one in parts])
    return 1.0 - float(((said - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def figures(parts: Sequence[Asked]) -> dict[str, float]:
    """Return R2 of each way, its range over draws of the parts, coverage and root mean square."""
    found = {way: r2(parts, way) for way in ("line", "network", "profile")}
    random = np.random.default_rng(1)
    drawn = [
        r2([parts[i] for i in random.integers(0, len(parts), len(parts))], "profile")
        for _ in range(DRAWS)
    ]
    found["low"], found["high"] = (float(q) for q in np.quantile(drawn, [0.05, 0.95]))
    found["covered"] = float(np.concatenate([one.inside for one in parts]).mean())
    found["covered network"] = float(np.concatenate([one.inside_network for one in parts]).mean())
    error = np.concatenate([one.profile - one.truth for one in parts])
    found["rms"] = float(np.sqrt((error**2).mean()))
    found["n"] = float(error.size)
    return found


def of_sections(
    sections: Sequence[LoggedSection], folds: Sequence[str], choose: Choose, *, by_core: bool
) -> dict[str, list[Asked]]:
    """Return what is said of all sections, by property; rows are chosen in each or along a core."""
    return of_logs(sections, paired(sections, folds), choose, by_core=by_core)


def of_logs(
    sections: Sequence[LoggedSection],
    logs: Sequence[SectionLogs],
    choose: Choose,
    *,
    by_core: bool,
) -> dict[str, list[Asked]]:
    """Return the same from both logs of each section."""
    found: dict[str, list[Asked]] = {}
    for name in ("density", "vp", "ms"):
        chosen: dict[int, NDArray[np.int64]] = {}
        groups = sorted({one.core for one in sections}) if by_core else [""]
        mine = [
            next((log for log in one.logs if log.property == name and _is_own(log)), None)
            for one in logs
        ]
        for core in groups:
            if not by_core:
                break
            numbers = [i for i, one in enumerate(sections) if one.core == core and mine[i]]
            _choose_along(numbers, mine, choose, chosen)
        for i, log in enumerate(mine):
            if log is None:
                continue
            known = np.flatnonzero(np.isfinite(log.measured) & np.isfinite(log.predicted))
            if known.size <= FEWEST:
                continue
            rows = chosen.get(i, np.zeros(0, np.int64)) if by_core else choose(known)
            part = asked(property_named(name), log, rows)
            if part is not None:
                found.setdefault(name, []).append(part)
    return found


def _is_own(log: PropertyLog) -> bool:
    return bool(np.isfinite(log.predicted).any())


def _choose_along(
    numbers: Sequence[int],
    logs: Sequence[PropertyLog | None],
    choose: Choose,
    chosen: dict[int, NDArray[np.int64]],
) -> None:
    """Choose rows along a whole core, its sections one below the other."""
    first, places = 0, []
    for i in numbers:
        log = logs[i]
        if log is None:
            continue
        known = np.flatnonzero(np.isfinite(log.measured) & np.isfinite(log.predicted))
        places += [(first + k, i, k) for k in known.tolist()]
        first += len(log.measured)
    if len(places) <= FEWEST:
        return
    picked = set(choose(np.array([place for place, _, _ in places])).tolist())
    for place, i, k in places:
        if place in picked:
            chosen[i] = np.append(chosen.get(i, np.zeros(0, np.int64)), k)


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Sections of one site, and how they are held out."""

    name: str
    sections: Sequence[LoggedSection]
    by_core: bool
    properties: tuple[str, ...]


def sites(real: Path | None, n_cores: int) -> list[Site]:
    """Return what is judged: real sites where they are there, and generated cores."""
    found = []
    if real is not None:
        known = real_sections(real)
        for name in ("ODP 887A", "M9907"):
            # The velocities of M9907 call themselves uncalibrated.
            found += [
                Site(name, known[name], by_core=by_core, properties=("density", "ms"))
                for by_core in (False, True)
            ]
    generated = generated_sections(9000, n_cores, 2)
    every_property = ("density", "vp", "ms")
    found.append(
        Site("generated cores (synthetic)", generated, by_core=True, properties=every_property)
    )
    return found


def line_of(site: Site, choice: str, prop: str, found: dict[str, float]) -> str:
    """Return a line of the table."""
    held_out = "core" if site.by_core else "section"
    cells = [
        site.name, held_out, prop, choice,
        *(f"{found[way]:.2f}" for way in ("line", "network")),
        f"**{found['profile']:.2f}** ({found['low']:.2f} to {found['high']:.2f})",
        f"{found['profile'] - max(found['line'], found['network']):+.3f}",
        f"{100 * found['covered']:.0f} %", f"{100 * found['covered network']:.0f} %",
        f"{found['rms']:.3g}", f"{found['n']:.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


HEADINGS = (
    "cores", "held out by", "property", "rows", "line, R2", "picture, R2", "profile, R2",
    "over the better", "inside 90 %", "picture inside", "rms error", "cm judged",
)  # fmt: skip


def main() -> None:
    """Judge every site with every count of rows and every step."""
    parser = arguments("measured rows: the line, the picture and the profile")
    parser.add_argument("--real", type=Path, help="folder of the real cores")
    parser.add_argument("--cores", type=int, default=10, help="generated cores")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    options = parser.parse_args()
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    metrics: dict[str, float] = {}
    choices = [(f"{n}", spread(n)) for n in COUNTS] + [
        (f"every {cm} cm", every(cm)) for cm in STEPS_CM
    ]
    for site in sites(options.real or real_folder(), options.cores):
        folds = [one.core if site.by_core else one.name for one in site.sections]
        logs = paired(site.sections, folds)
        along = site.by_core and "generated" not in site.name
        for choice, choose in choices:
            answers = of_logs(site.sections, logs, choose, by_core=along)
            for prop in site.properties:
                if prop not in answers:
                    continue
                found = figures(answers[prop])
                where = f"{choice} a {'core' if along else 'section'}"
                lines.append(line_of(site, where if choice.isdigit() else choice, prop, found))
                key = f"{site.name}, {'core' if site.by_core else 'section'}, {prop}, {choice}"
                metrics |= {f"{key}, {name}": value for name, value in found.items()}
    text = "\n".join(lines) + "\n"
    print(text)
    if options.markdown is not None:
        options.markdown.write_text(text, encoding="utf-8")
    report("measured rows", metrics, options.json)


if __name__ == "__main__":
    main()
