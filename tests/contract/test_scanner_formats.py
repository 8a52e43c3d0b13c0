"""What every scanner format promises, on the samples under ``tests/data/segments``."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.ports import ScanLines
from downcore.sources import Reading, SegmentFormat, format_of, formats, head_of
from downcore.strata.errors import GrowingError, SegmentError, UnknownScaleError

SEGMENTS = Path(__file__).parents[1] / "data" / "segments"


@dataclass(frozen=True)
class Sample:
    """One way in which a format's files are written."""

    folder: Path
    files: tuple[str, ...]
    px_per_cm: str | None
    top: Literal["up", "left", "right"] | None
    tolerance: int

    @property
    def format(self) -> SegmentFormat:
        return formats()[self.folder.parent.name]

    @property
    def lines(self) -> NDArray[Any]:
        lines: NDArray[Any] = np.load(self.folder / "lines.npy")
        return lines

    def reading(self, **changed: Any) -> Reading:
        return Reading(**({"px_per_cm": self.px_per_cm, "top": self.top} | changed))

    def paths(self, folder: Path | None = None) -> tuple[Path, ...]:
        return tuple((folder or self.folder) / name for name in self.files)

    def copied_to(self, folder: Path) -> tuple[Path, ...]:
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return self.paths(folder)

    def agrees(self, got: NDArray[Any], first_line: int = 0) -> bool:
        known = self.lines[first_line : first_line + len(got)]
        if got.shape != known.shape or got.dtype != known.dtype:
            return False
        off = np.abs(got.astype(np.int64) - known.astype(np.int64))
        return off.size == 0 or int(off.max()) <= self.tolerance


def _samples() -> Iterator[Sample]:
    for described in sorted(SEGMENTS.glob("*/*/sample.json")):
        says = json.loads(described.read_text())
        files = tuple(says.pop("files"))
        yield Sample(folder=described.parent, files=files, **says)


SAMPLES = tuple(_samples())
IDS = [f"{sample.folder.parent.name}-{sample.folder.name}" for sample in SAMPLES]
every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=IDS)


def read_all(scan: ScanLines) -> NDArray[Any]:
    n_lines, is_complete = scan.refresh(is_still=True)
    assert is_complete, f"expected a complete scan, got {n_lines} lines"
    return scan.read(0, n_lines).lines


def cut_after(sample: Sample, folder: Path, n_bytes: int, *, is_zero_tailed: bool) -> None:
    """Write the sample's files as if only their first bytes had been written yet."""
    for source, path in zip(sample.paths(), sample.paths(folder), strict=True):
        whole = source.read_bytes()
        kept = whole[: max(n_bytes, 0)]
        if kept or is_zero_tailed:
            path.write_bytes(kept.ljust(len(whole), b"\0") if is_zero_tailed else kept)
        else:
            path.unlink(missing_ok=True)
        n_bytes -= len(whole)


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def n_bytes_of(sample: Sample) -> int:
    return sum(path.stat().st_size for path in sample.paths())


def test_every_format_has_a_sample() -> None:
    missing = set(formats()) - {sample.folder.parent.name for sample in SAMPLES}
    assert not missing, f"no sample under tests/data/segments for {sorted(missing)}"


def test_every_format_is_named_as_its_module() -> None:
    for name, fmt in formats().items():
        assert fmt is __import__(f"downcore.sources.formats.{name}", fromlist=["FORMAT"]).FORMAT


@every_sample
def test_a_sample_is_told_to_be_of_its_own_format(sample: Sample) -> None:
    for path in sample.paths():
        found = format_of(path, head_of(path))

        assert found is not None, f"no format claims {path.name}"
        assert found.name == sample.format.name


@every_sample
def test_a_format_refuses_to_open_what_it_does_not_claim(sample: Sample) -> None:
    path = sample.paths()[0]
    head = head_of(path)
    for fmt in formats().values():
        if not fmt.claims(path, head):
            with pytest.raises(SegmentError):
                fmt.open((path,), sample.reading(px_per_cm="20"))


@every_sample
def test_lines_are_the_known_pixels(sample: Sample) -> None:
    with closing(sample.format.open(sample.paths(), sample.reading())) as scan:
        lines = read_all(scan)

    assert len(lines) == len(sample.lines)
    assert sample.agrees(lines), "expected the known pixels, got others"
    assert scan.n_across == lines.shape[1]
    assert scan.n_lines_expected in {None, len(lines)}


