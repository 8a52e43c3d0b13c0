"""
A few classes of regions by colour, for a picture that a person takes in at once.

Ward's method: of all classes, the two whose union adds least to the variance of colour within
classes become one, until as many are left as were asked for or as the colours need.

Source: Ward (1963), Hierarchical grouping to optimize an objective function,
doi:10.1080/01621459.1963.10500845.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.colour import lab_of_linear

MAX_CLASSES = 12
"""Most classes: more colours than that no legend tells apart."""

MAX_BY_DATA = 8
"""Most classes where the data choose: neighbours are still told apart at a glance."""

JUST_NOTICEABLE = 2.3
"""
Root mean square distance in L*a*b* from a region's colour to that of its class, at most, where the
data choose how many classes there are; a person can just tell it (doi:10.1002/col.5080190207).
"""

_MAX_CELLS = 400
"""Colours that are told apart before classes are made; each two of them are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class ColourClasses:
    """Classes of regions, from the darkest to the lightest."""

    of_region: NDArray[np.int32]
    """Class of each region, from 1, shape (n_regions,)."""
    linear_rgb: NDArray[np.float64]
    """Mean colour of each class in linear light, 0 to 1, shape (n_classes, 3)."""
    share: NDArray[np.float64]
    """Share of the area that each class holds; sums to 1."""

    def __len__(self) -> int:
        """Return how many classes there are."""
        return self.share.size


def colour_classes(
    linear_rgb: NDArray[np.float64], area: NDArray[np.float64], n_classes: int | None = None
) -> ColourClasses:
    """
    Divide regions into classes of similar colour.

    Parameters
    ----------
    linear_rgb : ndarray, shape (n_regions, 3)
        Mean colour of each region in linear light, 0 to 1.
    area : ndarray, shape (n_regions,)
        Their areas, in any unit, above 0.
    n_classes : int, optional
        How many, 1 to :data:`MAX_CLASSES`; there are fewer where there are fewer colours. Unless
        given, the fewest with which :data:`JUST_NOTICEABLE` holds, and :data:`MAX_BY_DATA` at most.

    Returns
    -------
    ColourClasses
        Without a class where there is no region.

    Raises
    ------
    ValueError
        If ``n_classes`` is out of range.
    """
    if n_classes is not None and not 1 <= n_classes <= MAX_CLASSES:
        raise ValueError(f"expected 1 to {MAX_CLASSES} classes, got {n_classes}")
    if not area.size:
        return ColourClasses(np.zeros(0, np.int32), np.zeros((0, 3)), np.zeros(0))
    lab = lab_of_linear(np.asarray(linear_rgb, np.float32)).astype(np.float64)
    cell = _cells(lab)
    weight = np.bincount(cell, area).astype(np.float64)
    centre = _means(lab, area, cell)
    spread = float(area @ ((lab - centre[cell]) ** 2).sum(axis=1))
    class_of_cell = _joined(centre, weight, spread, n_classes)
    number = class_of_cell[cell]
    dark_first = np.argsort(_means(lab, area, number)[:, 0], kind="stable")
    place = np.empty(dark_first.size, np.int64)
    place[dark_first] = np.arange(dark_first.size)
    number = place[number]
    return ColourClasses(
        of_region=(number + 1).astype(np.int32),
        linear_rgb=_means(linear_rgb, area, number),
        share=np.bincount(number, area) / area.sum(),
    )


def _means(
    values: NDArray[np.floating], area: NDArray[np.float64], number: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the mean of each class by area, shape (n_classes, 3)."""
    sums = [np.bincount(number, area * values[:, k]) for k in range(values.shape[1])]
    return np.stack(sums, axis=1) / np.bincount(number, area)[:, None]


def _cells(lab: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each colour the number of the small cube of L*a*b* that it lies in."""
    side = 0.5
    while True:
        cubes, cell = np.unique(np.floor(lab / side), axis=0, return_inverse=True)
        if len(cubes) <= _MAX_CELLS:
            return cell.ravel()
        side *= 1.25


def _joined(
    centre: NDArray[np.float64],
    weight: NDArray[np.float64],
    spread: float,
    n_classes: int | None,
) -> NDArray[np.int64]:
    """
    Return the class of each colour, numbered from 0.

    ``spread`` is the sum of squares within the colours, which grows with every union.
    """
    centre, weight = centre.copy(), weight.copy()
    member = np.arange(weight.size)
    allowed = JUST_NOTICEABLE**2 * weight.sum()
    cost = _costs(centre, weight)
    for left in range(weight.size, 1, -1):
        at = int(np.argmin(cost))
        one, other = sorted((at // weight.size, at % weight.size))
        is_enough = n_classes is not None or spread + cost[one, other] > allowed
        if is_enough and left <= (n_classes or MAX_BY_DATA):
            break
        spread += float(cost[one, other])
        both = weight[one] + weight[other]
        centre[one] = (weight[one] * centre[one] + weight[other] * centre[other]) / both
        weight[one], weight[other] = both, 0.0
        member[member == other] = one
        cost[other, :] = cost[:, other] = np.inf
        row = _costs_to(one, centre, weight)
        cost[one] = cost[:, one] = np.where(weight > 0.0, row, np.inf)
    numbers: NDArray[np.int64] = np.unique(member, return_inverse=True)[1]
    return numbers


def _costs_to(
    one: int, centre: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what the union of a colour with each other one adds to the sum of squares."""
    apart = ((centre - centre[one]) ** 2).sum(axis=1)
    both = np.maximum(weight + weight[one], np.finfo(float).tiny)
    cost: NDArray[np.float64] = weight * weight[one] / both * apart
    cost[one] = np.inf
    return cost


def _costs(centre: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([_costs_to(i, centre, weight) for i in range(weight.size)])
