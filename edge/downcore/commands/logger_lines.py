"""What the record has of loggers' files, in lines for people."""

from collections.abc import Iterator
from pathlib import PurePath

from downcore.file_names import printable
from downcore.store import Reader
from downcore.strata.reasons import grouped, such_as

N_NEWEST = 5
"""Files that were read last that are listed."""


def logger_lines(reader: Reader) -> Iterator[str]:
    """Yield the logger's files that were read last, and what is not used of all; few lines."""
    files = reader.measured_files()
    read = [one for one in files if one.summary.n_rows]
    for one in sorted(read, key=lambda one: one.file_no)[: -N_NEWEST - 1 : -1]:
        said = one.summary
        unmatched = (
            f", {said.n_unmatched} without a section ({printable(said.first_unmatched)})"
            if said.n_unmatched
            else ""
        )
        name = printable(PurePath(one.file.path).name)
        yield f"logger: {name}  {said.n_rows} rows{unmatched}, last new row {one.read_utc}"
    refused = [(one.file.path, one.summary.reason) for one in files if one.summary.reason]
    for group in grouped(refused):
        yield f"logger: {group.n} not read: {printable(group.reason)} ({such_as(group.subjects)})"
