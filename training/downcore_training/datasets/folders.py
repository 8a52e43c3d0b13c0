"""The cores of a folder, labelled by its slice tables or by a release's logs."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from downcore_training.datasets.matched_core import MatchedCore
from downcore_training.datasets.matching import match
from downcore_training.datasets.matching_rules import MatchingRules, load_rules
from downcore_training.datasets.proposed_rules import UnmatchedFolderError, proposed_rules
from downcore_training.datasets.release import Release, find_release
from downcore_training.datasets.slice_tables.cores import table_cores

__all__ = ["matched_cores", "release_cores"]


def matched_cores(folder: Path, rules: MatchingRules | None = None) -> Iterator[MatchedCore]:
    """
    Yield the cores of a folder that have both images and labels.

    They are those of its slice tables (``*_slices_1cm.csv``) if any has a core with images, else
    those of a release. Pixels are read only through :meth:`MatchedCore.images`, or
    :meth:`SectionImage.open` of each placed section.

    Parameters
    ----------
    folder : Path
        Tables or logs, and section images, at any depth below it, read and never written.
    rules : MatchingRules, optional
        What the files leave open; read from ``matching.toml`` in the folder unless given.

    Raises
    ------
    UnmatchedFolderError
        If there is no such core; it proposes a ``matching.toml`` where that would help.
    SettingsError
        If ``matching.toml`` cannot be used.
    """
    rules = load_rules(folder) if rules is None else rules
    found = table_cores(folder, rules)
    yield from _with_notes(found.cores, found.notes)
    if not found.cores:
        yield from release_cores(folder, rules, notes=found.notes)


def release_cores(
    folder: Path, rules: MatchingRules | None = None, *, notes: tuple[str, ...] = ()
) -> Iterator[MatchedCore]:
    """
    Yield the cores of a release, in the order of their names; no slice table is looked for.

    Parameters
    ----------
    folder, rules
        As for :func:`matched_cores`, as are the errors.
    notes : tuple of str
        Further warnings for the first core, or the reasons if there is none.
    """
    rules = load_rules(folder) if rules is None else rules
    release = find_release(folder, rules)
    if not release.cores:
        raise UnmatchedFolderError(
            _none_found(folder, release, notes), proposed_rules(folder, release)
        )
    matched = (match(core, rules) for core in release.cores)
    proposal = proposed_rules(folder, release)
    yield from _with_notes(matched, (*notes, *release.warnings, *([proposal] if proposal else [])))


def _with_notes(cores: Iterable[MatchedCore], notes: tuple[str, ...]) -> Iterator[MatchedCore]:
    """Yield the cores; warnings about the whole folder are given once, with the first."""
    for core in cores:
        yield replace(core, warnings=(*notes, *core.warnings))
        notes = ()


def _none_found(folder: Path, release: Release, notes: tuple[str, ...]) -> str:
    warnings = (*notes, *release.warnings)
    reasons = "; ".join(warnings[:5]) or "no log and no image that a format reads"
    return f"expected a core with section images and a log in {folder}, got none: {reasons}"
