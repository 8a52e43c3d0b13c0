"""One logger's file on its way into the record: what changed is read, and the difference kept."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from downcore.file_names import printable
from downcore.loggers import LogError, LogFormat, LogPart, log_parts, n_whole_bytes
from downcore.service.measured_values import values_of
from downcore.store import Store
from downcore.store.measured_rows import ReadFile, Summary
from downcore.strata.measured import MeasuredValue
from downcore.strata.measured_places import MeasuredPlaces

PAGE_LINES = 250
"""Lines whose values are committed in one transaction, which holds the store for some 10 ms."""
_MAX_NOTES = 20


class FileChangedError(Exception):
    """A file was rewritten while it was read, so that all begins again."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What is known of a part that was read."""

    digest: str
    n_rows: int = 0
    n_values: int = 0
    n_unmatched: int = 0
    first_unmatched: str = ""
    notes: tuple[str, ...] = ()
    doubted: frozenset[str] = frozenset()
    reason: str = ""


@dataclass(slots=True)
class LoggerFile:
    """
    A file and what is known of it since this start of the program.

    Parameters
    ----------
    path : Path
        The file.
    """

    path: Path
    parts: list[_Part] = field(default_factory=list)
    """In order, as they were read last."""
    summary: Summary | None = None
    """Of the last reading; ``None`` before the first."""

    def read(
        self,
        fmt: LogFormat,
        store: Store,
        places: MeasuredPlaces,
        *,
        is_settled: bool,
        is_matched_again: bool,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """
        Bring what the file says into the record.

        Parameters
        ----------
        fmt : LogFormat
            Its format.
        store : Store
            The record.
        places : MeasuredPlaces
            Where rows lie.
        is_settled : bool
            Whether the file is finished, so that a last line without an end counts too.
        is_matched_again : bool
            Whether parts that did not change are matched again.
        is_stopping : callable, optional
            Asked between commits whether to leave the rest for the next start.

        Raises
        ------
        FileChangedError
            If the file is being rewritten.
        OSError
            If it cannot be read.
        StoreError
            If the record cannot be kept.
        """
        n_bytes, notes, is_cut = _extent(self.path, is_settled=is_settled)
        digests, digest = _digests(self.path, fmt, n_bytes)
        known = [part.digest for part in self.parts]
        file = ReadFile(printable(self.path), digest, n_bytes, fmt.name, fmt.title)
        reading = _Reading(store, file)
        if digests == known and not is_matched_again and self.summary is not None:
            self.summary = _summary(self.parts, notes)
            reading.end(self.summary)
            return
        parts: list[_Part] = []
        for part in log_parts(self.path, fmt, n_bytes):
            if is_stopping():
                return
            if part.index >= len(digests) or part.digest != digests[part.index]:
                raise FileChangedError
            if known[part.index : part.index + 1] == [part.digest] and not is_matched_again:
                parts.append(self.parts[part.index])
                continue
            done = _read_part(part, fmt, self.path, places, is_cut=is_cut)
            if isinstance(done, _Part):
                if not is_settled:
                    # The rest of the file may mend it.
                    return
                parts.append(done)
                continue
            said, rows = done
            parts.append(said)
            end = None if part.is_last else part.first_line + part.n_lines
            if not reading.keep(part.first_line, end, rows, is_stopping):
                return
        self.parts = parts
        self.summary = _summary(parts, notes)
        reading.end(self.summary)


class _Reading:
    """Writes values of one reading; it is recorded once something is other than before."""

    def __init__(self, store: Store, file: ReadFile) -> None:
        self._store = store
        self._file = file
        self._newest = store.newest_reading(file.path)
        self._file_no = 0

    def keep(
        self,
        first_line: int,
        end: int | None,
        rows: list[list[MeasuredValue]],
        is_stopping: Callable[[], bool],
    ) -> bool:
        """Commit the values of lines, page by page; return whether all of them were."""
        pages = range(0, len(rows), PAGE_LINES) or range(1)
        for at in pages:
            if is_stopping():
                return False
            stop = first_line + at + PAGE_LINES if at != pages[-1] else end
            values = [one for row in rows[at : at + PAGE_LINES] for one in row]
            lines = (first_line + at, first_line + at + len(rows[at : at + PAGE_LINES]))
            self._replace((lines[0], lines[1]), values)
            while stop != lines[1] and self._replace((lines[1], stop), []):
                if is_stopping():
                    return False
        return True

    def _replace(self, lines: tuple[int, int | None], values: list[MeasuredValue]) -> int:
        self._begin()
        return self._store.replace_measured(self._file, self._file_no, lines, values)

    def _begin(self) -> None:
        if not self._file_no:
            is_same = self._newest is not None and self._newest.file == self._file
            if is_same and self._newest is not None and self._newest.summary.state == "read":
                self._file_no = self._newest.file_no
            else:
                self._file_no = self._store.begin_reading(self._file)

    def end(self, said: Summary) -> None:
        """Say how it ended, unless that is what is said already."""
        newest = self._newest
        if newest is not None and newest.file == self._file and newest.summary == said:
            return
        self._store.end_reading(self._store.begin_reading(self._file), said)


def _extent(path: Path, *, is_settled: bool) -> tuple[int, list[str], bool]:
    """Return how much of a file is read, what to say of that, and whether its end may be cut."""
    n_whole, size = n_whole_bytes(path), path.stat().st_size
    if not is_settled or n_whole >= size:
        return n_whole, [], False
    with path.open("rb") as file:
        start = max(n_whole - 65_536, 0)
        file.seek(start)
        above, last = file.read(n_whole - start), file.read(65_536)
    before = above.splitlines()[-1] if above else b""
    if _n_signs(last) < _n_signs(before):
        return n_whole, ["the last line ends in the middle of a row and is left out"], False
    return size, [], True


def _n_signs(line: bytes) -> int:
    return sum(line.count(sign) for sign in b"\t,;|")


def _digests(path: Path, fmt: LogFormat, n_bytes: int) -> tuple[list[str], str]:
    """Return the digest of each part of a file, and of all that is read of it."""
    digests = [part.digest for part in log_parts(path, fmt, n_bytes)]
    whole = hashlib.sha256()
    with path.open("rb") as file:
        left = n_bytes
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            whole.update(block)
            left -= len(block)
    return digests, whole.hexdigest()


def _read_part(
    part: LogPart, fmt: LogFormat, path: Path, places: MeasuredPlaces, *, is_cut: bool
) -> "_Part | tuple[_Part, list[list[MeasuredValue]]]":
    try:
        log = fmt.parse(part.raw, path)
    except LogError as error:
        return _Part(part.digest, reason=str(error))
    rows = list(values_of(log, part.first_line, places, is_cut=is_cut and part.is_last))
    unmatched = [one.unmatched for row in rows for one in row[:1] if one.unmatched]
    said = _Part(
        part.digest,
        n_rows=len(log),
        n_values=sum(map(len, rows)),
        n_unmatched=len(unmatched),
        first_unmatched=unmatched[0] if unmatched else "",
        notes=log.warnings,
        doubted=log.excluded,
    )
    return said, rows


def _summary(parts: list[_Part], notes: list[str]) -> Summary:
    said = list(dict.fromkeys((*notes, *(note for part in parts for note in part.notes))))
    if len(said) > _MAX_NOTES:
        said = [*said[:_MAX_NOTES], f"and {len(said) - _MAX_NOTES} more like these"]
    reasons = list(dict.fromkeys(part.reason for part in parts if part.reason))
    is_read = any(not part.reason for part in parts)
    return Summary(
        state="read" if is_read else "refused",
        reason="; ".join(reasons[:3]),
        notes="\n".join(said),
        doubted=tuple(sorted(frozenset().union(*(part.doubted for part in parts)))),
        n_rows=sum(part.n_rows for part in parts),
        n_values=sum(part.n_values for part in parts),
        n_unmatched=sum(part.n_unmatched for part in parts),
        first_unmatched=next((one.first_unmatched for one in parts if one.n_unmatched), ""),
    )
