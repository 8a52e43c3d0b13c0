"""Why a file is not read as a log."""

import re
from collections.abc import Iterable
from pathlib import Path

from downcore.loggers._log import HEAD_BYTES, LogError
from downcore.loggers._table import joined, plain, read_bytes, tables_of, text_of

_DEPTH = re.compile(r"depth|offset|mbsf|mcd|^top")
_MEASURED = re.compile(r"den|vel|^vp|^pw|sus|^ms|kappa|^hiresms")
_MAX_SHOWN = 60
_ROWS = 100


def reason_not_a_log(path: Path, titles: Iterable[str]) -> str:
    """
    Return why no format reads a file as a log, as a sentence without a subject.

    Parameters
    ----------
    path : Path
        The file.
    titles : iterable of str
        Of the known formats.
    """
    try:
        text = text_of(read_bytes(path, most=HEAD_BYTES, is_head=True))
    except LogError as error:
        return str(error)
    if text is None:
        return "it is no text"
    if not text.strip():
        return "it is empty"
    best: tuple[str, ...] = ()
    for table in tables_of(text, is_head=True):
        for row in table.rows[:_ROWS]:
            names = [plain(cell) for cell in row]
            found = [any(kind.search(name) for name in names) for kind in (_DEPTH, _MEASURED)]
            if all(found) and len(row) > 1:
                columns = ", ".join(cell for cell in joined([row]) if cell)[:_MAX_SHOWN]
                return f"its columns ({columns}) are those of no known format: {', '.join(titles)}"
            best = best or (row if any(found) and len(row) > 1 else ())
    if best:
        columns = ", ".join(cell for cell in best if cell)[:_MAX_SHOWN]
        return f"it names a depth or a property but not both: {columns}"
    return "it names no depth with density, velocity or susceptibility"
