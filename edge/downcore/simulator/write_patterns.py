"""
Patterns in which scanners, and programs that copy for them, write a section.

To add one, write its steps and put it into :data:`_PATTERNS`; the command line and the tests find
it there.
"""

import itertools
import os
import struct
from collections.abc import Iterator
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.tiff_file import TiffFile, tiff_parts
from downcore.simulator.writing import ScanJob, Step, WritePattern, append

_BMP_HEADER_BYTES = 54
_PX_PER_METRE = 11_811
"""300 dpi whatever the scale, as camera software writes it."""

_BLOCK_BYTES = 4096
_BURSTS = (1, 7, 2, 16, 3)
"""Blocks in each burst of a slow copy, over and over."""

_TAKEN_NS = 1_000_000_000 * 10**9
"""Time stamp of the file that is copied, which the copying program gives to the copy."""

_STRIP_ORDER = (2, 0, 3, 1)
"""How each four strips come that are out of order."""

_BREAKS_AT = 0.6
"""Share of the file that is there when a copy breaks off."""


def _bmp_bottom_up(job: ScanJob) -> Iterator[Step]:
    """Write a BMP of the usual kind, last scan line first, when all were scanned."""
    path, n_lines = job.file(".bmp"), job.lines.n_lines
    with path.open(job.mode) as file:
        append(file, _bmp_header(n_lines, job.lines.n_across, is_bottom_up=True))
        yield Step(path, 0, "header written")
        for end in range(n_lines, 0, -job.lines_per_step):
            first = max(end - job.lines_per_step, 0)
            append(file, _bmp_rows(job.lines.lines(first, end - first), is_bottom_up=True))
            yield Step(path, n_lines, f"{n_lines - first} lines written, from the core's end")
    yield Step(path, n_lines, "closed")


def _bmp_top_down(job: ScanJob) -> Iterator[Step]:
    """Write a BMP whose rows run from the core's top while the core passes."""
    path, lines = job.file(".bmp"), job.lines
    with path.open(job.mode) as file:
        append(file, _bmp_header(lines.n_lines, lines.n_across, is_bottom_up=False))
        yield Step(path, 0, "header written")
        for n_scanned, chunk in job.chunks():
            append(file, _bmp_rows(chunk, is_bottom_up=False))
            yield Step(path, n_scanned, f"{n_scanned} lines written")
    yield Step(path, lines.n_lines, "closed")


def _growing_tiff(job: ScanJob, *, is_index_first: bool = True) -> Iterator[Step]:
    """Append strips while the core passes; an index before them says where they will lie."""
    path = job.file(".tif")
    with path.open(job.mode) as file:
        for n_scanned, part in tiff_parts(job, TiffFile.of(job, is_index_first=is_index_first)):
            append(file, part)
            yield Step(path, n_scanned, f"{n_scanned} lines written")
    yield Step(path, job.lines.n_lines, "closed")


def _index_last_tiff(job: ScanJob) -> Iterator[Step]:
    """Write the index last, so that nothing can be read before the file is whole."""
    return _growing_tiff(job, is_index_first=False)


def _preallocated_tiff(job: ScanJob) -> Iterator[Step]:
    """Give the file its full size first, with zeros where nothing was scanned yet."""
    path, tiff = job.file(".tif"), TiffFile.of(job)
    with path.open(job.mode) as file:
        append(file, tiff.header() + tiff.index())
        file.truncate(tiff.n_bytes)
        yield Step(path, 0, "full size, no line written")
        for n_scanned, lines in job.chunks():
            append(file, lines)
            yield Step(path, n_scanned, f"{n_scanned} lines written")
    yield Step(path, job.lines.n_lines, "closed")


def _raw_with_header(job: ScanJob) -> Iterator[Step]:
    """Write bare pixels beside a small text that says how they lie (ENVI)."""
    header, path = job.file(".hdr"), job.file(".raw")
    with header.open(job.mode) as file:
        file.write(_envi_header(job))
    yield Step(header, 0, "header written")
    with path.open(job.mode) as file:
        for n_scanned, lines in job.chunks():
            append(file, lines)
            yield Step(path, n_scanned, f"{n_scanned} lines written")
    yield Step(path, job.lines.n_lines, "closed")


