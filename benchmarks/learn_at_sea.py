"""
A hole played as a first one, section by section: what `downcore learn` makes of its first logs.

    python benchmarks/learn_at_sea.py FOLDER [--after 2,4,8,12] [--markdown FILE]

``FOLDER`` is laid out like those of ``downcore bench``: images, logs and slice tables. The sections
of its images are learned from in the order of their depth; each time the rest of the hole is
judged. Where there are slice tables of several holes with a colour profile (``prof_*``), the first
by name is learned from in the same way and the others are judged as well.
"""

import argparse
import csv
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from downcore.learning.site_figures import figures_of, r2
from downcore.learning.site_fit import cross_fit, fit_site, interval_of
from downcore.learning.site_sections import (
    SiteSection,
    learnable,
    measured_sections,
    slices_of,
)
from downcore.strata.errors import TooFewSectionsError
from downcore.strata.properties import PROPERTIES
from downcore.strata.window_profile import N_COLUMNS, slice_profile
from downcore_training.bench.layouts import read_folder
from downcore_training.windows.section_views import all_sections

_TABLE_COLUMNS = (
    *(f"prof_{axis}_{kind}" for kind in ("mean", "sd") for axis in "Lab"),
    "density_g_cm3",
    "mag_sus_loop_instr",
    "depth_mbsf",
)

LEAST_DENSITY = 1.05
"""Lower densities are gaps in the liner."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    n_learned: int
    judged_on: str
    property: str
    n_slices: int
    r2: float
    r2_mean: float
    r2_line: float
    mae: float
    coverage: float
    expected_r2: float
    """By section held out, from the sections that were learned: what the command printed."""
    took_s: float


def site_sections(folder: Path) -> list[SiteSection]:
    """Return the sections of a folder of images and logs, in the order of cores and depth."""
    found = []
    for part in all_sections(read_folder(folder).cores):
        profile = np.zeros((len(part), N_COLUMNS))
        weight = np.zeros(len(part))
        for i, view in enumerate(part.views):
            if view is not None:
                profile[i], weight[i] = slice_profile(view)
        found.append(
            SiteSection(
                name=part.name,
                profile=profile,
                weight=weight,
                depth_cm=part.place + 0.5,
                labels=part.labels,
                running=np.full_like(part.labels, np.nan),
                px_per_cm=part.px_per_cm,
            )
        )
    return measured_sections(found)


def table_sections(path: Path) -> list[SiteSection]:
    """
    Return the sections of a slice table by its columns ``prof_*``: L*, a*, b* and their sd.

    A hole whose images are not at hand has no more than that; the two columns of texture are 0.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    found = []
    for name in dict.fromkeys(row["section"] for row in rows):
        mine = [row for row in rows if row["section"] == name]
        numbers = np.array([[_number(row.get(key)) for key in _TABLE_COLUMNS] for row in mine])
        weight = np.isfinite(numbers[:, :6]).all(axis=1).astype(np.float64)
        profile = np.zeros((len(mine), N_COLUMNS))
        profile[:, :3] = np.nan_to_num(numbers[:, :3])
        profile[:, 3:6] = np.nan_to_num(0.5 * np.log(numbers[:, 3:6] ** 2 + 1e-3))
        labels = np.full((len(mine), 3), np.nan)
        density, ms = numbers[:, 6], numbers[:, 7]
        labels[:, 0] = np.where(density >= LEAST_DENSITY, density, np.nan)
        labels[:, 2] = np.log10(np.where(ms > 0.0, ms, np.nan))
        found.append(
            SiteSection(
                name=name,
                profile=profile,
                weight=weight,
                depth_cm=100.0 * numbers[:, 8],
                labels=labels,
                running=np.full_like(labels, np.nan),
                px_per_cm=1.0,
            )
        )
    return measured_sections(found)


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def played(
    sections: list[SiteSection], after: list[int], beside: list[SiteSection]
) -> tuple[list[Row], list[str]]:
    """Return the rows of the table, and what was refused."""
    rows, refused = [], []
    for n in after:
        began = time.perf_counter()
        learned = slices_of(sections[:n])
        try:
            properties = learnable(learned)
        except TooFewSectionsError as error:
            refused.append(f"after {n}: {error}")
            continue
        held_out = cross_fit(learned, properties)
        model = fit_site(learned, properties)
        expected = figures_of(learned, held_out, properties)
        took_s = time.perf_counter() - began
        everything = np.ones(len(learned.section), np.bool_)
        for name, others in (("rest of the hole", sections[n:]), ("next hole", beside)):
            if not others:
                continue
            asked = slices_of(others)
            value, sd, novelty = model.answers(asked.features)
            for k, place in enumerate(properties):
                label = asked.labels[:, place]
                known = np.isfinite(label)
                if not known.any():
                    continue
                interval = interval_of(learned, held_out, k, place, everything)
                width = interval.half_width(sd[:, k], novelty)
                taught = np.isfinite(learned.labels[:, place])
                line = np.polynomial.Polynomial.fit(
                    learned.depth_cm[taught], learned.labels[taught, place], 1
                )
                mean = np.full(int(known.sum()), learned.labels[taught, place].mean())
                error = np.abs(value[:, k] - label)[known]
                rows.append(
                    Row(
                        n,
                        name,
                        PROPERTIES[place].name,
                        int(known.sum()),
                        r2(label[known], value[known, k]),
                        r2(label[known], mean),
                        r2(label[known], line(asked.depth_cm[known])),
                        float(error.mean()),
                        float((error <= width[known]).mean()),
                        expected[k].r2,
                        took_s,
                    )
                )
    return rows, refused


def table(rows: list[Row], refused: list[str]) -> str:
    """Return the rows as Markdown."""
    head = (
        "| sections learned | judged on | property | slices | R2 | R2, mean | R2, line in depth"
        " | MAE | coverage of 90 % | R2 that `learn` printed | s |"
    )
    lines = [head, "|" + "---|" * 11]
    lines += [
        f"| {one.n_learned} | {one.judged_on} | {one.property} | {one.n_slices} | {one.r2:.2f} |"
        f" {one.r2_mean:.2f} | {one.r2_line:.2f} | {one.mae:.3f} | {one.coverage:.2f} |"
        f" {one.expected_r2:.2f} | {one.took_s:.0f} |"
        for one in rows
    ]
    return "\n".join([*lines, "", *(f"- Refused {said}" for said in refused)]) + "\n"


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--after", default="2,4,8,12")
    parser.add_argument("--markdown", type=Path, default=None)
    args = parser.parse_args()
    after = [int(n) for n in args.after.split(",")]
    parts = ["## By the images\n\n" + table(*played(site_sections(args.folder), after, []))]
    print(parts[0], flush=True)
    tables = sorted(args.folder.glob("*_slices_1cm.csv"))
    if len(tables) > 1:
        first, *others = (table_sections(path) for path in tables)
        beside = [one for sections in others for one in sections]
        title = "## By colour profiles alone, with another hole of the site\n\n"
        parts.append(title + table(*played(first, after, beside)))
        print(parts[1], flush=True)
    if args.markdown is not None:
        args.markdown.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
