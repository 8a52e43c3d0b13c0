"""A table as arrays: what each member adds to each observation, and how sure that is."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from downcore.strata.endmembers.member import Solid
from downcore.strata.endmembers.table import EndMemberTable

VP_SHARE_SD = 0.05
"""Standard deviation of a grain's stiffness and slowness, as a share, at least; as assumed."""


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """Members in the table's order; in arrays of k + 1, pore water stands first."""

    minerals: tuple[str, ...]
    groups: tuple[str, ...]
    artefacts: tuple[str, ...]
    """Groups that are no part of the core."""
    is_in_group: NDArray[np.float64]
    """1 where a member is in a group, else 0; shape (n_groups, k)."""
    density: NDArray[np.float64]
    """g/cm3, shape (k + 1,)."""
    density_sd: NDArray[np.float64]
    """g/cm3, shape (k + 1,)."""
    ms: NDArray[np.float64]
    """1e-5 SI, shape (k + 1,)."""
    ms_sd: NDArray[np.float64]
    """1e-5 SI, shape (k + 1,)."""
    stiffness_gpa: NDArray[np.float64]
    """Of a suspension (Reuss), shape (k + 1,)."""
    p_wave_gpa: NDArray[np.float64]
    """P-wave modulus, shape (k + 1,)."""
    slowness: NDArray[np.float64]
    """1 / vp, s/km, shape (k + 1,)."""
    stiff_share_sd: NDArray[np.float64]
    """Standard deviation of the three above as a share, shape (k + 1,)."""
    reflectance: NDArray[np.float64]
    """Linear R, G, B of the members, without water; shape (k, 3)."""
    reflectance_share_sd: NDArray[np.float64]
    """Its standard deviation as a share, shape (k, 3)."""

    @classmethod
    def of(cls, table: EndMemberTable) -> Self:
        """
        Return a table as arrays.

        A number that the table does not know is taken as whatever the others are: their median,
        with a standard deviation as great as that and as their spread.
        """
        solids, water = table.members, table.pore_water
        groups = table.groups
        ms, ms_sd = _filled([(m.ms.value, m.ms.sd) if m.ms else None for m in solids])
        stiff, stiff_sd = _filled([_with_share(m.stiffness_gpa, m) for m in solids])
        p_wave, p_wave_sd = _filled([_with_share(m.p_wave_gpa, m) for m in solids])
        speed, speed_sd = _filled([_with_share(m.vp_m_per_s, m) for m in solids])
        shares = np.max([stiff_sd / stiff, p_wave_sd / p_wave, speed_sd / speed], axis=0)
        colour = [
            _filled(
                [
                    (m.colour.linear_rgb[c], m.colour.linear_rgb[c] * m.colour.share_sd[c])
                    if m.colour
                    else None
                    for m in solids
                ]
            )
            for c in range(3)
        ]
        water_gpa = water.density.value * (water.vp.value / 1000.0) ** 2
        reflectance = np.stack([value for value, _ in colour], axis=1)
        return cls(
            minerals=tuple(m.mineral for m in solids),
            groups=groups,
            artefacts=tuple(dict.fromkeys(m.group for m in solids if m.is_artefact)),
            is_in_group=np.array([[float(m.group == g) for m in solids] for g in groups]),
            density=np.array([water.density.value, *(m.density.value for m in solids)]),
            density_sd=np.array([water.density.sd, *(m.density.sd for m in solids)]),
            ms=np.array([water.ms.value, *ms]),
            ms_sd=np.array([water.ms.sd, *ms_sd]),
            stiffness_gpa=np.array([water_gpa, *stiff]),
            p_wave_gpa=np.array([water_gpa, *p_wave]),
            slowness=1000.0 / np.array([water.vp.value, *speed]),
            stiff_share_sd=np.array([2.0 * water.vp.sd / water.vp.value, *shares]),
            reflectance=reflectance,
            reflectance_share_sd=np.stack([sd for _, sd in colour], axis=1) / reflectance,
        )

    @property
    def n_members(self) -> int:
        """Members without pore water."""
        return len(self.minerals)


def _with_share(value: float | None, member: Solid) -> tuple[float, float] | None:
    if value is None:
        return None
    given = [one.sd / one.value for one in (member.vp, member.bulk_gpa, member.shear_gpa) if one]
    return value, max(VP_SHARE_SD, *given, 0.0) * value


def _filled(
    known: list[tuple[float, float] | None],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = np.array([one[0] for one in known if one is not None] or [1.0])
    middle = float(np.median(values))
    # Of most members: one ore among them shall not make an unknown mineral ore.
    spread = max(1.4826 * float(np.median(np.abs(values - middle))), abs(middle), 1e-6)
    pairs = [(middle, spread) if one is None else one for one in known]
    return np.array([v for v, _ in pairs]), np.array([sd for _, sd in pairs])
