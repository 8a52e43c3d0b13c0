"""Which cores, or sections, of a release are trained, validated and tested on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from downcore.strata.errors import SettingsError
from downcore_training.datasets.matched_core import MatchedCore

_MIN_SITES = 3
_MIN_PARTS = 3
"""Fewest cores of one site, or sections, of which each set gets one."""


@dataclass(frozen=True, slots=True)
class ReleaseSplit:
    """Which cores of a release are trained, validated and tested on; a site is in one set only."""

    validation: tuple[str, ...] = ()
    """Names of cores; empty to let the share and the names decide."""
    test: tuple[str, ...] = ()
    """Likewise."""
    validation_share: float = 0.15
    """Share of the sites, at least one."""
    test_share: float = 0.15
    tiles_per_slice: int = 3
    """Tiles kept of each slice, evenly spread over those side by side."""


@dataclass(frozen=True, slots=True)
class SplitNames:
    """Names of the cores in each set."""

    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SplitParts:
    """What is split, and where each part goes."""

    parts: tuple[MatchedCore, ...]
    """Whole cores, or sections as cores of their own."""
    names: SplitNames
    sentence: str
    """What the test figures stand for, where it is less than cores of other sites; else ""."""


def parts_of(cores: Sequence[MatchedCore], split: ReleaseSplit) -> SplitParts:
    """
    Return the parts of a release and the set of each: by site where there are enough.

    With three sites or more, or cores named in ``split``, :func:`split_of` decides. With two, the
    first is tested on, and of the other sections validate. With one, cores are in different sets if
    there are three, else sections. The sentence says so: neighbours in depth are alike, so that
    such figures flatter.

    Raises
    ------
    SettingsError
        If there are too few sections with labels, or as :func:`split_of`.
    """
    sites = _ordered_sites(cores)
    if len(sites) >= _MIN_SITES or split.test or split.validation:
        return SplitParts(tuple(cores), split_of(cores, split), "")
    if len(sites) > 1:
        return _of_two_sites(cores, sites[0], split)
    if len(cores) >= _MIN_PARTS:
        what = "cores of one site"
        names = _dealt([core.name for core in cores], split, what)
        return SplitParts(tuple(cores), names, _sentence(len(cores), what, cores))
    sections = [part for core in cores for part in _sections_of(core)]
    what = "sections of one core" if len(cores) == 1 else f"sections of {len(cores)} cores"
    names = _dealt([part.name for part in sections], split, what)
    return SplitParts(tuple(sections), names, _sentence(len(sections), what, cores))


def split_of(cores: Sequence[MatchedCore], split: ReleaseSplit) -> SplitNames:
    """
    Return which core is in which set; cores of one site are in the same.

    Sites are put in the order of a digest of their names. The first are tested on, the next
    validate, the rest train; where cores are named, they and their sites' other cores are taken.

    Raises
    ------
    SettingsError
        If there are fewer than three sites, or a named core is absent.
    """
    site_of = {_plain(core.name): core.site for core in cores}
    sites = _ordered_sites(cores)
    if len(sites) < _MIN_SITES:
        raise SettingsError(
            f"expected cores of at least {_MIN_SITES} sites with labels, so that no site is in "
            f"two sets, got {len(sites)}: {', '.join(sites) or 'none'}"
        )
    test = _sites_named(split.test, site_of)
    validation = _sites_named(split.validation, site_of)
    left = [site for site in sites if site not in test | validation]
    if not split.test:
        count = max(1, round(split.test_share * len(sites)))
        test, left = set(left[:count]), left[count:]
    if not split.validation:
        count = max(1, round(split.validation_share * len(sites)))
        validation, left = set(left[:count]), left[count:]
    if test & validation:
        raise SettingsError(
            f"expected test and validation cores of different sites, got both of "
            f"{', '.join(sorted(test & validation))}"
        )

    def of(chosen: set[str]) -> tuple[str, ...]:
        return tuple(core.name for core in cores if core.site in chosen)

    return SplitNames(of(set(left)), of(validation), of(test))


def _ordered_sites(cores: Sequence[MatchedCore]) -> list[str]:
    """Return the sites in the order of a digest of their names."""
    sites = {core.site for core in cores}
    return sorted(sites, key=lambda site: hashlib.sha256(site.encode()).digest())


def _of_two_sites(cores: Sequence[MatchedCore], test_site: str, split: ReleaseSplit) -> SplitParts:
    tested = [core for core in cores if core.site == test_site]
    sections = [part for core in cores if core.site != test_site for part in _sections_of(core)]
    if len(sections) < _MIN_PARTS - 1:
        raise SettingsError(
            f"expected two sections with labels or more of the site that is not {test_site}, got "
            f"{len(sections)}: one trains and one validates"
        )
    count = max(1, round(split.validation_share * len(sections)))
    chosen = _spread([part.name for part in sections], count)
    names = SplitNames(
        tuple(part.name for part in sections if part.name not in chosen),
        tuple(chosen),
        tuple(core.name for core in tested),
    )
    sentence = (
        f"two sites: {test_site} is tested on; of the other's {len(sections)} sections {count} "
        "validate, so that intervals are those of sections of a core that was learned from"
    )
    return SplitParts((*sections, *tested), names, sentence)


def _dealt(names: Sequence[str], split: ReleaseSplit, what: str) -> SplitNames:
    """Return the sets of parts of one site, each set spread over all of them in their order."""
    if len(names) < _MIN_PARTS:
        raise SettingsError(
            f"expected at least {_MIN_PARTS} {what} with labels, one for each of training, "
            f"validation and test, got {len(names)}: {', '.join(names) or 'none'}"
        )
    test = _spread(names, max(1, round(split.test_share * len(names))))
    left = [name for name in names if name not in test]
    validation = _spread(left, max(1, round(split.validation_share * len(names))))
    return SplitNames(
        tuple(name for name in left if name not in validation), tuple(validation), tuple(test)
    )


def _spread(names: Sequence[str], count: int) -> list[str]:
    """Return ``count`` names, the middles of as many equal stretches."""
    return [names[int((i + 0.5) * len(names) / count)] for i in range(count)]


def _sentence(count: int, what: str, cores: Sequence[MatchedCore]) -> str:
    return (
        f"one site, {cores[0].site}: split into {count} {what}; neighbours in depth are alike, so "
        "that other sites will be read worse than the test set"
    )


def _sections_of(core: MatchedCore) -> list[MatchedCore]:
    """Return the sections of a core that have labels, each as a core of its own."""
    found: list[MatchedCore] = []
    for i, (section, place) in enumerate(zip(core.sections, core.placed, strict=True)):
        mine = core.section == i
        if not np.isfinite(core.labels[mine]).any():
            continue
        found.append(
            replace(
                core,
                name=f"{core.name} section {section.number}",
                sections=(section,),
                section=np.zeros(int(mine.sum()), np.int64),
                slice_index=core.slice_index[mine],
                depth_cm=core.depth_cm[mine],
                run=core.run[mine],
                labels=core.labels[mine],
                # A core's warnings are given once, with its first section.
                warnings=() if found else core.warnings,
                placed=(place,),
            )
        )
    return found


def _sites_named(names: tuple[str, ...], site_of: dict[str, str]) -> set[str]:
    absent = [name for name in names if _plain(name) not in site_of]
    if absent:
        raise SettingsError(f"expected cores of the release, got {', '.join(absent)}")
    return {site_of[_plain(name)] for name in names}


def _plain(name: str) -> str:
    return name.upper().replace("_", "-")
