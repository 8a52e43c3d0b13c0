"""Estimates of a section with its measured rows: what is predicted becomes one profile."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from downcore.strata.depth import SLICE_UM
from downcore.strata.depthlog import Estimate, SliceRow, Status
from downcore.strata.measured import MeasuredPoint, MeasuredRows
from downcore.strata.measured_profile import (
    HALF_WIDTH_SDS,
    REACH_CM,
    MeasuredProfile,
    ProfileValue,
    PropertyRows,
)
from downcore.strata.properties import PROPERTIES, Property, property_named

Series = tuple[str, str]
"""Bundle and property."""


@dataclass(frozen=True, slots=True)
class SectionRows:
    """The measured rows of a section, by property."""

    by_property: Mapping[str, PropertyRows]
    n_left_out: Mapping[str, int]
    """Values outside what is credible, by property."""

    @classmethod
    def of(cls, measured: MeasuredRows) -> "SectionRows":
        """Return the rows that a person gave."""
        return cls._of(
            (row.depth_um, prop, value)
            for row in measured.rows
            for prop, value in zip(PROPERTIES, row.values, strict=True)
            if value is not None
        )

    @classmethod
    def of_points(cls, points: Sequence[MeasuredPoint]) -> "SectionRows":
        """Return what loggers measured, as far as nothing speaks against it."""
        return cls._of(
            (one.depth_um, property_named(one.property), one.value)
            for one in points
            if not one.flag
        )

    @classmethod
    def _of(cls, values: Iterable[tuple[int, Property, float]]) -> "SectionRows":
        found: dict[str, list[tuple[float, float]]] = {}
        left_out: dict[str, int] = {}
        for depth_um, prop, value in values:
            if not prop.lowest <= value <= prop.highest:
                left_out[prop.name] = left_out.get(prop.name, 0) + 1
                continue
            at = (depth_um / SLICE_UM, scaled(value, prop))
            found.setdefault(prop.name, []).append(at)
        return cls(
            {
                name: PropertyRows(*np.array(sorted(rows), np.float64).T)
                for name, rows in found.items()
            },
            left_out,
        )

    @property
    def sha256(self) -> str:
        """Digest of depths and values, for the identity of a series."""
        digest = hashlib.sha256()
        for name in sorted(self.by_property):
            rows = self.by_property[name]
            digest.update(f"{name} {rows.value.size}".encode())
            digest.update(rows.depth_cm.astype("<f8").tobytes())
            digest.update(rows.value.astype("<f8").tobytes())
        return digest.hexdigest()


def scaled(value: float, prop: Property) -> float:
    """Return a value as profiles see it: log10 of ``ms``, which is above 0."""
    return math.log10(value) if prop.is_log_scaled else value


def profiles_of(
    rows: Sequence[SliceRow], measured: SectionRows, *, is_causal: bool = False
) -> dict[Series, MeasuredProfile]:
    """
    Return the profile of each bundle and property that some rows were measured of.

    Parameters
    ----------
    rows : sequence of SliceRow
        Of one section, at least down to the last measured row; what lies deeper changes nothing.
    measured : SectionRows
        Of the section.
    is_causal : bool, default False
        Whether a depth knows only the measured rows above it.
    """
    last_cm = max((float(one.depth_cm[-1]) for one in measured.by_property.values()), default=0.0)
    known: dict[Series, dict[int, Estimate]] = {}
    for row in rows:
        if row.core_slice.top_um / SLICE_UM > last_cm:
            break
        for estimate in row.estimates:
            series = known.setdefault((estimate.bundle_id, estimate.property), {})
            if estimate.status is Status.PREDICTED and estimate.value is not None:
                series[row.core_slice.index] = estimate
    return {
        (bundle_id, name): _profile(
            property_named(name), measured.by_property[name], by_slice, is_causal=is_causal
        )
        for (bundle_id, name), by_slice in known.items()
        if name in measured.by_property
    }


def profile_by_slice(
    rows: Sequence[SliceRow], points: Sequence[MeasuredPoint], *, is_causal: bool
) -> dict[tuple[int, str, str], Estimate]:
    """
    Return what measured rows change of a section's estimates, by slice, property and bundle.

    Parameters
    ----------
    rows : sequence of SliceRow
        Of the section, top first.
    points : sequence of MeasuredPoint
        What loggers measured of it.
    is_causal : bool
        Whether the section is under way, so that no depth knows the rows below it.
    """
    measured = SectionRows.of_points(points)
    if not measured.by_property:
        return {}
    profiles = profiles_of(rows, measured, is_causal=is_causal)
    found = {}
    for row in rows:
        for before, now in zip(row.estimates, with_rows(row, profiles, measured), strict=True):
            if (now.value, now.lower, now.upper) != (before.value, before.lower, before.upper):
                found[row.core_slice.index, now.property, now.bundle_id] = now
    return found


def with_rows(
    row: SliceRow, profiles: Mapping[Series, MeasuredProfile], measured: SectionRows
) -> tuple[Estimate, ...]:
    """
    Return the estimates of a slice as the profiles have them; the reason says so in each.

    A masked slice stays masked. One that has no prediction is ``filled`` within 20 cm of a row.
    """
    return tuple(
        _with_rows(row, one, profiles.get((one.bundle_id, one.property)), measured)
        for one in row.estimates
    )


def _profile(
    prop: Property, rows: PropertyRows, by_slice: Mapping[int, Estimate], *, is_causal: bool
) -> MeasuredProfile:
    predicted = [_ends(by_slice.get(int(cm)), prop)[0] for cm in rows.depth_cm]
    half = [_ends(one, prop)[1] for one in by_slice.values()]
    sd = float(np.median(half)) / HALF_WIDTH_SDS if half else math.nan
    return MeasuredProfile(prop, rows, np.array(predicted, np.float64), sd, is_causal=is_causal)


def _with_rows(
    row: SliceRow, estimate: Estimate, profile: MeasuredProfile | None, measured: SectionRows
) -> Estimate:
    if estimate.status is Status.MASKED or estimate.status is Status.MEASURED:
        return estimate
    if profile is None:
        return replace(estimate, reason=_joined(f"no measured {estimate.property}", estimate))
    prop = property_named(estimate.property)
    index = row.core_slice.index
    predicted, half = _ends(estimate, prop)
    found = profile.at(index + 0.5, predicted, half)
    if found is None or found.apart_cm >= REACH_CM:
        said = f"no measured row within {REACH_CM:g} cm"
        return replace(estimate, reason=_joined(said, estimate))
    lowest, highest = prop.lowest, prop.highest
    value, lower, upper = (
        min(max(_in_unit(found.value + k * found.half_width, prop), lowest), highest)
        for k in (0, -1, 1)
    )
    left_out = measured.n_left_out.get(prop.name, 0)
    more = f"; {left_out} outside {lowest:g} to {highest:g} left out" if left_out else ""
    is_filled = estimate.value is None
    heterogeneity = estimate.heterogeneity
    if heterogeneity is not None and prop.is_log_scaled and estimate.value:
        heterogeneity *= value / estimate.value
    return replace(
        estimate,
        value=value,
        lower=lower,
        upper=upper,
        heterogeneity=heterogeneity,
        status=Status.FILLED if is_filled else Status.PREDICTED,
        reason=_joined(_said(profile, found) + more, estimate),
    )


def _said(profile: MeasuredProfile, found: ProfileValue) -> str:
    return (
        f"with {profile.n_rows} measured rows, the nearest {found.apart_cm:.1f} cm away; "
        f"the picture counts {100 * found.picture_share:.0f} %"
    )


def _joined(said: str, estimate: Estimate) -> str:
    return "; ".join(filter(None, (said, estimate.reason)))


def _ends(estimate: Estimate | None, prop: Property) -> tuple[float, float]:
    """Return what is predicted and half of its interval, as profiles see them; NaN without."""
    if estimate is None or not estimate.value or None in (estimate.lower, estimate.upper):
        return math.nan, math.nan
    lower, upper = (scaled(float(end or 0.0), prop) for end in (estimate.lower, estimate.upper))
    return scaled(estimate.value, prop), (upper - lower) / 2.0


def _in_unit(value: float, prop: Property) -> float:
    return math.pow(10.0, min(max(value, -300.0), 300.0)) if prop.is_log_scaled else value
