"""The column of a slice table that labels each property, in our unit."""

from dataclasses import dataclass

import numpy as np

from downcore.strata.properties import PROPERTIES
from downcore_training.datasets.slice_tables.columns import Columns
from downcore_training.datasets.slice_tables.table import Rows, Values, measured
from downcore_training.datasets.slice_tables.units import in_our_unit


@dataclass(frozen=True, slots=True)
class ChosenColumns:
    """The first non-empty column of each property."""

    values: dict[str, Values]
    """By property, in its unit."""
    names: dict[str, str]
    """Of the columns, by property."""
    notes: tuple[str, ...]


def chosen_columns(rows: Rows, columns: Columns) -> ChosenColumns:
    """Return the column that labels each property of a core."""
    found: dict[str, Values] = {}
    chosen: dict[str, str] = {}
    notes: list[str] = []
    for prop in PROPERTIES:
        names = columns.properties.get(prop.name, ())
        for column in names:
            values, fills = measured(rows, column, prop.name)
            if np.isfinite(values).any():
                found[prop.name], sentence = in_our_unit(column, prop.name, values)
                chosen[prop.name] = column
                notes += [*fills, *([sentence] if sentence else [])]
                if len(names) > 1:
                    notes.append(f"{prop.name} is {column}, of {', '.join(names)}")
                break
    return ChosenColumns(found, chosen, tuple(notes))
