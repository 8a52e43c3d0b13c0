"""
How much of a file has been written, judged by its bytes.

Copying programs and scanners may give a file its full size first and write it afterwards, in
order or in large blocks out of order. What is not written yet reads as zeros. So bytes are
trusted up to the first block of zeros only, and of the block before it up to its last byte that
is not zero.
"""

from dataclasses import dataclass

from downcore.sources.format import Limits
from downcore.sources.readers.input_file import InputFile
from downcore.strata.errors import HostileFileError, SegmentError

BLOCK_BYTES = 64 * 1024
"""
Length, and alignment, of a run of zeros that counts as a hole in the middle.

The smallest block in which network copies write out of order; a run this long
is 16 lines of 1,400 pure black pixels, which a sensor with noise does not give.
"""

_PAGE_BYTES = 4096
_ZEROS = bytes(BLOCK_BYTES)


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a file was written when it was last read."""

    size: int
    """The file's size in bytes."""

    written: int
    """End of the last byte, not zero, up to which the file was written."""

    is_still: bool
    """Whether zeros after ``written`` may be pixels, since the writer has finished."""

    def holds(self, start: int, end: int) -> bool:
        """Return whether the bytes from ``start`` to ``end`` can be trusted."""
        return end <= self.size and (start < self.written if self.is_still else end <= self.written)

    def whole_rows(self, offset: int, stride: int, used: int) -> int:
        """
        Return how many rows from ``offset`` on can be trusted.

        Parameters
        ----------
        offset, stride : int
            Where the first row starts, and how far apart rows are, in bytes.
        used : int
            Bytes of a row that carry pixels; what follows is padding.
        """
        there = max((self.size - offset - used) // stride + 1, 0)
        if self.is_still:
            # The row that holds the last byte that is not zero is taken as complete.
            return min(there, max(-(-(self.written - offset) // stride), 0))
        return min(there, max((self.written - offset - used) // stride + 1, 0))


class WrittenExtent:
    """
    Follows how far a file is written; while it grows, each block is checked once.

    Parameters
    ----------
    file : InputFile
        The file.
    limits : Limits
        A file that is larger than any image needs is refused before it is searched for its end.
    """

    def __init__(self, file: InputFile, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._most = limits.max_file_bytes
        self._whole_blocks = 0
        self._size = 0

    def expect(self, n_bytes: int, *, n_images: int = 1) -> None:
        """
        Bound the file by the bytes that its image needs.

        Parameters
        ----------
        n_bytes : int
            Bytes from the file's start to the end of the image that is read.
        n_images : int
            Images in the file, each taken to be as large; so are the previews of all together.
        """
        needed = n_bytes * (n_images + 1) if n_images > 1 else n_bytes
        self._most = min(needed + self._limits.max_beyond_bytes, self._limits.max_file_bytes)

    def extent(self, *, is_still: bool = False, is_closed: bool = False) -> Extent:
        """
        Return how far the file is written now.

        The first call reads a page of every block of the file, later ones only what was added.

        Parameters
        ----------
        is_still : bool, default False
            Whether the writer has finished, so that only zeros at the very end mean
            that something is missing.
        is_closed : bool, default False
            Whether nothing more will come, so that zeros at the very end are pixels, too: if
            they take no more than half of the file, and the file has no hole there.

        Raises
        ------
        SegmentError
            If the file shrank, so that lines already read are no longer there.
        HostileFileError
            If it is far larger than its image.
        """
        size = self._file.size()
        if size < self._size:
            raise SegmentError(
                f"expected at least {self._size} bytes, got {size}: {self._file.path} was cut "
                f"short while it was read; open it again as a new scan"
            )
        self._size = size
        if size > self._most:
            raise HostileFileError(
                f"expected at most {self._most} bytes of a file with such an image, got {size}: "
                f"{self._file.path}; the rest is no part of the image, so copy it again from the "
                f"scanner or export it anew; a scan that is really so long is cut into sections"
            )
        if is_still:
            stop = min(self._file.end_of_data(), size)
            written = self._end_of_last_byte(stop)
            if is_closed and stop == size and 2 * written >= size:
                written = size
            return Extent(size, written, is_still=True)
        while (start := self._whole_blocks * BLOCK_BYTES) + BLOCK_BYTES <= size:
            # Nearly every block has a byte that is not zero in its first page.
            if self._is_blank(start, _PAGE_BYTES) and self._is_blank(start, BLOCK_BYTES):
                break
            self._whole_blocks += 1
        return Extent(size, self._end_of_last_byte(min(start + BLOCK_BYTES, size)), is_still=False)

    def _is_blank(self, start: int, n_bytes: int) -> bool:
        return self._file.read_at(start, n_bytes) == _ZEROS[:n_bytes]

    def _end_of_last_byte(self, stop: int) -> int:
        """Return the end of the last byte before ``stop`` that is not zero; 0 if there is none."""
        while stop > 0:
            start = (stop - 1) // BLOCK_BYTES * BLOCK_BYTES
            block = self._file.read_at(start, stop - start)
            if block != _ZEROS and (kept := len(block.rstrip(b"\0"))):
                return start + kept
            stop = start
        return 0
