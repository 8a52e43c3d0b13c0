"""
Numbered strip files of one section, read in the order of their numbers.

``NAME_strip_0001.tif``, ``NAME.0001.png``, ``NAME-001of012.bmp``. Numbers start at 1, or
at 0 where that strip exists when the section is opened. Strips may arrive in any order; only
those that follow the first without a gap are trusted.
"""

from bisect import bisect_right
from pathlib import Path
from typing import Literal

from downcore.ports import ScanLines
from downcore.sources.format import Limits, Reading, SegmentFormat
from downcore.sources.formats._strip_names import StripFiles, strip_files, strip_name
from downcore.sources.readers.image import content_of, raster_of
from downcore.sources.readers.packed import joined
from downcore.sources.readers.raster import Raster, check_dimensions
from downcore.sources.readers.scan import scan_of
from downcore.strata.errors import GrowingError, SegmentError
from downcore.strata.segment import Pixels

_CONTENTS = frozenset({"tiff", "png", "bmp"})


def _claims(path: Path, head: bytes) -> bool:
    return strip_name(path) is not None and content_of(path, head) in _CONTENTS


def _grouping(path: Path) -> str:
    name = strip_name(path)
    return str(path) if name is None else name.group


class _StripsRaster:
    """The strips of one section as one image; at most one of the files is open at a time."""

    def __init__(self, folder: Path, group: str, limits: Limits) -> None:
        self._folder, self._group, self._limits = folder, group, limits
        files = self._files()
        self._first = 0 if 0 in files.paths else 1
        if self._first not in files.paths:
            raise GrowingError(
                f"expected strip {self._first} of {group}, got none yet; look again later"
            )
        self._starts: list[int] = []
        self._n_done = 0
        self._n_partial = 0
        self._opened: tuple[int, Raster] | None = None
        first = self._strip(0, files)
        self.width: int = first.width
        self.height: int | None = None
        self.bits: Literal[8, 16] = first.bits
        self.notes = first.notes

    def _files(self) -> StripFiles:
        return strip_files(self._folder, self._group, most=self._limits.max_strip_files)

    def _strip(self, i: int, files: StripFiles | None = None) -> Raster:
        """Return strip ``i``, counted from 0, opened."""
        if self._opened is None or self._opened[0] != i:
            self.close()
            paths = (files or self._files()).paths
            path = paths.get(self._first + i)
            if path is None:
                raise SegmentError(
                    f"expected strip {self._first + i} of {self._group} to stay, got none; put it "
                    f"back"
                )
            self._opened = (i, raster_of(path, self._limits, contents=_CONTENTS))
        return self._opened[1]

    def refresh(self, *, is_still: bool = False, is_closed: bool = False) -> tuple[int, bool]:
        """Return how many rows can be trusted by now, and whether these are all."""
        files = self._files()
        if self._first == 1 and 0 in files.paths:
            raise SegmentError(
                f"expected strips from number 1 on, got number 0 after the section was opened: "
                f"{files.paths[0]}; open it again as a new scan"
            )
        self._n_partial = 0
        while self._first + len(self._starts) in files.paths:
            n_rows, is_complete = self._refresh_strip(
                len(self._starts), files, is_still=is_still, is_closed=is_closed
            )
            if not is_complete:
                self._n_partial = n_rows
                break
            self._starts.append(self._n_done)
            self._n_done += n_rows
            check_dimensions(self._folder, self.width, self._n_done, self._limits)
        n_strips = len(self._starts)
        if files.total is not None:
            return self._n_done + self._n_partial, n_strips >= files.total
        return self._n_done + self._n_partial, is_still and n_strips == len(files.paths)

    def _refresh_strip(
        self, i: int, files: StripFiles, *, is_still: bool, is_closed: bool
    ) -> tuple[int, bool]:
        try:
            strip = self._strip(i, files)
        except GrowingError:
            return 0, False
        if (strip.width, strip.bits) != (self.width, self.bits):
            raise SegmentError(
                f"expected strips of {self.width} px, {self.bits} bits, got {strip.width} px, "
                f"{strip.bits} bits: {files.paths[self._first + i]}; it belongs to another scan"
            )
        return strip.refresh(is_still=is_still, is_closed=is_closed)

    def rows(self, first: int, n_rows: int) -> Pixels:
        """Return trusted rows, shape (n_rows, width, 3)."""
        parts: list[Pixels] = []
        row, stop = first, first + n_rows
        ends = [*self._starts[1:], self._n_done, self._n_done + self._n_partial]
        while row < stop:
            i = bisect_right([*self._starts, self._n_done], row) - 1
            start = self._starts[i] if i < len(self._starts) else self._n_done
            end = min(ends[i] if self._starts else self._n_partial, stop)
            parts.append(self._strip(i).rows(row - start, end - row))
            row = end
        return joined(parts)

    def columns(self, first: int, n_columns: int) -> Pixels:
        """Refuse: strips lie across the core."""
        raise SegmentError(f"expected strips across the core, got columns {first} to {n_columns}")

    def close(self) -> None:
        """Close the open file; harmless when called again."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None


def _open(paths: tuple[Path, ...], reading: Reading) -> ScanLines:
    groups = {_grouping(path) for path in paths}
    if len(groups) != 1 or strip_name(paths[0]) is None:
        raise SegmentError(f"expected the strips of one section, got {sorted(groups)}")
    (group,) = groups
    raster = _StripsRaster(paths[0].parent, group, reading.limits)
    return scan_of(raster, reading, format_name=FORMAT.name, place=group)


FORMAT = SegmentFormat(
    name="strips",
    title="numbered strip files",
    rank=25,
    claims=_claims,
    open=_open,
    grouping=_grouping,
)
