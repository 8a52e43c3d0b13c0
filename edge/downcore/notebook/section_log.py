"""The depth log and the composition of one section, as values that turn into tables."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from downcore.commands.log_columns import (
    COMPOSITION_COLUMNS,
    LOG_COLUMNS,
    Level,
    LogRow,
    ShareRow,
    log_rows,
    share_rows,
)
from downcore.notebook.region_shapes import region_shapes
from downcore.notebook.tables import (
    Places,
    arrays_of,
    dataset_of,
    depth_coordinates,
    frame_of,
    needed,
)
from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import SliceRow
from downcore.strata.measured_slices import Beside
from downcore.strata.properties import PROPERTIES, Property
from downcore.strata.slices import CoreSlice

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SectionLog:
    """
    The depth log of one section: a row for each centimetre, property and bundle.

    Examples
    --------
    >>> log = downcore.open("downcore.db")["GC01_01"]
    >>> log
    <StoredSection GC01_01: 4 slices, density, ms, vp>
    """

    section: str
    """Name of the section."""
    scan_id: str
    """Identity of the scan that the rows are from."""
    rows: tuple[SliceRow, ...]
    """The slices, top first, each with its estimates."""
    beside: Beside
    """What a logger measured in each slice, and the flags on it."""

    def __repr__(self) -> str:
        found = sorted({one.property for row in self.rows for one in row.estimates})
        what = ", ".join(found) or "no estimates"
        return f"<{type(self).__name__} {self.section}: {len(self.rows)} slices, {what}>"

    @property
    def slices(self) -> tuple[CoreSlice, ...]:
        """
        Depth, colour, mask and flags of each slice.

        Examples
        --------
        >>> [one.top_um for one in downcore.open("downcore.db")["GC01_01"].slices]
        [0, 10000, 20000, 30000]
        """
        return tuple(row.core_slice for row in self.rows)

    def to_pandas(self) -> "pd.DataFrame":
        """
        Return the log as a DataFrame, a row for each slice, property and bundle.

        The columns are those of ``downcore log --csv``. A value that is absent is NaN, and
        ``status`` says why: filter by it before values are averaged or compared.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed; says with which command it can be.

        Examples
        --------
        >>> frame = downcore.open("downcore.db")["GC01_01"].to_pandas()
        >>> frame.loc[frame["property"] == "density", ["top (cm)", "unit", "status"]]
            top (cm)   unit     status
        0        0.0  g/cm3  predicted
        3        1.0  g/cm3  predicted
        6        2.0  g/cm3  predicted
        9        3.0  g/cm3  abstained
        """
        return frame_of(LOG_COLUMNS, log_rows(self.section, self.scan_id, self.rows, self.beside))

    def to_xarray(self) -> "xr.Dataset":
        """
        Return the log as a Dataset over ``bundle`` and ``depth``.

        ``depth`` is the middle of each slice in centimetres below the section's top, with
        ``depth_bounds``. Each property is a variable of its own, ``density`` for its values,
        ``density lower 90 %``, ``density status`` and so on for its other columns; what is
        said of the slice itself, such as ``L*``, is over ``depth`` alone.

        Returns
        -------
        xarray.Dataset
            With ``units`` and ``long_name`` in the attributes; NaN where there is no value.

        Raises
        ------
        ModuleNotFoundError
            If xarray is not installed; says with which command it can be.

        Examples
        --------
        >>> data = downcore.open("downcore.db")["GC01_01"].to_xarray()
        >>> data["density"].dims, data["density"].units
        (('bundle', 'depth'), 'g/cm3')
        >>> data.depth.values
        array([0.5, 1.5, 2.5, 3.5])
        >>> data["density status"].isel(bundle=0).values.tolist()
        ['predicted', 'predicted', 'predicted', 'abstained']
        """
        needed("xarray")
        lines = list(log_rows(self.section, self.scan_id, self.rows, self.beside))
        bundles = list(dict.fromkeys(one.estimate.bundle_id for one in lines))
        at = {row.core_slice.index: i for i, row in enumerate(self.rows)}
        # What is said of a slice asks for nothing but the slice, and some have no estimate.
        by_slice: Places[LogRow] = {(i,): cast("LogRow", row) for i, row in enumerate(self.rows)}
        variables = arrays_of(LOG_COLUMNS, Level.SLICE, by_slice, {"depth": len(at)})
        for one in PROPERTIES:
            places: Places[LogRow] = {
                (bundles.index(line.estimate.bundle_id), at[line.core_slice.index]): line
                for line in lines
                if line.estimate.property == one.name
            }
            variables |= _of_property(one, places, {"bundle": len(bundles), "depth": len(at)})
        coordinates = {**depth_coordinates(self.slices), "bundle": ("bundle", bundles)}
        return dataset_of(variables, coordinates, {"section": self.section, "scan": self.scan_id})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SectionComposition:
    """
    What one section is made of: a row for each centimetre and group of minerals.

    Examples
    --------
    >>> downcore.open("downcore.db")["GC01_01"].composition
    <SectionComposition GC01_01: 4 slices>
    """

    section: str
    """Name of the section."""
    scan_id: str
    """Identity of the scan that the slices are from."""
    slices: tuple[ComposedSlice, ...]
    """The slices, top first; none where composition was turned off or has not come so far."""

    def __repr__(self) -> str:
        return f"<SectionComposition {self.section}: {len(self.slices)} slices>"

    def to_pandas(self) -> "pd.DataFrame":
        """
        Return the composition as a DataFrame, a row for each slice and group.

        The columns are those of ``downcore log --composition --csv``. Rows whose ``sum of
        groups`` is true join groups that others count one by one: leave them out of totals, and
        let pandas give NaN rather than 0 for a slice without fractions (``min_count=1``).

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed; says with which command it can be.

        Examples
        --------
        >>> frame = downcore.open("downcore.db")["GC01_01"].composition.to_pandas()
        >>> single = frame[~frame["sum of groups"]]
        >>> single.groupby("slice")["fraction"].sum(min_count=1).round(6).tolist()
        [1.0, 1.0, 1.0, nan]
        """
        return frame_of(COMPOSITION_COLUMNS, share_rows(self.section, self.scan_id, self.slices))

    def to_xarray(self) -> "xr.Dataset":
        """
        Return the composition as a Dataset over ``group`` and ``depth``.

        Returns
        -------
        xarray.Dataset
            Variables as the columns of :meth:`to_pandas`; NaN where there is no fraction.

        Raises
        ------
        ModuleNotFoundError
            If xarray is not installed; says with which command it can be.

        Examples
        --------
        >>> data = downcore.open("downcore.db")["GC01_01"].composition.to_xarray()
        >>> data["fraction"].dims
        ('group', 'depth')
        """
        needed("xarray")
        lines = list(share_rows(self.section, self.scan_id, self.slices))
        groups = list(dict.fromkeys(one.share.group for one in lines))
        at = {one.index: i for i, one in enumerate(self.slices)}
        shape = {"group": len(groups), "depth": len(at)}
        places: Places[ShareRow] = {
            (groups.index(one.share.group), at[one.composed.index]): one for one in lines
        }
        by_group: Places[ShareRow] = {(groups.index(one.share.group),): one for one in lines}
        by_slice: Places[ShareRow] = {(at[one.composed.index],): one for one in lines}
        keys = arrays_of(COMPOSITION_COLUMNS, Level.KEY, by_group, {"group": len(groups)})
        # A name with a space cannot be a coordinate in a netCDF file.
        group = {"group": keys.pop("group")}
        variables = {
            **keys,
            **arrays_of(COMPOSITION_COLUMNS, Level.SLICE, by_slice, {"depth": len(at)}),
            **arrays_of(COMPOSITION_COLUMNS, Level.ROW, places, shape),
        }
        coordinates = {**depth_coordinates(self.slices), **group}
        return dataset_of(variables, coordinates, {"section": self.section, "scan": self.scan_id})

    def region_shapes(self) -> "pd.DataFrame":
        """
        Return where each region lies and which form it has, measured by scikit-image.

        A region is a bed, a clast or a burrow that stands out by its colour. Columns are those of
        ``downcore compose --regions``, and ``euler number``: 1 less the holes of a region in one
        piece. Orientation is the angle of the longer axis from the core's axis. Pictures in the
        record have 50 px/cm at most, so what is less than a millimetre across is coarse.

        Returns
        -------
        pandas.DataFrame
            Without a row where no regions are known.

        Raises
        ------
        ModuleNotFoundError
            If scikit-image or pandas is not installed; says with which command it can be.

        Examples
        --------
        >>> shapes = downcore.open("downcore.db")["GC01_01"].composition.region_shapes()
        >>> sorted(shapes["label"]) == list(shapes["label"])
        True
        >>> float(shapes["area (mm2)"].sum()) < 30 * 40
        True
        """
        return region_shapes(self.slices)


def _of_property(wanted: Property, places: Places[LogRow], shape: dict[str, int]) -> dict[str, Any]:
    """Return the variables of one property; its values under its own name."""
    columns = arrays_of(LOG_COLUMNS, Level.ROW, places, shape, unit=wanted.unit)
    variables = {}
    for name, (dimensions, array, attributes) in columns.items():
        is_value = name == "value"
        title = wanted.title if is_value else f"{wanted.title}, {attributes['long_name']}"
        variables[wanted.name if is_value else f"{wanted.name} {name}"] = (
            dimensions,
            array,
            {**attributes, "long_name": title},
        )
    return variables
