"""From the text of an end-member table to its value, with the place of whatever is wrong."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from downcore.strata.colour import linear_of_lab
from downcore.strata.endmembers.member import PoreWater, Solid
from downcore.strata.endmembers.quantity import Colour, Quantity
from downcore.strata.endmembers.table import EndMemberTable, VpRule
from downcore.strata.errors import EndMemberError
from downcore.strata.fields import nearest
from downcore.strata.input_text import shown

MAX_CHARACTERS = 200_000
"""Longest file that is read."""

DEFAULT_SHARE_SD = {
    "density_g_per_cm3": 0.01,
    "ms_1e5_si": 0.1,
    "vp_m_per_s": 0.05,
    "bulk_gpa": 0.05,
    "shear_gpa": 0.05,
}
"""Standard deviation, as a share, of a number given without one; as assumed."""

MAX_LAB_SD = 50.0
"""Standard deviation of L*, a* or b* above which it is no colour."""

_MIN_MS_SD = 0.1
"""1e-5 SI: no susceptibility of a mineral is known better."""

_TOP = {"kind", "name", "title", "vp_rule", "sources", "pore_water", "member"}
_MEMBER = {"mineral", "group", "is_artefact", "lab", "linear_rgb", *DEFAULT_SHARE_SD}
_WATER = {"density_g_per_cm3", "vp_m_per_s", "ms_1e5_si"}
_NUMBER = {"value", "sd", "low", "high", "source"}
_COLOUR = {"value", "sd", "source"}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in which file a thing stands, for messages."""

    path: str
    sources: Mapping[str, str]

    def inside(self, name: str) -> "_Place":
        return _Place(f"{self.path}, {name}", self.sources)

    def refuse(self, message: str) -> EndMemberError:
        return EndMemberError(f"{self.path}: {message}")


def parse_table(text: str, name: str) -> EndMemberTable:
    """
    Return the table that a TOML text describes.

    Parameters
    ----------
    text : str
        The file's content.
    name : str
        What messages call it.

    Raises
    ------
    EndMemberError
        If anything in it is missing, unknown, not finite, out of range or there twice.
    """
    if len(text) > MAX_CHARACTERS:
        raise EndMemberError(f"{name}: expected at most {MAX_CHARACTERS} characters")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EndMemberError(f"{name}: expected TOML, got: {error}") from error
    except (ValueError, RecursionError) as error:
        raise EndMemberError(
            f"{name}: expected TOML, got a number of thousands of digits, or brackets nested too "
            "deep; mend the table"
        ) from error
    place = _Place(name, {})
    kind = _text(content, "kind", place)
    if kind != "physical":
        raise place.refuse(f'expected kind "physical", got {shown(kind)}')
    try:
        return _physical(content, place)
    except EndMemberError as error:
        # The values check themselves and know no file.
        if str(error).startswith(name):
            raise
        raise EndMemberError(f"{name}: {error}") from error


def _physical(content: dict[str, Any], place: _Place) -> EndMemberTable:
    _only(content, _TOP, place)
    sources = content.get("sources")
    if not isinstance(sources, dict) or not all(
        isinstance(s, str) and s.strip() for s in sources.values()
    ):
        raise place.refuse("expected a table [sources] of texts, each a place where numbers stand")
    place = _Place(place.path, sources)
    water, at_water = _table(content, "pore_water", place), place.inside("[pore_water]")
    _only(water, _WATER, at_water)
    rule = _text(content, "vp_rule", place) if "vp_rule" in content else VpRule.WOOD.value
    if rule not in {one.value for one in VpRule}:
        known = ", ".join(one.value for one in VpRule)
        raise place.refuse(f"expected vp_rule to be one of {known}, got {shown(rule)}")
    return EndMemberTable(
        name=_text(content, "name", place),
        title=_text(content, "title", place),
        pore_water=PoreWater(
            density=_needed(water, "density_g_per_cm3", at_water),
            vp=_needed(water, "vp_m_per_s", at_water),
            ms=_needed(water, "ms_1e5_si", at_water),
        ),
        members=tuple(_solid(one, place) for one in _members(content, place)),
        vp_rule=VpRule(rule),
    )


def _solid(one: dict[str, Any], place: _Place) -> Solid:
    mineral = _text(one, "mineral", place)
    inside = place.inside(mineral)
    _only(one, _MEMBER, inside)
    is_artefact = one.get("is_artefact", False)
    if not isinstance(is_artefact, bool):
        raise inside.refuse(f"expected is_artefact to be true or false, got {shown(is_artefact)}")
    return Solid(
        mineral=mineral,
        group=_text(one, "group", inside),
        density=_needed(one, "density_g_per_cm3", inside),
        ms=_quantity(one, "ms_1e5_si", inside),
        vp=_quantity(one, "vp_m_per_s", inside),
        bulk_gpa=_quantity(one, "bulk_gpa", inside),
        shear_gpa=_quantity(one, "shear_gpa", inside),
        colour=_colour(one, inside),
        is_artefact=is_artefact,
    )


def _needed(table: Mapping[str, Any], key: str, place: _Place) -> Quantity:
    found = _quantity(table, key, place)
    if found is None:
        raise place.refuse(f"expected {key}, got none")
    return found


