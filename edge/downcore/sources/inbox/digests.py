"""
Digests that identify a scan by its content, independent of its name, place and time stamp.

All digests are BLAKE2b of 128 bits, written as 32 hexadecimal digits.
"""

import hashlib
import os
from pathlib import Path

import numpy as np

from downcore.ports import ScanLines
from downcore.sources.readers.input_file import InputFile
from downcore.sources.turns import TURN_BYTES, Turns
from downcore.strata.errors import GrowingError
from downcore.strata.segment import Segment

DIGEST_BYTES = 16
BLOCK_BYTES = 1 << 20
REPLAY_LINES = 256
"""Lines read at a time when a digest is built again; has no effect on it."""


def content_digest(path: Path) -> Turns[str]:
    """
    Return the digest of a whole file, read in blocks, with a pause between turns.

    Raises
    ------
    SegmentError
        If it cannot be read.
    """
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with InputFile(path) as file:
        done = n_bytes = 0
        while block := file.read_at(done, BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            n_bytes += len(block)
            if n_bytes >= TURN_BYTES:
                n_bytes = 0
                yield
    return digest.hexdigest()


def scan_id_of(section_id: str, opening: str) -> str:
    """
    Return the identity of a scan, 32 hexadecimal digits.

    Parameters
    ----------
    section_id : str
        Which section it is a scan of.
    opening : str
        Digest of the lines of its first centimetre, 32 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in (os.fsencode(section_id), bytes.fromhex(opening)):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


class PrefixDigest:
    """
    The digest of a scan's lines from the first to the last one added.

    It depends on the lines alone, not on how they were cut into segments. An
    unfinished digest cannot be stored, so after a restart ``replay`` builds it again, which also
    shows whether the lines are unchanged.
    """

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self._n_lines = 0

    @property
    def n_lines(self) -> int:
        """Lines added so far."""
        return self._n_lines

    def add(self, segment: Segment) -> None:
        """
        Add the lines that come next.

        Raises
        ------
        ValueError
            If the segment does not start at ``n_lines``.
        """
        if segment.first_line != self._n_lines:
            raise ValueError(f"expected line {self._n_lines} next, got {segment.first_line}")
        if len(segment.lines) == 0:
            return
        if self._n_lines == 0:
            shape = (*segment.lines.shape[1:], segment.lines.itemsize)
            self._digest.update(repr(shape).encode())
        little_endian = segment.lines.dtype.newbyteorder("<")
        self._digest.update(np.ascontiguousarray(segment.lines, dtype=little_endian).data)
        self._n_lines += len(segment.lines)

    def hexdigest(self) -> str:
        """Return the digest of the lines so far."""
        return self._digest.hexdigest()

    @classmethod
    def replay(cls, scan: ScanLines, n_lines: int) -> "Turns[PrefixDigest]":
        """
        Build the digest of a scan's first ``n_lines`` again, by reading them in turns.

        Raises
        ------
        SegmentError
            If the lines cannot be read.
        """
        prefix = cls()
        n_bytes = 0
        while prefix.n_lines < n_lines:
            first = prefix.n_lines
            segment = scan.read(first, min(REPLAY_LINES, n_lines - first))
            if len(segment.lines) == 0:
                raise GrowingError(f"expected {n_lines} lines to compare, got {first}")
            prefix.add(segment)
            n_bytes += segment.lines.nbytes
            if n_bytes >= TURN_BYTES:
                n_bytes = 0
                yield
        return prefix
