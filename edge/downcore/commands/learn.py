"""``downcore learn``: the site's own bundle from what the store holds."""

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from rich.table import Table

from downcore.clock import SystemClock
from downcore.commands.log_table import print_table
from downcore.commands.process import announcer_of
from downcore.inference import find_bundle
from downcore.inference.loading import load_bundle
from downcore.learning.site_bundle import Learned, write_site_bundle
from downcore.learning.site_figures import PropertyFigures, beats_what_runs, figures_of
from downcore.learning.site_fit import cross_fit, fit_site
from downcore.learning.site_sections import (
    FEW_SECTIONS,
    MIN_SECTIONS,
    SiteSection,
    learnable,
    measured_sections,
    slices_of,
)
from downcore.learning.stored_sections import stored_sections
from downcore.service.logger_folder import LoggerFolder
from downcore.sources.inbox.leaving_out import LeaveOut
from downcore.store import Reader, Store
from downcore.store.learned_bundle import learned_folder, learned_in_use, use_learned
from downcore.strata.errors import SettingsError, TooFewSectionsError


@dataclass(frozen=True, slots=True)
class LearnedBundle:
    """What came of learning."""

    folder: Path
    why_not_better: str
    """Why it does not beat what runs now; empty where it does."""


def check_libraries() -> None:
    """
    Import what is needed before any work starts.

    Raises
    ------
    ModuleNotFoundError
        If the extra is not installed; the command line says how to.
    """
    for name in ("sklearn.ensemble", "threadpoolctl"):
        importlib.import_module(name)


def learn(db: Path, cores: Sequence[str], running_ids: Sequence[str], out: TextIO) -> LearnedBundle:
    """
    Learn the site from the store, judge it by section, print the figures and write the bundle.

    Parameters
    ----------
    db : Path
        The store; only read. The bundle is written to a folder beside it.
    cores : sequence of str
        Names or patterns of cores; empty for all.
    running_ids : sequence of str
        Bundles that answer now.
    out : TextIO
        Where the figures are written.

    Raises
    ------
    TooFewSectionsError
        If fewer than four sections were logged; says how many were.
    StoreError, BundleError
        If the store cannot be read, or the bundle does not load.
    """
    with Reader.open(db) as reader:
        sections, without, has_board = stored_sections(reader, cores, running_ids)
    logged = measured_sections(sections)
    _say_what_is_there(sections, logged, without, out)
    if len(logged) < MIN_SECTIONS:
        raise TooFewSectionsError(
            f"expected at least {MIN_SECTIONS} sections with a scan and measured values, got "
            f"{len(logged)}: nothing is learned; log more sections, then learn again"
        )
    slices = slices_of(logged)
    properties = learnable(slices)
    held_out = cross_fit(slices, properties)
    figures = figures_of(slices, held_out, properties)
    _print_figures(figures, out)
    if len(logged) < FEW_SECTIONS:
        out.write(
            f"learned from {len(logged)} sections only, which is little: the figures may be far "
            f"from those of the next section; learn again from {FEW_SECTIONS} on\n"
        )
    now = SystemClock().utc_rfc3339()
    learned = Learned(
        slices=slices,
        held_out=held_out,
        model=fit_site(slices, properties),
        figures=figures,
        names=tuple(one.name for one in logged),
        px_per_cm=(min(one.px_per_cm for one in logged), max(one.px_per_cm for one in logged)),
        needs_white_board=has_board,
        created_utc=now,
    )
    stamp = "".join(letter for letter in now if letter.isdigit())
    folder = learned_folder(db) / f"site-{stamp}"
    write_site_bundle(learned, folder)
    out.write(f"wrote {folder}\n")
    why_not = beats_what_runs(figures)
    out.write(f"{_verdict(figures, why_not)}\n")
    return LearnedBundle(folder, why_not)


def take_logs(db: Path, folder: Path) -> None:
    """
    Bring the logs of a folder into the store, as a daemon that follows it would; none is written.

    Raises
    ------
    SettingsError
        If there is no such folder.
    StoreBusyError
        If a daemon has the store open: its own `[loggers] path` is where it looks.
    StoreError
        If the store cannot be kept.
    """
    if not folder.is_dir():
        raise SettingsError(f"--logs: expected a folder of logs, got {folder}")
    clock = SystemClock()
    with Store.open(db, clock=clock, announce=announcer_of(db)) as store:
        LoggerFolder(folder, store, clock, settle_s=0.0, leave_out=LeaveOut()).look(is_last=True)


def running_with_learned(db: Path, bundles: Sequence[str]) -> list[str]:
    """
    Return the ids of the bundles that answer now, the learned one that is in use first.

    Raises
    ------
    BundleError
        If one of the settings' bundles cannot be read.
    """
    folder = learned_in_use(db)
    folders = [] if folder is None or not folder.is_dir() else [folder]
    folders += [find_bundle(name) for name in bundles]
    return [load_bundle(one).manifest.bundle_id for one in folders]


def use_if_better(db: Path, learned: LearnedBundle, out: TextIO) -> None:
    """Let the daemon answer with the bundle if it beats what runs; say what was done."""
    if learned.why_not_better:
        out.write("not used: what runs now goes on\n")
        return
    use_learned(db, learned.folder)
    out.write("used: the daemon answers with it from the next section on\n")


def _say_what_is_there(
    sections: Sequence[SiteSection],
    logged: Sequence[SiteSection],
    without: Sequence[str],
    out: TextIO,
) -> None:
    out.write(f"{len(sections)} sections scanned, {len(logged)} of them logged\n")
    if without:
        out.write(
            f"left out: {len(without)} sections whose scan was read before colour profiles were "
            f"kept, such as {without[0]}; `downcore redo` reads a scan again\n"
        )


def _print_figures(figures: Sequence[PropertyFigures], out: TextIO) -> None:
    table = Table(box=None, pad_edge=False)
    names = ("property", "R2", "mean", "line", "runs now", "RMSE", "coverage", "worst section")
    for name in (*names, "slices", "sections"):
        table.add_column(name)
    for one in figures:
        table.add_row(
            one.property,
            *(_number(x) for x in (one.r2, one.r2_mean, one.r2_line, one.r2_running)),
            f"{one.rmse:.3g}",
            _number(one.coverage),
            _number(one.worst_section_coverage),
            str(one.n_slices),
            str(one.n_sections),
        )
    print_table(table, out)
    out.write("each section judged by what the others teach; ms as log10; coverage of 90 %\n")


def _verdict(figures: Sequence[PropertyFigures], why_not: str) -> str:
    if why_not:
        return f"does not beat what runs now: {why_not}"
    alone = [one.property for one in figures if math.isnan(one.r2_running)]
    if not alone:
        return "beats what runs now"
    return (
        "beats the mean and a straight line; not compared with what runs now, which answers less "
        f"than half of the slices: {', '.join(alone)}"
    )


def _number(value: float) -> str:
    return "-" if math.isnan(value) or np.isinf(value) else f"{value:.2f}"
