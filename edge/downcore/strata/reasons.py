"""Reasons said once with how often they hold, instead of once for each thing they hold for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NUMBER = re.compile(r"\d+([.,]\d+)*")


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """Things to which the same thing happened, but for numbers."""

    reason: str
    """That of the first."""
    n: int
    subjects: tuple[str, ...]
    """What they are called, in the order in which they came."""


def shape_of(reason: str) -> str:
    """Return a reason with its numbers taken out, so that it is equal to others of its kind."""
    return _NUMBER.sub("#", reason)


def grouped(reasons: Iterable[tuple[str, str]]) -> list[ReasonGroup]:
    """
    Return pairs of a subject and its reason in groups, the largest first.

    Reasons that differ in numbers alone are one group.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for subject, reason in reasons:
        groups.setdefault(shape_of(reason), []).append((subject, reason))
    found = [
        ReasonGroup(pairs[0][1], len(pairs), tuple(subject for subject, _ in pairs))
        for pairs in groups.values()
    ]
    return sorted(found, key=lambda group: -group.n)


def without_path(reason: str, path: str) -> str:
    """
    Return a reason without the file it is about, which is named beside it.

    Reasons that name their own file would make a kind each.
    """
    return reason.replace(f": {path};", ";").replace(f": {path}", "").replace(f"{path}: ", "")


def such_as(subjects: tuple[str, ...], n_named: int = 3) -> str:
    """Return the first of some names, and how many more there are."""
    named = ", ".join(subjects[:n_named])
    n_more = len(subjects) - n_named
    return f"{named} and {n_more} more" if n_more > 0 else named
