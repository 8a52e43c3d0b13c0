"""What a file says of the unit of a column: in its name, else in the row of units."""

from downcore.loggers._layout import Header, Layout
from downcore.loggers._table import column_of
from downcore.loggers._units import unit_after


def written_unit(header: Header, layout: Layout, field: str) -> str:
    """Return the unit at the end of a column's name, else from the rows of units, else ""."""
    stems = layout.columns.of(field)
    column, _ = column_of(header.written, stems)
    if column is None:
        return ""
    name = header.written[column]
    after = next((after for stem in stems if (after := unit_after(name, stem))), "")
    below = (row[column] for row in header.unit_rows if column < len(row) and row[column])
    # "MS" after "Magnetic susceptibility" is no unit.
    is_abbreviation = field == "ms" and after == "ms"
    return after if after and not is_abbreviation else next(below, "")
