"""
Vp of soft sediment by its density: curves fitted to the Janus pairs, and those of the literature.

``python benchmarks/density_vp.py [--json FILE] [--real DIR]``

The pairs are whole-core logs of ODP Leg 201 and IODP Expedition 306 at laboratory temperature. Each
curve is also fitted to one leg and asked about the other. The second opinion uses the parabola.
"""

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from reporting import arguments, report

from downcore.strata.second_opinion.density_vp import VP_OF_DENSITY, VP_SD

Values = NDArray[np.float64]

DENSITY_RANGE, VP_RANGE = (1.05, 2.2), (1420.0, 1900.0)
"""Outside are gaps and bad picks."""
HAMILTON_BACHMAN = (487.7, -1257.0, 2330.4)
"""Continental terrace, Hamilton and Bachman (1982): coefficients of density squared, density, 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Density and vp of the same centimetre of core."""

    density: Values
    vp: Values
    leg: NDArray[np.str_]


def read_pairs(path: Path) -> Pairs:
    """Return the pairs inside the ranges."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    density = np.array([float(row["density_g_cm3"] or "nan") for row in rows])
    vp = np.array([float(row["vp_m_s"] or "nan") for row in rows])
    kept = (density >= DENSITY_RANGE[0]) & (density <= DENSITY_RANGE[1])
    kept &= (vp >= VP_RANGE[0]) & (vp <= VP_RANGE[1])
    return Pairs(density[kept], vp[kept], np.array([row["leg"] for row in rows])[kept])


def wood(density: Values, fluid_gpa: float, frame_gpa: float) -> Values:
    """
    Return the vp of a suspension with a weak frame, m/s.

    Wood (1930) for the moduli of water and grains (2.7 g/cm3, 50 GPa), to which a frame adds a P
    modulus that grows with the square of the share of solids.
    """
    solids = (density - 1.024) / (2.7 - 1.024)
    modulus = 1.0 / ((1.0 - solids) / fluid_gpa + solids / 50.0) + frame_gpa * solids**2
    return np.asarray(np.sqrt(modulus * 1e9 / (density * 1e3)), np.float64)


def parabola(pairs: Pairs) -> tuple[Callable[[Values], Values], Values]:
    """Return the parabola fitted by least squares, and its coefficients."""
    found = np.polyfit(pairs.density, pairs.vp, 2)
    return lambda density: np.polyval(found, density), found


def fitted_wood(pairs: Pairs) -> tuple[Callable[[Values], Values], Values]:
    """Return Wood's curve with a frame, fitted by least squares, and its two moduli."""
    found, _ = scipy.optimize.curve_fit(wood, pairs.density, pairs.vp, p0=(2.4, 1.0))
    return lambda density: wood(density, *found), found


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--real", type=Path, default=os.environ.get("DOWNCORE_REAL_DATA"))
    options = parser.parse_args()
    if options.real is None:
        parser.error("expected --real DIR, the folder with odp_janus_density_vp")
    pairs = read_pairs(Path(options.real) / "odp_janus_density_vp" / "density_vp_pairs.csv")
    metrics: dict[str, float] = {"pairs": float(pairs.vp.size)}
    legs = sorted(set(pairs.leg))
    curve, coefficients = parabola(pairs)
    fixed = [("hamilton_bachman", HAMILTON_BACHMAN), ("in_the_code", VP_OF_DENSITY)]
    for name, known in fixed:
        _add(metrics, name, pairs, np.polyval(known, pairs.density))
    _add(metrics, "parabola", pairs, curve(pairs.density))
    metrics |= {f"parabola_{k}": float(x) for k, x in zip("abc", coefficients, strict=True)}
    curve, moduli = fitted_wood(pairs)
    _add(metrics, "wood_with_frame", pairs, curve(pairs.density))
    metrics |= {"wood_fluid_gpa": float(moduli[0]), "wood_frame_gpa": float(moduli[1])}
    for leg in legs:
        own, other = pairs.leg == leg, pairs.leg != leg
        mine = Pairs(pairs.density[other], pairs.vp[other], pairs.leg[other])
        for name, fit in (("parabola", parabola), ("wood_with_frame", fitted_wood)):
            residual = pairs.vp[own] - fit(mine)[0](pairs.density[own])
            metrics[f"{name}_on_{leg}_by_the_other_leg_bias"] = float(residual.mean())
            metrics[f"{name}_on_{leg}_by_the_other_leg_sd"] = float(residual.std())
    metrics["sd_in_the_code"] = VP_SD
    report("vp by density, m/s: measured less curve", metrics, options.json)


def _add(metrics: dict[str, float], name: str, pairs: Pairs, expected: Values) -> None:
    residual = pairs.vp - expected
    for leg in sorted(set(pairs.leg)):
        metrics[f"{name}_bias_{leg}"] = float(residual[pairs.leg == leg].mean())
    metrics[f"{name}_bias"] = float(residual.mean())
    metrics[f"{name}_sd"] = float(residual.std())


if __name__ == "__main__":
    main()
