"""Rows as pandas and xarray know them, under the column names of the CSV."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from downcore.commands.log_columns import Column, Level, Row
from downcore.extras import install_command
from downcore.strata.depth import SLICE_UM

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Places: TypeAlias = Mapping[tuple[int, ...], Row]
"""Rows by where they stand in an array."""

_BLANK: Mapping[type, object] = {float: np.nan, int: -1, bool: False, str: ""}
"""What stands in an array where there is no row."""


class Interval(Protocol):
    """Anything that lies between two depths."""

    @property
    def index(self) -> int:
        """Which slice."""
        ...

    @property
    def top_um(self) -> int:
        """Depth of its top below the section's top."""
        ...

    @property
    def bottom_um(self) -> int:
        """Depth of its bottom below the section's top."""
        ...


def needed(module: str) -> Any:
    """
    Return an optional module.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed; says with which command it can be.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module:
            raise
        raise ModuleNotFoundError(
            f"expected {module}, which is not installed; install it with: "
            f"{install_command(module)}",
            name=module,
        ) from None


def frame_of(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> "pd.DataFrame":
    """
    Return a table as a DataFrame; numbers that are absent are NaN.

    Raises
    ------
    ModuleNotFoundError
        If pandas is not installed.
    """
    pandas = needed("pandas")
    held = list(rows)
    return pandas.DataFrame(
        {one.name: pandas.Series([one.cell(row) for row in held], dtype=one.kind)
         for one in columns}
    )  # fmt: skip


def depth_coordinates(slices: Sequence[Interval]) -> dict[str, Any]:
    """Return where slices lie, for a Dataset: their centres in centimetres, with bounds."""
    bounds = np.array([(one.top_um, one.bottom_um) for one in slices], float).reshape(-1, 2)
    bounds /= SLICE_UM
    attributes = {
        "units": "cm",
        "long_name": "depth below the section's top",
        "positive": "down",
        "axis": "Z",
        "bounds": "depth_bounds",
    }
    return {
        "depth": ("depth", bounds.mean(axis=1), attributes),
        "depth_bounds": (("depth", "bounds"), bounds),
    }


def arrays_of(
    columns: Sequence[Column[Row]],
    level: Level,
    rows: Places[Row],
    shape: Mapping[str, int],
    *,
    unit: str = "",
) -> dict[str, Any]:
    """
    Return the columns of a level as variables of a Dataset.

    Parameters
    ----------
    columns : sequence of Column
        Of which those of ``level`` are taken.
    level : Level
        What the variables say something of.
    rows : Places
        A row for each place that has one, by its indices in the order of ``shape``.
    shape : mapping of str to int
        Length of each dimension.
    unit : str, optional
        Unit of numbers whose column has none of its own.
    """
    return {
        one.name: (tuple(shape), _array(one, rows, tuple(shape.values())), _attributes(one, unit))
        for one in columns
        if one.level is level
    }


def dataset_of(
    variables: Mapping[str, Any], coordinates: Mapping[str, Any], attributes: Mapping[str, str]
) -> "xr.Dataset":
    """
    Return a Dataset.

    Raises
    ------
    ModuleNotFoundError
        If xarray is not installed.
    """
    dataset: xr.Dataset = needed("xarray").Dataset(
        dict(variables), dict(coordinates), dict(attributes)
    )
    return dataset


def _array(column: Column[Row], rows: Places[Row], shape: tuple[int, ...]) -> NDArray[Any]:
    array = np.full(shape, _BLANK[column.kind], dtype=object)
    for place, row in rows.items():
        cell = column.cell(row)
        array[place] = np.nan if cell is None else cell
    return array.astype(column.kind)


def _attributes(column: Column[Any], unit: str) -> dict[str, str]:
    units = column.unit or (unit if column.kind is float else "")
    return {"long_name": column.meaning, **({"units": units} if units else {})}
