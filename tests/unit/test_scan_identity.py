"""Which scan of the store a file is: new, known and grown, replaced, or a copy."""

import hashlib
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, cast

import numpy as np
import pytest

from downcore.ports import ScanDescription
from downcore.service.identity import Identity, identify
from downcore.sources.inbox.digests import PrefixDigest, scan_id_of
from downcore.sources.turns import at_once
from downcore.store import OpenedScan
from downcore.strata.depth import LineScale
from downcore.strata.record import ScanState
from downcore.strata.segment import Pixels, Segment

SECTION = "GC01_01"
HELD = ScanDescription("held", "10", "settings", "up", "format", 8)
LINES: Pixels = np.random.default_rng(2).integers(0, 256, (60, 4, 3)).astype(np.uint8)


@dataclass(frozen=True)
class HeldScan:
    """A scan of 10 lines per centimetre that is held in memory."""

    lines: Pixels
    scale: LineScale = field(default_factory=lambda: LineScale.of(10))
    description: ScanDescription = HELD

    def read(self, first_line: int, n_lines: int) -> Segment:
        return Segment(self.lines[first_line : first_line + n_lines], first_line)


@dataclass
class HeldStore:
    """What a store answers of scans."""

    scans: dict[str, OpenedScan] = field(default_factory=dict)
    openings: frozenset[str] = frozenset()

    def known_scan(self, scan_id: str) -> OpenedScan | None:
        return self.scans.get(scan_id)

    def has_scan_that_begins_with(self, header_digest: str) -> bool:
        return header_digest in self.openings


def digest(n_lines: int, lines: Pixels = LINES) -> str:
    return at_once(PrefixDigest.replay(HeldScan(lines), n_lines)).hexdigest()


FIRST = scan_id_of(SECTION, digest(10))


def known(n_lines_done: int = 40, **more: Any) -> OpenedScan:
    scan = OpenedScan(
        scan_id=FIRST,
        is_new=False,
        state=ScanState.DONE,
        duplicate_of=None,
        n_slices=n_lines_done // 10,
        n_lines_done=n_lines_done,
        prefix_digest=digest(n_lines_done),
        content_digest="c0" * 16,
        has_ended=False,
        px_per_cm=Fraction(10),
        top="up",
    )
    return replace(scan, **more)


def found(
    store: HeldStore,
    lines: Pixels = LINES,
    *,
    n_lines: int = 40,
    is_complete: bool = True,
    content: str = "",
) -> Identity | None:
    scan, record = cast("Any", HeldScan(lines)), cast("Any", store)
    turns = identify(
        scan, SECTION, record, n_lines=n_lines, is_complete=is_complete, content=content
    )
    return at_once(turns)


def test_a_scan_is_told_from_its_first_centimetre_and_not_before() -> None:
    assert found(HeldStore(), n_lines=9, is_complete=False) is None
    assert found(HeldStore(), n_lines=0) is None
    new = Identity(FIRST, digest(10), None)
    assert found(HeldStore(), n_lines=10, is_complete=False) == new
    short = found(HeldStore(), n_lines=9)
    assert short is not None
    assert short.opening == digest(9), "a section shorter than 1 cm is all there is"


def test_a_known_scan_that_goes_on_is_the_same_scan() -> None:
    kept = known(20)

    assert found(HeldStore({FIRST: kept}), n_lines=40) == Identity(FIRST, digest(10), kept)


def test_a_new_scan_that_opens_as_another_section_may_be_its_copy() -> None:
    got = found(HeldStore(openings=frozenset({digest(10)})))

    assert got == Identity(FIRST, digest(10), None, is_copy=True)


def test_a_file_with_other_lines_further_down_is_a_new_scan() -> None:
    other = LINES.copy()
    other[30] ^= 1

    got = found(HeldStore({FIRST: known()}), other)

    assert got is not None
    assert (got.stored, got.opening) == (None, digest(10))
    assert got.scan_id != FIRST
    assert got == found(HeldStore({FIRST: known()}), other), "its name depends on its lines alone"


