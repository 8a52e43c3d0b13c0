import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downcore.simulator.image_lines import ImageLines
from downcore.simulator.scanner import pattern_named, play, scan_job
from downcore.simulator.write_patterns import write_patterns
from downcore.simulator.writing import ScanJob, Step

ALL_WAYS = sorted(write_patterns())


class NoisyCore:
    """Scan lines of noise, so that every byte tells its place."""

    def __init__(self, n_lines: int, n_across: int) -> None:
        rng = np.random.default_rng(n_lines * 10_000 + n_across)
        self.pixels: NDArray[np.uint8] = rng.integers(1, 256, (n_lines, n_across, 3), np.uint8)

    @property
    def n_lines(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def n_across(self) -> int:
        return int(self.pixels.shape[1])

    def lines(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        return self.pixels[first_line : first_line + n_lines]


class Track:
    """Time that passes only while a played scanner waits."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep_s(self, seconds: float) -> None:
        assert seconds > 0, "a scanner never waits for no time"
        self.now_s += seconds


def job_of(core: NoisyCore, folder: Path, *, lines_per_step: int = 7) -> ScanJob:
    return scan_job(core, folder, "GC01_01", px_per_cm=200, lines_per_step=lines_per_step)


def image_of(path: Path) -> NDArray[np.uint8]:
    """Read an image with programs that know nothing of how it was written."""
    pixels: NDArray[np.uint8]
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as tiff:
            pixels = tiff.pages[0].asarray()
        by_opencv = cv2.imread(str(path))
        assert by_opencv is not None
        assert np.array_equal(by_opencv[:, :, ::-1], pixels), "two programs must agree"
        return pixels
    if path.suffix == ".bmp":
        read = cv2.imread(str(path))
        assert read is not None
        return np.asarray(read[:, :, ::-1], np.uint8)
    text = path.with_suffix(".hdr").read_text()
    fields = dict(line.split(" = ") for line in text.splitlines()[1:])
    assert (fields["interleave"], fields["data type"]) == ("bip", "1")
    shape = int(fields["lines"]), int(fields["samples"]), int(fields["bands"])
    return np.fromfile(path, np.uint8).reshape(shape)


def finished_image(folder: Path) -> NDArray[np.uint8]:
    images = sorted(p for p in folder.iterdir() if p.suffix in (".tif", ".bmp", ".raw"))
    return np.concatenate([image_of(path) for path in images])


@pytest.mark.parametrize("pattern", ALL_WAYS)
@pytest.mark.parametrize(("n_lines", "n_across"), [(100, 13), (7, 4), (5, 1), (1, 3), (33, 40)])
def test_every_way_of_writing_ends_in_the_pixels_that_were_scanned(
    tmp_path: Path, pattern: str, n_lines: int, n_across: int
) -> None:
    core = NoisyCore(n_lines, n_across)
    steps = list(play(job_of(core, tmp_path), pattern_named(pattern)))
    assert np.array_equal(finished_image(tmp_path), core.pixels)
    assert steps[-1].n_scanned == n_lines
    assert all(step.what for step in steps)


@settings(max_examples=20, deadline=None)
@given(
    pattern=st.sampled_from(ALL_WAYS),
    n_lines=st.integers(1, 60),
    n_across=st.integers(1, 30),
    lines_per_step=st.integers(1, 70),
)
def test_no_length_width_or_step_changes_the_pixels(
    tmp_path_factory: pytest.TempPathFactory,
    pattern: str,
    n_lines: int,
    n_across: int,
    lines_per_step: int,
) -> None:
    folder = tmp_path_factory.mktemp("inbox")
    core = NoisyCore(n_lines, n_across)
    list(play(job_of(core, folder, lines_per_step=lines_per_step), pattern_named(pattern)))
    assert np.array_equal(finished_image(folder), core.pixels)


def sizes(job: ScanJob, pattern: str) -> Iterator[tuple[Step, dict[str, int]]]:
    for step in play(job, pattern_named(pattern)):
        yield step, {path.name: path.stat().st_size for path in job.folder.iterdir()}


@pytest.mark.parametrize("pattern", ALL_WAYS)
def test_every_step_is_seen_in_the_folder_as_it_is_made(tmp_path: Path, pattern: str) -> None:
    core = NoisyCore(2_000, 13)
    seen = list(sizes(job_of(core, tmp_path), pattern))
    assert len(seen) > 5, "a way of writing must be interruptible many times"
    assert all(step.path.name in there for step, there in seen)


def test_a_growing_tiff_has_its_index_before_its_strips(tmp_path: Path) -> None:
    core = NoisyCore(100, 13)
    for step in play(job_of(core, tmp_path), pattern_named("growing-tiff")):
        with tifffile.TiffFile(step.path) as tiff:
            page = tiff.pages[0]
            ends = np.add(page.dataoffsets, page.databytecounts)
            complete = int((ends <= step.path.stat().st_size).sum())
        assert min(complete * 7, 100) == step.n_scanned


def test_an_index_last_tiff_cannot_be_read_before_its_end(tmp_path: Path) -> None:
    core = NoisyCore(100, 13)
    for step in play(job_of(core, tmp_path), pattern_named("index-last-tiff")):
        if step.n_scanned < 100:
            index_at = struct.unpack("<I", step.path.read_bytes()[4:8])[0]
            assert index_at >= step.path.stat().st_size


def test_a_preallocated_tiff_has_its_full_size_and_zeros_where_nothing_was_scanned(
    tmp_path: Path,
) -> None:
    core = NoisyCore(100, 13)
    steps = [
        (step, step.path.stat().st_size, image_of(step.path))
        for step in play(job_of(core, tmp_path), pattern_named("preallocated-tiff"))
    ]
    assert len({size for _, size, _ in steps}) == 1
    for step, _, pixels in steps:
        assert np.array_equal(pixels[: step.n_scanned], core.pixels[: step.n_scanned])
        assert not pixels[step.n_scanned :].any()


def test_a_renamed_section_is_never_seen_in_part(tmp_path: Path) -> None:
    core = NoisyCore(100, 13)
    for step, there in sizes(job_of(core, tmp_path), "whole-by-rename"):
        if "GC01_01.tif" in there:
            assert step.what == "renamed into place"
            assert np.array_equal(image_of(tmp_path / "GC01_01.tif"), core.pixels)
        else:
            assert set(there) == {"GC01_01.tif.part"}


def test_a_broken_copy_is_left_in_the_middle_of_a_strip(tmp_path: Path) -> None:
    core = NoisyCore(100, 13)
    seen = list(sizes(job_of(core, tmp_path), "truncated-then-completed"))
    broken = [there["GC01_01.tif"] for step, there in seen if "broke off" in step.what]
    assert len(broken) == 1
    with tifffile.TiffFile(tmp_path / "GC01_01.tif") as tiff:
        edges = set(tiff.pages[0].dataoffsets)
    assert broken[0] not in edges
    assert broken[0] < seen[-1][1]["GC01_01.tif"]


def test_strips_come_out_of_order(tmp_path: Path) -> None:
    names = [
        s.path.name
        for s in play(job_of(NoisyCore(60, 3), tmp_path), pattern_named("strips-out-of-order"))
    ]
    assert len(names) == 9
    assert names != sorted(names)
    assert names[0] == "GC01_01_strip_0003.tif"


@pytest.mark.parametrize(("pattern", "comes"), [("sidecar-before", 0), ("sidecar-after", -1)])
def test_a_sidecar_comes_before_or_after_its_image(
    tmp_path: Path, pattern: str, comes: int
) -> None:
    steps = list(play(job_of(NoisyCore(60, 26), tmp_path), pattern_named(pattern)))
    assert [k for k, s in enumerate(steps) if s.path.suffix == ".xml"] == [comes % len(steps)]
    root = ET.fromstring((tmp_path / "GC01_01.xml").read_bytes())  # noqa: S314 - our own file
    tags = {child.tag: (child.text or "").strip() for child in root}
    assert root.tag == "geotek-image"
    assert (tags["pixels-per-CM"], tags["scan-lines"], tags["physical-height"]) == (
        "200",
        "60",
        "0.300",
    )


def test_a_slow_copy_comes_in_bursts_and_its_time_goes_backwards(tmp_path: Path) -> None:
    core = NoisyCore(700, 100)
    seen = [
        (there["GC01_01.tif"], step.path.stat().st_mtime_ns)
        for step, there in sizes(job_of(core, tmp_path), "slow-copy")
    ]
    times = [time_ns for _, time_ns in seen]
    assert any(b < a for a, b in pairwise(times)), "the time stamp must jump"
    growth = {b - a for (a, _), (b, _) in pairwise(seen)}
    assert len(growth - {0}) > 2, "bursts must differ in size"


@pytest.mark.parametrize("pattern", ALL_WAYS)
def test_no_line_is_written_before_it_has_passed_the_camera(tmp_path: Path, pattern: str) -> None:
    core, track = NoisyCore(400, 5), Track()
    lines_per_s = 2.0 * 100 * 200 / 60
    for step in play(job_of(core, tmp_path), pattern_named(pattern), metres_per_min=2, pacer=track):
        assert track.now_s - 50 >= step.n_scanned / lines_per_s - 1e-6
    assert track.now_s - 50 == pytest.approx(400 / lines_per_s)


@pytest.mark.parametrize("pattern", ALL_WAYS)
def test_a_section_is_not_overwritten_unless_it_is_scanned_again(
    tmp_path: Path, pattern: str
) -> None:
    first, second = NoisyCore(40, 5), NoisyCore(40, 6)
    list(play(job_of(first, tmp_path), pattern_named(pattern)))
    with pytest.raises(FileExistsError):
        list(play(job_of(second, tmp_path), pattern_named(pattern)))
    for left in tmp_path.glob("*.part"):
        left.unlink()
    assert np.array_equal(finished_image(tmp_path), first.pixels)
    again = scan_job(second, tmp_path, "GC01_01", px_per_cm=200, lines_per_step=7, may_replace=True)
    list(play(again, pattern_named(pattern)))
    assert np.array_equal(finished_image(tmp_path), second.pixels)


def test_an_unknown_way_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'growing-tiff'"):
        pattern_named("growing-tif")


@pytest.mark.parametrize("name", ["", "../GC01", "a/b", "."])
def test_a_played_section_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="without folders"):
        scan_job(NoisyCore(3, 3), tmp_path, name, px_per_cm=200)


def test_a_track_does_not_run_backwards(tmp_path: Path) -> None:
    steps = play(
        job_of(NoisyCore(3, 3), tmp_path), pattern_named("growing-tiff"), metres_per_min=-1
    )
    with pytest.raises(ValueError, match="speed of 0 or more"):
        next(steps)


@pytest.mark.parametrize("top", ["up", "left", "right"])
@pytest.mark.parametrize("ending", [".png", ".tif", ".bmp"])
def test_a_real_image_can_be_played_from_its_top(tmp_path: Path, top: str, ending: str) -> None:
    core = NoisyCore(30, 8).pixels
    stored = {"up": core, "left": core.transpose(1, 0, 2), "right": core[::-1].transpose(1, 0, 2)}
    path = tmp_path / f"core{ending}"
    cv2.imwrite(str(path), np.ascontiguousarray(stored[top][:, :, ::-1]))
    lines = ImageLines(path, top=top)  # type: ignore[arg-type] # parametrize gives plain text
    assert (lines.n_lines, lines.n_across) == (30, 8)
    assert np.array_equal(lines.lines(0, 30), core)
    assert np.array_equal(lines.lines(10, 5), core[10:15])


def test_a_16_bit_image_is_played_with_its_upper_8_bits(tmp_path: Path) -> None:
    core = NoisyCore(30, 8).pixels
    tifffile.imwrite(tmp_path / "deep.tif", core.astype(np.uint16) * 256 + 77, photometric="rgb")
    assert np.array_equal(ImageLines(tmp_path / "deep.tif").lines(0, 30), core)


def test_what_is_not_an_image_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"no image"):
        (tmp_path / "x.tif").write_bytes(content)
        with pytest.raises(ValueError, match="it cannot be decoded"):
            ImageLines(tmp_path / "x.tif")