def _quantity(table: Mapping[str, Any], key: str, place: _Place) -> Quantity | None:
    if key not in table:
        return None
    given, inside = _table(table, key, place), place.inside(key)
    _only(given, _NUMBER, inside)
    source = _source(given, inside)
    if "value" in given and not {"low", "high"} & given.keys():
        value = _number(given["value"], "value", inside)
        least = _MIN_MS_SD if key == "ms_1e5_si" else 0.0
        share = max(DEFAULT_SHARE_SD[key] * abs(value), least)
        sd = _number(given["sd"], "sd", inside) if "sd" in given else share
    elif {"low", "high"} <= given.keys() and not {"value", "sd"} & given.keys():
        low, high = (_number(given[end], end, inside) for end in ("low", "high"))
        if not low < high:
            raise inside.refuse(f"expected low below high, got {low:g} and {high:g}")
        # As if every number of the range were as likely.
        value, sd = (low + high) / 2.0, (high - low) / math.sqrt(12.0)
    else:
        got = ", ".join(sorted(given.keys() - {"source"})) or "nothing"
        raise inside.refuse(f"expected a value, with or without sd, or low and high, got {got}")
    if key != "ms_1e5_si" and value <= 0.0:
        raise inside.refuse(f"expected a number above 0, got {value:g}")
    try:
        return Quantity(value, sd, source)
    except EndMemberError as error:
        raise inside.refuse(str(error)) from error


def _colour(member: Mapping[str, Any], place: _Place) -> Colour | None:
    named = [key for key in ("lab", "linear_rgb") if key in member]
    if len(named) > 1:
        raise place.refuse("expected lab or linear_rgb, got both")
    if not named:
        return None
    key = named[0]
    given, inside = _table(member, key, place), place.inside(key)
    _only(given, _COLOUR, inside)
    source = _source(given, inside)
    value, sd = (_three(given, part, inside) for part in ("value", "sd"))
    if key == "lab":
        # Its sign would be lost where channels are worked out from it.
        if not all(0.0 < x <= MAX_LAB_SD for x in sd):
            raise inside.refuse(
                f"expected an sd above 0 and up to {MAX_LAB_SD:g} for L*, a* and b*, got {sd}"
            )
        linear, share = _linear_of_lab(value, sd)
    else:
        linear = value
        ratios = [s / v if v > 0.0 else math.nan for s, v in zip(sd, value, strict=True)]
        share = (ratios[0], ratios[1], ratios[2])
    try:
        return Colour(linear, share, source)
    except EndMemberError as error:
        raise inside.refuse(str(error)) from error


def _linear_of_lab(
    value: tuple[float, float, float], sd: tuple[float, float, float]
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return linear R, G, B and their standard deviations as shares, L*, a* and b* apart."""
    steps = np.vstack([np.zeros(3), np.diag(sd)])
    light = linear_of_lab((np.array(value) + steps).astype(np.float32)).astype(np.float64)
    middle = light[0]
    share = np.sqrt(((light[1:] - middle) ** 2).sum(axis=0)) / np.maximum(middle, 1e-9)
    r, g, b = (float(x) for x in middle)
    return (r, g, b), (float(share[0]), float(share[1]), float(share[2]))


def _three(given: Mapping[str, Any], key: str, place: _Place) -> tuple[float, float, float]:
    found = given.get(key)
    if not isinstance(found, list) or len(found) != 3:  # noqa: PLR2004 - a colour
        raise place.refuse(f"expected three numbers as {key}, got {shown(found)}")
    one, two, three = (_number(x, key, place) for x in found)
    return one, two, three


def _source(given: Mapping[str, Any], place: _Place) -> str:
    key = given.get("source")
    if not isinstance(key, str) or not key.strip():
        raise place.refuse("expected a source: the name of an entry in [sources]")
    if key not in place.sources:
        raise place.refuse(
            f"expected a source that stands in [sources], got {shown(key)}"
            f"{nearest(key, place.sources)}"
        )
    return place.sources[key]


def _members(content: Mapping[str, Any], place: _Place) -> list[dict[str, Any]]:
    found = content.get("member")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise place.refuse("expected [[member]] entries, got none")
    return found


def _table(content: Mapping[str, Any], key: str, place: _Place) -> dict[str, Any]:
    found = content.get(key)
    if not isinstance(found, dict):
        raise place.refuse(f"expected a table {key}, got {shown(found)}")
    return found


def _text(content: Mapping[str, Any], key: str, place: _Place) -> str:
    found = content.get(key)
    if not isinstance(found, str) or not found.strip():
        raise place.refuse(f"expected a text as {key}, got {shown(found)}")
    return found


def _number(found: object, key: str, place: _Place) -> float:
    # A bool is an int to Python, and nobody means one here.
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < math.inf:
        raise place.refuse(f"expected a finite number as {key}, got {shown(found)}")
    try:
        return float(found)
    except OverflowError:
        raise place.refuse(f"expected a number as {key}, got one of too many digits") from None


def _only(content: Mapping[str, Any], known: set[str], place: _Place) -> None:
    for key in content:
        if key not in known:
            raise place.refuse(
                f"unknown key {shown(key)}{nearest(key, known)}; known: {', '.join(sorted(known))}"
            )
