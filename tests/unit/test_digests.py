import hashlib
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.sources.inbox.digests import (
    PrefixDigest,
    content_digest,
    scan_id_of,
)
from downcore.sources.turns import at_once
from downcore.strata.errors import GrowingError, HostileFileError, SegmentError
from downcore.strata.segment import Pixels, Segment


@dataclass(frozen=True)
class HeldScan:
    """A scan that is held in memory."""

    lines: Pixels

    def read(self, first_line: int, n_lines: int) -> Segment:
        return Segment(self.lines[first_line : first_line + n_lines], first_line)


def digest_of(path: Path) -> str:
    return at_once(content_digest(path))


def replayed(scan: HeldScan, n_lines: int) -> PrefixDigest:
    return at_once(PrefixDigest.replay(scan, n_lines))


def some_lines(n: int = 700, dtype: type = np.uint8) -> Pixels:
    rng = np.random.default_rng(7)
    lines: Pixels = rng.integers(0, 256, (n, 5, 3)).astype(dtype)
    return lines


def test_the_same_content_has_the_same_digest_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"core" * 1_000_000)
    (tmp_path / "b.bmp").write_bytes(b"core" * 1_000_000)
    expected = hashlib.blake2b(b"core" * 1_000_000, digest_size=16).hexdigest()
    assert digest_of(tmp_path / "a.tif") == digest_of(tmp_path / "b.bmp") == expected


def test_a_scan_is_known_by_its_section_and_its_opening() -> None:
    opening = "00" * 16
    ids = {scan_id_of("GC01_01", opening), scan_id_of("GC01_02", opening)}
    assert len(ids) == 2
    assert all(len(i) == 32 and set(i) <= set("0123456789abcdef") for i in ids)
    assert scan_id_of("GC01_01", opening) == scan_id_of("GC01_01", opening)


def test_a_link_and_a_pipe_have_no_content(tmp_path: Path) -> None:
    (tmp_path / "scan.tif").write_bytes(b"x")
    (tmp_path / "link.tif").symlink_to(tmp_path / "scan.tif")
    os.mkfifo(tmp_path / "pipe.tif")
    for name in ("link.tif", "pipe.tif"):
        with pytest.raises(HostileFileError, match="regular file"):
            digest_of(tmp_path / name)


def test_a_file_that_vanished_is_a_segment_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SegmentError, match=r"gone\.tif"):
        digest_of(tmp_path / "gone.tif")


@given(cuts=st.lists(st.integers(0, 700), max_size=8), deep=st.booleans())
def test_the_digest_of_lines_does_not_depend_on_how_they_were_cut(
    cuts: list[int], *, deep: bool
) -> None:
    lines = some_lines(dtype=np.uint16 if deep else np.uint8)
    prefix = PrefixDigest()
    edges = [0, *sorted(cuts), len(lines)]
    for first, last in pairwise(edges):
        prefix.add(Segment(lines[first:last], first))
    assert prefix.n_lines == 700
    assert prefix.hexdigest() == replayed(HeldScan(lines), 700).hexdigest()


def test_a_replayed_digest_goes_on_like_one_that_never_stopped() -> None:
    lines = some_lines()
    unbroken = PrefixDigest()
    unbroken.add(Segment(lines, 0))
    resumed = replayed(HeldScan(lines), 300)
    resumed.add(Segment(lines[300:], 300))
    assert resumed.hexdigest() == unbroken.hexdigest()


def test_a_file_replaced_in_place_is_found_out() -> None:
    lines = some_lines()
    other = lines.copy()
    other[299, 4, 2] ^= 1
    before = replayed(HeldScan(lines), 300).hexdigest()
    assert replayed(HeldScan(other), 300).hexdigest() != before
    assert replayed(HeldScan(other), 299).n_lines == 299


def test_depth_and_width_are_part_of_the_digest() -> None:
    empty = PrefixDigest().hexdigest()
    digests = set()
    for shape in ((6, 2, 3), (4, 3, 3), (12, 1, 3)):
        prefix = PrefixDigest()
        prefix.add(Segment(np.zeros(shape, np.uint8), 0))
        digests.add(prefix.hexdigest())
    deep = PrefixDigest()
    deep.add(Segment(np.zeros((3, 2, 3), np.uint16), 0))
    assert len({*digests, deep.hexdigest(), empty}) == 5


def test_lines_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="expected line 0 next, got 3"):
        PrefixDigest().add(Segment(some_lines(4), 3))


def test_a_scan_that_became_shorter_cannot_be_replayed() -> None:
    with pytest.raises(GrowingError, match="expected 800 lines"):
        replayed(HeldScan(some_lines(700)), 800)


def test_a_scan_keeps_its_name_from_version_to_version() -> None:
    # Stores hold these; another way to make them would take every scan for a new one.
    lines = np.arange(12, dtype=np.uint16).reshape(2, 2, 3) * 300
    prefix = PrefixDigest()
    prefix.add(Segment(lines, 0))
    kept = hashlib.blake2b(digest_size=16)
    kept.update(b"(2, 3, 2)" + lines.astype("<u2").tobytes())
    assert prefix.hexdigest() == kept.hexdigest()
    opening = prefix.hexdigest()
    parts = (b"GC01_01", bytes.fromhex(opening))
    framed = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    assert scan_id_of("GC01_01", opening) == hashlib.blake2b(framed, digest_size=16).hexdigest()