@every_sample
def test_a_scan_says_what_it_is_and_who_said_so(sample: Sample) -> None:
    with closing(sample.format.open(sample.paths(), sample.reading())) as scan:
        says = scan.description

    assert says.format_name == sample.format.name
    assert says.bits == sample.lines.dtype.itemsize * 8
    assert (says.px_per_cm_from == "settings") == (sample.px_per_cm is not None)
    assert says.top_from == "format"
    assert scan.scale.px_per_cm > 0


@every_sample
def test_the_settings_win_over_the_sidecar(sample: Sample) -> None:
    with closing(sample.format.open(sample.paths(), sample.reading(px_per_cm="43.21"))) as scan:
        assert scan.description.px_per_cm == "43.21"
        assert scan.description.px_per_cm_from == "settings"


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.px_per_cm is not None])
def test_a_scale_that_nobody_said_is_asked_for_not_taken_from_the_dpi_tag(sample: Sample) -> None:
    with pytest.raises(UnknownScaleError, match="px_per_cm"):
        sample.format.open(sample.paths(), sample.reading(px_per_cm=None))


@every_sample
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 24), max_size=8))
def test_lines_do_not_depend_on_how_they_are_cut_into_segments(
    sample: Sample, cuts: list[int]
) -> None:
    with closing(sample.format.open(sample.paths(), sample.reading())) as scan:
        whole = read_all(scan)
        edges = [0, *sorted(cuts), len(whole)]
        parts = [scan.read(first, stop - first) for first, stop in pairwise(edges)]

    assert [part.first_line for part in parts] == edges[:-1]
    np.testing.assert_array_equal(np.concatenate([part.lines for part in parts]), whole)


@every_sample
@pytest.mark.parametrize("is_zero_tailed", [False, True], ids=["truncated", "zero-tailed"])
def test_an_unfinished_file_only_gives_lines_that_are_right(
    sample: Sample, tmp_path: Path, *, is_zero_tailed: bool
) -> None:
    sample.copied_to(tmp_path)
    n_bytes = n_bytes_of(sample)
    n_lines_before = 0
    for n_written in [*range(0, n_bytes, 13), *range(max(n_bytes - 40, 0), n_bytes)]:
        cut_after(sample, tmp_path, n_written, is_zero_tailed=is_zero_tailed)
        paths = tuple(path for path in sample.paths(tmp_path) if path.exists())
        if not paths:
            continue
        try:
            scan = sample.format.open(paths, sample.reading())
        except GrowingError:
            continue
        with closing(scan):
            n_lines, is_complete = scan.refresh()
            lines = scan.read(0, n_lines).lines
        assert sample.agrees(lines), f"wrong lines after {n_written} of {n_bytes} bytes"
        assert not is_complete or n_lines == len(sample.lines)
        n_lines_before = max(n_lines_before, n_lines)
    assert n_lines_before <= len(sample.lines)