def _envi_header(job: ScanJob) -> bytes:
    fields = (
        ("samples", job.lines.n_across),
        ("lines", job.lines.n_lines),
        ("bands", 3),
        ("header offset", 0),
        ("file type", "ENVI Standard"),
        ("data type", 1),
        ("interleave", "bip"),
        ("byte order", 0),
    )
    return ("ENVI\n" + "".join(f"{key} = {value}\n" for key, value in fields)).encode()


def _sidecar_after(job: ScanJob) -> Iterator[Step]:
    """Write the image, and the XML when the section is through."""
    yield from _growing_tiff(job)
    yield _sidecar_written(job, job.lines.n_lines)


def _sidecar_before(job: ScanJob) -> Iterator[Step]:
    """Write the XML when the section starts, and then the image."""
    yield _sidecar_written(job, 0)
    yield from _growing_tiff(job)


def _slow_copy(job: ScanJob) -> Iterator[Step]:
    """Copy over a thin link: blocks come in bursts, cut anywhere, and the time stamp jumps."""
    path, tiff = job.file(".tif"), TiffFile.of(job)
    bursts, waiting, done = itertools.cycle(_BURSTS), bytearray(), 0
    burst = next(bursts) * _BLOCK_BYTES
    with path.open(job.mode) as file:
        for n_scanned, part in tiff_parts(job, tiff):
            waiting += part
            while len(waiting) >= burst:
                append(file, bytes(waiting[:burst]))
                del waiting[:burst]
                done += burst
                yield Step(path, n_scanned, f"{done} of {tiff.n_bytes} bytes copied")
                os.utime(path, ns=(_TAKEN_NS, _TAKEN_NS))
                yield Step(path, n_scanned, "time stamp set back")
                burst = next(bursts) * _BLOCK_BYTES
        append(file, bytes(waiting))
        yield Step(path, job.lines.n_lines, f"{tiff.n_bytes} of {tiff.n_bytes} bytes copied")
    os.utime(path, ns=(_TAKEN_NS, _TAKEN_NS))
    yield Step(path, job.lines.n_lines, "closed, time stamp set back")


def _strips_out_of_order(job: ScanJob) -> Iterator[Step]:
    """Write numbered strip files in another order than they were scanned."""
    starts = range(0, job.lines.n_lines, job.lines_per_step)
    shuffled = [
        group + place
        for group in range(0, len(starts), len(_STRIP_ORDER))
        for place in _STRIP_ORDER
        if group + place < len(starts)
    ]
    n_scanned = 0
    for number in shuffled:
        n_lines = min(job.lines_per_step, job.lines.n_lines - starts[number])
        lines = job.lines.lines(starts[number], n_lines)
        tiff = TiffFile(n_lines, job.lines.n_across, n_lines)
        path = job.file(f"_strip_{number + 1:04d}.tif")
        with path.open(job.mode) as file:
            file.write(tiff.header() + tiff.index() + lines.tobytes())
        n_scanned = max(n_scanned, starts[number] + n_lines)
        yield Step(path, n_scanned, f"strip {number + 1} of {len(starts)}")


def _truncated_then_completed(job: ScanJob) -> Iterator[Step]:
    """Break a copy off in the middle of a strip, leave it so, and complete it later."""
    path, tiff = job.file(".tif"), TiffFile.of(job)
    done, is_broken = 0, False
    # Never at the end of a strip, for that would be the easy case.
    breaks_at = int(tiff.n_bytes * _BREAKS_AT) // 2 * 2 + 1
    file = path.open(job.mode)
    try:
        for n_scanned, part in tiff_parts(job, tiff):
            if not is_broken and done + len(part) > breaks_at:
                append(file, part[: breaks_at - done])
                file.close()
                is_broken = True
                yield Step(path, n_scanned, f"broke off after {breaks_at} of {tiff.n_bytes} bytes")
                file = path.open("ab")
                append(file, part[breaks_at - done :])
            else:
                append(file, part)
            done += len(part)
            yield Step(path, n_scanned, f"{done} of {tiff.n_bytes} bytes copied")
    finally:
        file.close()
    yield Step(path, job.lines.n_lines, "closed")


