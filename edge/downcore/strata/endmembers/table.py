"""End-member tables: the members that a core is taken to be made of, checked as a whole."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from downcore.strata.endmembers.member import PoreWater, Solid
from downcore.strata.errors import EndMemberError

_T = TypeVar("_T")

FEWEST_MEMBERS = 2
"""A single member leaves nothing to unmix."""

MAX_MEMBERS = 32
"""More than any observation of a core could tell apart."""

MIN_GRAIN_PER_WATER = 1.1
"""Times the density of pore water that the densest member has at least."""


class VpRule(enum.StrEnum):
    """How sound passes a mixture."""

    WOOD = "wood"
    """A suspension: soft sediment."""
    WYLLIE = "wyllie"
    """Times of travel add up: consolidated rock."""
    HILL = "hill"
    """The mean of the stiffest and the softest arrangement: rock of low porosity."""


@dataclass(frozen=True, slots=True)
class EndMemberTable:
    """The members of one kind of core."""

    name: str
    title: str
    """For people: which cores it is meant for."""
    pore_water: PoreWater
    members: tuple[Solid, ...]
    vp_rule: VpRule = VpRule.WOOD

    def __post_init__(self) -> None:
        _check_members([m.mineral for m in self.members], self.name)
        for one, other in _pairs(self.members):
            if one.fingerprint == other.fingerprint:
                raise EndMemberError(
                    f"table {self.name}: {one.mineral} and {other.mineral} have the same numbers, "
                    "so nothing can tell them apart: join them, or give what differs"
                )
        if all(m.colour is None for m in self.members):
            raise EndMemberError(
                f"table {self.name}: expected a colour for one member or more, got none"
            )
        for name, again in _pairs(self.groups):
            if _plain(name) == _plain(again):
                raise EndMemberError(
                    f"table {self.name}: expected one spelling of a group, got {name!r} and "
                    f"{again!r}"
                )
        lightest = MIN_GRAIN_PER_WATER * self.pore_water.density.value
        grains = max(m.density.value for m in self.members)
        if grains < lightest:
            raise EndMemberError(
                f"table {self.name}: expected a member denser than {lightest:.3g} g/cm3, got at "
                f"most {grains:.3g}: nothing could be told from pore water"
            )
        if all(m.is_artefact for m in self.members):
            raise EndMemberError(
                f"table {self.name}: expected a member that is part of the core, got artefacts only"
            )
        if len(self.groups) < FEWEST_MEMBERS:
            raise EndMemberError(
                f"table {self.name}: expected 2 groups or more, got only {self.groups[0]!r}"
            )

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups that composition is reported by, in order of their first member."""
        return tuple(dict.fromkeys(m.group for m in self.members))


def _check_members(listed: Sequence[str], table: str) -> None:
    if not FEWEST_MEMBERS <= len(listed) <= MAX_MEMBERS:
        raise EndMemberError(
            f"table {table}: expected {FEWEST_MEMBERS} to {MAX_MEMBERS} members, got {len(listed)}"
        )
    for one, other in _pairs(listed):
        if _plain(one) == _plain(other):
            twice = f"{one!r} twice" if one == other else f"{one!r} and {other!r}"
            raise EndMemberError(f"table {table}: expected each member once, got {twice}")


def _plain(name: str) -> str:
    """Return a name as people compare names."""
    return " ".join(name.split()).casefold()


def _pairs(items: Sequence[_T]) -> Iterator[tuple[_T, _T]]:
    for i, one in enumerate(items):
        for other in items[:i]:
            yield other, one
