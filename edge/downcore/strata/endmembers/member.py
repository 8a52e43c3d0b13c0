"""One end member: a mineral, or pore water, as the numbers a mixture is made of."""

import math
from dataclasses import dataclass

from downcore.strata.endmembers.quantity import Colour, Quantity
from downcore.strata.errors import EndMemberError

JOINER = " + "
"""Stands between the names of groups that are only known together."""

MAX_NAME_CHARACTERS = 60
"""Longest name of a mineral or group."""

DENSITY_RANGE = (0.01, 25.0)
"""g/cm3: from foam to beyond gold."""

VP_RANGE = (100.0, 20_000.0)
"""m/s: from foam to beyond diamond."""

MODULUS_RANGE = (1e-4, 1_500.0)
"""GPa: from foam to beyond diamond."""

MS_RANGE = (-1e4, 1e7)
"""1e-5 SI: from beyond graphite to beyond iron."""

WATER_DENSITY_RANGE = (0.9, 1.5)
"""g/cm3: any brine."""

WATER_VP_RANGE = (1_000.0, 2_500.0)
"""m/s: any brine."""


@dataclass(frozen=True, slots=True)
class Solid:
    """A mineral of a table; what is not known of it is ``None``."""

    mineral: str
    group: str
    """Group that composition is reported by."""
    density: Quantity
    """Of the grain, g/cm3."""
    ms: Quantity | None = None
    """Volume susceptibility, 1e-5 SI; may be below 0."""
    vp: Quantity | None = None
    """P-wave velocity of the grain, m/s."""
    bulk_gpa: Quantity | None = None
    """Bulk modulus of the grain, GPa."""
    shear_gpa: Quantity | None = None
    """Shear modulus of the grain, GPa."""
    colour: Colour | None = None
    is_artefact: bool = False
    """Whether it is no part of the core, such as liner, foam or metal."""

    def __post_init__(self) -> None:
        for name, text in (("mineral", self.mineral), ("group", self.group)):
            if not text.strip():
                raise EndMemberError(f"expected a name, got an empty {name}")
            if not text.isprintable() or len(text) > MAX_NAME_CHARACTERS:
                raise EndMemberError(
                    f"expected a {name} of at most {MAX_NAME_CHARACTERS} printable characters, "
                    f"got {text[:MAX_NAME_CHARACTERS]!r}"
                )
        positive = (self.density, self.vp, self.bulk_gpa, self.shear_gpa)
        for name, one in zip(("density", "vp", "bulk_gpa", "shear_gpa"), positive, strict=True):
            if one is not None and one.value <= 0.0:
                raise EndMemberError(f"{self.mineral}: expected {name} above 0, got {one.value:g}")
        if JOINER in self.group:
            raise EndMemberError(
                f"{self.mineral}: expected a group without {JOINER!r}, which names sums of groups, "
                f"got {self.group!r}"
            )
        try:
            self._check_ranges()
        except EndMemberError as error:
            raise EndMemberError(f"{self.mineral}: {error}") from error

    def _check_ranges(self) -> None:
        self.density.check_range("density in g/cm3", *DENSITY_RANGE)
        if self.ms is not None:
            self.ms.check_range("ms in 1e-5 SI", *MS_RANGE)
        if self.vp is not None:
            self.vp.check_range("vp in m/s", *VP_RANGE)
        for name, one in (("bulk modulus", self.bulk_gpa), ("shear modulus", self.shear_gpa)):
            if one is not None:
                one.check_range(f"{name} in GPa", *MODULUS_RANGE)

    @property
    def p_wave_gpa(self) -> float | None:
        """The P-wave modulus, GPa: of the moduli, else of density and vp, else ``None``."""
        if self.bulk_gpa is not None and self.shear_gpa is not None:
            return self.bulk_gpa.value + 4.0 / 3.0 * self.shear_gpa.value
        if self.vp is not None:
            return self.density.value * (self.vp.value / 1000.0) ** 2
        return None

    @property
    def stiffness_gpa(self) -> float | None:
        """What a suspension of it resists with, GPa: its bulk, else its P-wave modulus."""
        return self.p_wave_gpa if self.bulk_gpa is None else self.bulk_gpa.value

    @property
    def vp_m_per_s(self) -> float | None:
        """Velocity of the grain, m/s: as given, else of the moduli, else ``None``."""
        if self.vp is not None:
            return self.vp.value
        modulus = self.p_wave_gpa
        return None if modulus is None else 1000.0 * math.sqrt(modulus / self.density.value)

    @property
    def fingerprint(self) -> tuple[float | None, ...]:
        """The numbers that an observation could tell it by."""
        rgb = (None,) * 3 if self.colour is None else self.colour.linear_rgb
        ms = None if self.ms is None else self.ms.value
        return (self.density.value, ms, self.stiffness_gpa, self.vp_m_per_s, *rgb)


@dataclass(frozen=True, slots=True)
class PoreWater:
    """What fills the pores."""

    density: Quantity
    """g/cm3."""
    vp: Quantity
    """m/s."""
    ms: Quantity
    """1e-5 SI."""

    def __post_init__(self) -> None:
        self.density.check_range("density of pore water in g/cm3", *WATER_DENSITY_RANGE)
        self.vp.check_range("vp of pore water in m/s", *WATER_VP_RANGE)
        self.ms.check_range("ms of pore water in 1e-5 SI", *MS_RANGE)
