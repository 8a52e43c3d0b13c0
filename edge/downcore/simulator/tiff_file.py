"""The bytes around the strips of an RGB TIFF, so that strips can be written one by one."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from downcore.simulator.writing import ScanJob

_SHORT, _LONG, _RATIONAL = 3, 4, 5
_N_TAGS = 12
_HEADER = struct.pack("<2sHI", b"II", 42, 8)


@dataclass(frozen=True, slots=True)
class TiffFile:
    """
    An 8 bit RGB TIFF whose layout is known before the first line is scanned.

    The resolution tag says 300 dpi whatever the scale is, as camera software writes it.
    """

    n_lines: int
    n_across: int

    rows_per_strip: int
    """Lines in a strip; the last strip may be shorter."""

    is_index_first: bool = True
    """Whether the index comes before the strips; most libraries write it after them."""

    @classmethod
    def of(cls, job: ScanJob, *, is_index_first: bool = True) -> "TiffFile":
        """Return the file of a section with one strip for each step."""
        lines = job.lines
        rows = min(job.lines_per_step, lines.n_lines)
        return cls(lines.n_lines, lines.n_across, rows, is_index_first)

    @property
    def n_strips(self) -> int:
        """Strips in the file."""
        return -(-self.n_lines // self.rows_per_strip)

    @property
    def n_bytes(self) -> int:
        """Size of the finished file."""
        return len(_HEADER) + len(self.index()) + self.n_lines * self.n_across * 3

    def header(self) -> bytes:
        """Return the first 8 bytes, which say where the index is."""
        pixels = self.n_lines * self.n_across * 3
        index_at = len(_HEADER) + (0 if self.is_index_first else pixels)
        return struct.pack("<2sHI", b"II", 42, index_at)

    def offset(self, strip: int) -> int:
        """Return where a strip starts."""
        before = len(_HEADER) + (len(self.index()) if self.is_index_first else 0)
        return before + strip * self.rows_per_strip * self.n_across * 3

    def index(self) -> bytes:
        """Return the directory of tags and the tables it points to; an even number of bytes."""
        row = self.n_across * 3
        index_at = len(_HEADER) + (0 if self.is_index_first else self.n_lines * row)
        tables_at = index_at + 2 + _N_TAGS * 12 + 4
        n_table = 4 * self.n_strips
        strips_at = tables_at + 6 + 8 + 2 * n_table if self.is_index_first else len(_HEADER)
        full = self.rows_per_strip * row
        counts = [full] * (self.n_strips - 1) + [self.n_lines * row - full * (self.n_strips - 1)]
        offsets = [strips_at + full * k for k in range(self.n_strips)]
        many = self.n_strips > 1
        tags = (
            (256, _LONG, 1, self.n_across),
            (257, _LONG, 1, self.n_lines),
            (258, _SHORT, 3, tables_at),
            (259, _SHORT, 1, 1),
            (262, _SHORT, 1, 2),
            (273, _LONG, self.n_strips, tables_at + 14 if many else offsets[0]),
            (277, _SHORT, 1, 3),
            (278, _LONG, 1, self.rows_per_strip),
            (279, _LONG, self.n_strips, tables_at + 14 + n_table if many else counts[0]),
            (282, _RATIONAL, 1, tables_at + 6),
            (283, _RATIONAL, 1, tables_at + 6),
            (296, _SHORT, 1, 2),
        )
        directory = b"".join(struct.pack("<HHII", *tag) for tag in tags)
        tables = struct.pack(f"<3H2I{2 * self.n_strips}I", 8, 8, 8, 300, 1, *offsets, *counts)
        return struct.pack("<H", _N_TAGS) + directory + struct.pack("<I", 0) + tables


def tiff_parts(job: ScanJob, tiff: TiffFile) -> Iterator[tuple[int, bytes]]:
    """Yield a section's TIFF in the order of its bytes: lines scanned by then, and the bytes."""
    yield 0, tiff.header() + (tiff.index() if tiff.is_index_first else b"")
    for n_scanned, lines in job.chunks():
        yield n_scanned, lines.tobytes()
    if not tiff.is_index_first:
        yield job.lines.n_lines, tiff.index()
