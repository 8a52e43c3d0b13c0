"""What a file says of the unit of a column: in its name, else in the row of units."""

from downcore.loggers._layout import Header, Layout
from downcore.loggers._table import column_of
from downcore.loggers._units import Kind, Unit, unit_after, unit_of


def written_unit(header: Header, layout: Layout, field: str) -> Unit:
    """
    Return the unit at the end of a column's name, else that of the rows of units.

    Where both say one and they differ, it is a unit that is not converted, and names both.
    """
    kind: Kind = "depth" if field.endswith("depth") else field  # type: ignore[assignment]
    stems = layout.columns.of(field)
    column, _ = column_of(header.written, stems)
    if column is None:
        return unit_of(kind, "")
    name = header.written[column]
    after = next((after for stem in stems if (after := unit_after(name, stem))), "")
    if field == "ms" and after == "ms":  # after "Magnetic susceptibility" it is no unit
        after = ""
    below = next((row[column] for row in header.unit_rows if len(row) > column and row[column]), "")
    named, under = unit_of(kind, after), unit_of(kind, below)
    if not (after and named.factor is not None and under.text and under.factor is not None):
        return named if after else under
    if named.factor == under.factor or under.usual_factor is not None:
        return named  # "SI" alone leaves the power of ten to the other
    if named.usual_factor is not None:
        return under
    return Unit(f"{named.text} in its name, {under.text} below it", None)
