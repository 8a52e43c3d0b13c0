"""Where the sections of a core lie, as JSON; pure."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from downcore.strata.core_depths import CoreDepths, PlacedSection, core_depths
from downcore.strata.depth_ledger import Said, Version, core_said

SCHEMA = "urn:downcore:schema:depths:1"


def depths_messages(
    versions: Sequence[Version], epoch: int, *, after: int = 0
) -> Iterator[tuple[str, bytes]]:
    """
    Yield the name and the message of each core of the depth ledger.

    Parameters
    ----------
    versions : sequence of Version
        All of the ledger, the oldest first.
    epoch : int
        Of the store.
    after : int, optional
        Only cores of which a version with a higher number says something; all by default.
    """
    named = [(entry.core, one.number) for one in versions for entry in one.draft.entries]
    for core in sorted({core for core, number in named if number > after}):
        newest = max(number for other, number in named if other == core)
        depths = core_depths(core_said(core, versions))
        yield str(core), _message(depths, versions, newest, epoch)


def _message(depths: CoreDepths, versions: Sequence[Version], newest: int, epoch: int) -> bytes:
    said = _all_said(depths)
    used = {one.version.number for one in said} | {newest}
    return json.dumps(
        {
            "schema": SCHEMA,
            "epoch": epoch,
            "version": newest,
            "expedition": depths.core.expedition,
            "core": depths.core.core,
            "core_top_um": depths.top_um,
            "composite_shift_um": depths.shift_um,
            "sections": [_section(one) for one in depths.sections],
            "notes": list(depths.notes),
            "sources": [
                {
                    "version": one.number,
                    "source": one.draft.source.value,
                    "file": one.draft.file_name,
                    "made_by": one.draft.made_by,
                    "made_utc": one.made_utc,
                    "why": one.draft.why,
                }
                for one in versions
                if one.number in used
            ],
        },
        allow_nan=False,
        separators=(",", ":"),
    ).encode()


def _section(placed: PlacedSection) -> dict[str, Any]:
    said = placed.said
    return {
        "section": placed.section,
        "top_um": placed.top_um,
        "curated_length_um": _value(said.curated_length),
        "expanded_length_um": _value(said.expanded_length),
        "gap_above_um": _value(said.gap_above),
        "overlap_above_um": placed.overlap_um,
    }


def _all_said(depths: CoreDepths) -> list[Said]:
    core = depths.said
    found = [core.top, core.shift]
    for one in depths.sections:
        said = one.said
        found += [said.top, said.gap_above, said.curated_length, said.expanded_length]
    return [one for one in found if one is not None]


def _value(said: Said | None) -> int | None:
    return None if said is None else said.value_um