def test_a_scan_that_was_done_and_has_more_lines_is_a_new_scan() -> None:
    store = HeldStore({FIRST: known(has_ended=True)})

    again, more = found(store, n_lines=40), found(store, n_lines=50)

    assert again is not None
    assert again.scan_id == FIRST
    assert more is not None
    assert (more.stored, more.scan_id == FIRST) == (None, False)


def test_a_file_that_is_written_anew_is_waited_for() -> None:
    store = HeldStore({FIRST: known(40)})

    assert found(store, n_lines=30, is_complete=False) is None
    cut_short = found(store, n_lines=30)
    assert cut_short is not None
    assert cut_short.scan_id != FIRST


def test_a_linked_scan_is_told_by_its_whole_content() -> None:
    content = "ab" * 16
    linked = known(0, duplicate_of="original", content_digest=content)
    store = HeldStore({FIRST: linked})

    assert found(store) is None, "its content is not known yet"
    assert found(store, content=content) == Identity(FIRST, digest(10), linked)
    other = found(store, content="cd" * 16)
    assert other is not None
    assert (other.stored, other.scan_id == FIRST) == (None, False)


@pytest.mark.parametrize(
    ("kept", "has_all"),
    [
        (None, False),
        (known(), True),
        (known(state=ScanState.SUPERSEDED), True),
        (known(state=ScanState.GROWING), False),
        (known(30), False),
        (known(n_slices=3), False),
        (known(0, duplicate_of="original"), True),
    ],
)
def test_a_scan_has_all_once_every_line_and_slice_is_kept_or_linked(
    kept: OpenedScan | None, *, has_all: bool
) -> None:
    assert Identity(FIRST, digest(10), kept).has_all(40, 4) == has_all


def named_after(scan_id: str, digest_of_other: str) -> str:
    """Return the name of what replaced a scan; records hold such names, so they cannot change."""
    joined = hashlib.blake2b(bytes.fromhex(scan_id + digest_of_other), digest_size=16)
    return scan_id_of(SECTION, joined.hexdigest())


def test_a_file_that_was_replaced_is_known_again_by_the_name_of_the_first_and_what_differs() -> (
    None
):
    other = LINES.copy()
    other[30] ^= 1
    second = named_after(FIRST, digest(40, other))
    kept = replace(known(), scan_id=second, prefix_digest=digest(40, other))

    assert found(HeldStore({FIRST: known()}), other) == Identity(second, digest(10), None)
    assert found(HeldStore({FIRST: known(), second: kept}), other) == Identity(
        second, digest(10), kept
    )


def test_a_file_with_other_content_than_a_linked_one_is_known_again() -> None:
    linked = known(0, duplicate_of="original")
    content = "cd" * 16
    second = named_after(FIRST, content)
    kept = replace(known(), scan_id=second)

    got = found(HeldStore({FIRST: linked, second: kept}), content=content)

    assert got == Identity(second, digest(10), kept)


@pytest.mark.parametrize("otherwise", [{"px_per_cm": Fraction(20)}, {"top": "left"}])
def test_the_same_lines_read_another_way_are_another_scan(otherwise: dict[str, Any]) -> None:
    store = HeldStore({FIRST: known(**otherwise)})

    got = found(store)

    assert got is not None
    assert (got.stored, got.scan_id == FIRST) == (None, False)
    assert got == found(store), "its name depends on its lines and its reading alone"


def test_a_growing_scan_without_a_new_line_is_the_same_scan() -> None:
    kept = known(20, state=ScanState.GROWING)

    got = found(HeldStore({FIRST: kept}), n_lines=20, is_complete=False)

    assert got == Identity(FIRST, digest(10), kept)


def test_a_scan_of_which_nothing_is_kept_but_its_name_is_the_same_scan() -> None:
    begun = known(0, state=ScanState.GROWING, prefix_digest="")

    assert found(HeldStore({FIRST: begun})) == Identity(FIRST, digest(10), begun)
    one_line = known(1, state=ScanState.GROWING, prefix_digest="00" * 16)
    got = found(HeldStore({FIRST: one_line}))
    assert got is not None
    assert got.stored is None, "its one line is another"