def _whole_by_rename(job: ScanJob) -> Iterator[Step]:
    """Write under a temporary name and rename the file when it is whole."""
    temporary, final = job.file(".tif.part"), job.file(".tif")
    with temporary.open(job.mode) as file:
        for n_scanned, part in tiff_parts(job, TiffFile.of(job)):
            append(file, part)
            yield Step(temporary, n_scanned, f"{n_scanned} lines under a temporary name")
    if final.exists() and not job.may_replace:
        raise FileExistsError(f"expected no file of this name, got {final}; choose another name")
    temporary.rename(final)
    yield Step(final, job.lines.n_lines, "renamed into place")


def _sidecar_written(job: ScanJob, n_scanned: int) -> Step:
    path = job.file(".xml")
    with path.open(job.mode) as file:
        file.write(_geotek_xml(job))
    return Step(path, n_scanned, "sidecar written")


def _geotek_xml(job: ScanJob) -> bytes:
    """Return a Geotek sidecar of a section whose top is the core's top; cm and px/cm."""
    scale = float(job.px_per_cm)
    tags = {
        "image-type": "linescan",
        "coreID": job.name,
        "section-number": "1",
        "physical-width": f"{job.lines.n_across / scale:.3f}",
        "physical-height": f"{job.lines.n_lines / scale:.3f}",
        "physical-top": "0.000",
        "pixels-per-CM": f"{scale:.6g}",
        "pixel-width": str(job.lines.n_across),
        "scan-lines": str(job.lines.n_lines),
        "filename": f"{job.name}.tif",
    }
    # Geotek loggers write these blanks before the values.
    body = "".join(f"  <{tag}> {escape(text)}</{tag}>\n" for tag, text in tags.items())
    return f'<?xml version="1.0"?>\n<geotek-image>\n{body}</geotek-image>\n'.encode()


def _bmp_header(n_lines: int, n_across: int, *, is_bottom_up: bool) -> bytes:
    """Return the first 54 bytes of the file."""
    n_pixels = n_lines * (n_across * 3 + _padding(n_across))
    start = struct.pack("<2sIHHI", b"BM", _BMP_HEADER_BYTES + n_pixels, 0, 0, _BMP_HEADER_BYTES)
    height = n_lines if is_bottom_up else -n_lines
    sizes = struct.pack("<IiiHHII", 40, n_across, height, 1, 24, 0, n_pixels)
    return start + sizes + struct.pack("<iiII", _PX_PER_METRE, _PX_PER_METRE, 0, 0)


def _padding(n_across: int) -> int:
    """Return the bytes that fill a row to a multiple of four."""
    return -(n_across * 3) % 4


def _bmp_rows(lines: NDArray[np.uint8], *, is_bottom_up: bool) -> bytes:
    """Return RGB lines, shape (n, across, 3), as stored rows: blue first, padded."""
    n_lines, n_across, _ = lines.shape
    rows = np.zeros((n_lines, n_across * 3 + _padding(n_across)), np.uint8)
    rows[:, : n_across * 3] = lines[:, :, ::-1].reshape(n_lines, -1)
    return (rows[::-1] if is_bottom_up else rows).tobytes()


_PATTERNS = (
    WritePattern("bmp-bottom-up", "a BMP, last scan line first", _bmp_bottom_up),
    WritePattern("bmp-top-down", "a BMP that grows from the core's top", _bmp_top_down),
    WritePattern("growing-tiff", "a TIFF that grows, index first", _growing_tiff),
    WritePattern("index-last-tiff", "a TIFF that grows, index last", _index_last_tiff),
    WritePattern(
        "preallocated-tiff", "a TIFF of full size, filled in from the top", _preallocated_tiff
    ),
    WritePattern("raw-with-header", "raw pixels that grow, with an ENVI header", _raw_with_header),
    WritePattern("sidecar-after", "a TIFF, then its Geotek XML", _sidecar_after),
    WritePattern("sidecar-before", "a Geotek XML, then its TIFF", _sidecar_before),
    WritePattern("slow-copy", "a copy over a network share, in bursts", _slow_copy),
    WritePattern("strips-out-of-order", "numbered strip files, out of order", _strips_out_of_order),
    WritePattern(
        "truncated-then-completed",
        "a copy that breaks off and is completed",
        _truncated_then_completed,
    ),
    WritePattern("whole-by-rename", "a whole TIFF, renamed into place", _whole_by_rename),
)


def write_patterns() -> dict[str, WritePattern]:
    """Return every write pattern, by name."""
    return {pattern.name: pattern for pattern in _PATTERNS}
