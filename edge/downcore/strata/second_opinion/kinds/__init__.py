"""The kinds of fault, one module each, in the order in which a section is asked for them."""

from collections.abc import Callable
from dataclasses import dataclass

from downcore.strata.second_opinion.codes import Code
from downcore.strata.second_opinion.kinds import (
    constant_sensor,
    density_void,
    drift,
    duplicate_section,
    image_unlike,
    ms_spike,
    section_offset,
    section_order,
    unit_or_scale,
    vp_below_water,
    vp_drop_out,
)
from downcore.strata.second_opinion.review import Review


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault."""

    codes: tuple[Code, ...]
    review: Callable[[Review], None]
    """Adds what it finds, and sets aside what others must not use."""


FIRST = (
    Kind((Code.IMAGE_UNLIKE,), image_unlike.review),
    Kind((Code.VP_BELOW_WATER,), vp_below_water.review),
    Kind((Code.VP_DROP_OUT,), vp_drop_out.review_fast),
    Kind((Code.DENSITY_VOID,), density_void.review_water),
    Kind((Code.CONSTANT,), constant_sensor.review),
    Kind((Code.DUPLICATE_SECTION,), duplicate_section.review),
    Kind((Code.UNIT_OR_SCALE,), unit_or_scale.review),
    Kind((Code.SECTION_SWAPPED, Code.UPSIDE_DOWN), section_order.review),
    Kind((Code.SECTION_OFFSET,), section_offset.review),
)
"""Asked before the rows are judged one by one, since the rows would show the same in pieces."""

BY_ROW = (
    Kind((Code.VP_DROP_OUT,), vp_drop_out.review),
    Kind((Code.MS_SPIKE,), ms_spike.review),
    Kind((Code.DENSITY_VOID,), density_void.review),
    Kind((Code.DRIFT,), drift.review),
)
"""Asked after that."""

KINDS = (*FIRST, *BY_ROW)
"""All kinds."""
