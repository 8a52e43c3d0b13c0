"""Columns and headers shared by the two files of a Geotek whole-core logger."""

from downcore.loggers._layout import Columns, Header

GEOTEK_COLUMNS = Columns(
    section=("sectnum", "sectionnum", "sectionnumber", "sectno"),
    section_depth=("sectdepth", "sectiondepth"),
    core_depth=("sbdepth", "subbottomdepth"),
    density=("den1", "density1", "den", "density", "gammadensity"),
    vp=("pwvel", "pwvel1", "pwavevelocity", "vp"),
    ms=("ms1", "ms", "magsus", "magneticsusceptibility"),
)


def has_spaced_header(header: Header) -> bool:
    """Return whether the logger's program wrote it: blanks in names, ``SB DEPTH`` among them."""
    return any("SB DEPTH" in name.upper() for name in header.written) and header.has(
        "sectnum", "sectionnum", "sectionnumber", "sectno", "sectdepth", "sectiondepth"
    )


def is_raw(header: Header) -> bool:
    """Return whether the file holds readings before calibration."""
    has_processed = header.has("den1", "density1", "den", "density", "pwvel", "pwvel1")
    return len(header.unit_rows) > 1 or not has_processed
