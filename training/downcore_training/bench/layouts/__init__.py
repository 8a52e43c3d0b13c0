"""
Layouts of folders that the bench reads: one module each, discovered in this package.

To add one, put a module here that defines ``LAYOUT``. Modules whose name starts with an
underscore are parts of layouts.
"""

from functools import cache
from pathlib import Path

from downcore.discovery import values_in
from downcore.strata.errors import SettingsError
from downcore_training.bench.core import BenchSet
from downcore_training.bench.layouts._layout import Found, Layout

__all__ = ["Found", "Layout", "layouts", "read_folder"]


@cache
def layouts() -> tuple[Layout, ...]:
    """Return every layout of this package, in the order in which they are asked."""
    found = values_in(__name__, "LAYOUT", Layout)
    return tuple(sorted(found, key=lambda layout: (layout.rank, layout.name)))


def read_folder(folder: Path) -> BenchSet:
    """
    Return the cores of a folder, read by the first layout that knows it.

    Raises
    ------
    SettingsError
        If it is no folder, or no layout finds a core with a label in it; says what was looked for
        and what was found instead.
    """
    if not folder.is_dir():
        raise SettingsError(f"expected a folder of cores, got {folder}: there is none")
    notes: list[str] = []
    proposals: list[str] = []
    for layout in layouts():
        if not layout.knows(folder):
            continue
        found = layout.read(folder)
        cores = tuple(sorted(found.cores, key=lambda core: (core.site, core.name)))
        if cores:
            return BenchSet(folder, cores, (*notes, *found.notes))
        notes += [f"{layout.title}: {note}" for note in found.notes]
        proposals += [found.proposal] if found.proposal else []
    looked = "; ".join(layout.title for layout in layouts())
    notes_text = f" ({' '.join(notes)})" if notes else ""
    raise SettingsError(
        f"expected cores with logs in {folder}, got none{notes_text}: it reads {looked}; "
        "see docs/how-to/bench.md" + "".join(f"\n\n{text}" for text in proposals)
    )