@every_sample
@pytest.mark.parametrize("is_zero_tailed", [False, True], ids=["truncated", "zero-tailed"])
def test_half_a_file_is_never_complete_however_long_it_is_still(
    sample: Sample, tmp_path: Path, *, is_zero_tailed: bool
) -> None:
    sample.copied_to(tmp_path)
    cut_after(sample, tmp_path, n_bytes_of(sample) // 2, is_zero_tailed=is_zero_tailed)
    paths = tuple(path for path in sample.paths(tmp_path) if path.exists())
    try:
        scan = sample.format.open(paths, sample.reading())
    except GrowingError:
        return
    with closing(scan):
        n_lines, is_complete = scan.refresh(is_still=True)
        assert not is_complete or (scan.n_lines_expected is None and not is_zero_tailed)
        assert n_lines < len(sample.lines)
        with pytest.raises(GrowingError, match="look again"):
            scan.read(n_lines, 1)


@every_sample
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(shares=st.lists(st.floats(0, 1), max_size=6), is_zero_tailed=st.booleans())
def test_an_open_scan_grows_by_right_lines_and_loses_none(
    sample: Sample,
    tmp_path_factory: pytest.TempPathFactory,
    shares: list[float],
    *,
    is_zero_tailed: bool,
) -> None:
    folder = tmp_path_factory.mktemp("inbox")
    sample.copied_to(folder)
    n_bytes = n_bytes_of(sample)
    scan: ScanLines | None = None
    got: list[NDArray[Any]] = []
    n_read = 0
    for n_written in [*sorted(int(share * n_bytes) for share in shares), n_bytes]:
        cut_after(sample, folder, n_written, is_zero_tailed=is_zero_tailed)
        paths = tuple(path for path in sample.paths(folder) if path.exists())
        if scan is None and paths:
            try:
                scan = sample.format.open(paths, sample.reading())
            except GrowingError:
                continue
        if scan is not None:
            n_lines, _ = scan.refresh(is_still=n_written == n_bytes)
            assert n_lines >= n_read, "lines that were trusted are gone"
            got.append(scan.read(n_read, n_lines - n_read).lines)
            n_read = n_lines

    assert scan is not None
    assert scan.refresh(is_still=True) == (len(sample.lines), True)
    scan.close()
    assert sample.agrees(np.concatenate(got)), "grown lines differ from those of the finished file"


@every_sample
@settings(max_examples=15, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), is_cut=st.booleans())
def test_a_damaged_file_gives_lines_or_a_reason_and_nothing_else(
    sample: Sample,
    tmp_path_factory: pytest.TempPathFactory,
    place: float,
    value: int,
    *,
    is_cut: bool,
) -> None:
    folder = tmp_path_factory.mktemp("inbox")
    for path in sample.copied_to(folder):
        raw = bytearray(path.read_bytes())
        at = int(place * len(raw))
        raw[at : at + 1] = b"" if is_cut else bytes([value])
        path.write_bytes(raw)

    with suppress(SegmentError):
        scan = sample.format.open(sample.paths(folder), sample.reading())
        with closing(scan):
            n_lines, _ = scan.refresh(is_still=True)
            lines = scan.read(0, n_lines).lines
            assert lines.shape == (n_lines, scan.n_across, 3)


@every_sample
def test_reading_leaves_the_inbox_as_it_was(sample: Sample, tmp_path: Path) -> None:
    sample.copied_to(tmp_path)
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("*")}

    with closing(sample.format.open(sample.paths(tmp_path), sample.reading())) as scan:
        read_all(scan)

    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("*")} == before


@every_sample
def test_a_closed_scan_holds_no_file(sample: Sample) -> None:
    before = open_files()
    scan = sample.format.open(sample.paths(), sample.reading())
    read_all(scan)
    scan.close()
    scan.close()

    assert open_files() == before


@pytest.mark.parametrize(
    "sample", [s for s in SAMPLES if s.format.name not in {"strips", "raw_header"}]
)
@pytest.mark.parametrize("top", ["up", "left", "right"])
def test_the_core_may_lie_in_the_image_as_the_settings_say(
    sample: Sample, top: Literal["up", "left", "right"]
) -> None:
    with closing(sample.format.open(sample.paths(), sample.reading())) as scan:
        image = read_all(scan)
        if scan.description.top == "left":
            image = image.transpose(1, 0, 2)
    expected = {
        "up": image,
        "left": image.transpose(1, 0, 2),
        "right": image[:, ::-1].transpose(1, 0, 2),
    }[top]

    turned = sample.format.open(sample.paths(), sample.reading(top=top))
    with closing(turned):
        lines = read_all(turned)
        parts = [turned.read(i, 1).lines for i in range(len(lines))]

    np.testing.assert_array_equal(lines, expected)
    np.testing.assert_array_equal(np.concatenate(parts), expected)
    assert turned.description.top_from == "settings"


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.format.name == "strips"])
def test_strips_across_the_core_cannot_be_turned(sample: Sample) -> None:
    with pytest.raises(SegmentError, match="known number of lines"):
        sample.format.open(sample.paths(), sample.reading(top="left"))


def test_strips_of_a_section_come_together_and_other_files_stay_by_themselves() -> None:
    for sample in SAMPLES:
        keys = {sample.format.grouping(path) for path in sample.paths()}
        assert len(keys) == 1, f"expected one key for {sample.folder.name}, got {keys}"
    alone = formats()["plain_tiff"].grouping
    assert alone(Path("a/1.tif")) != alone(Path("b/1.tif"))
