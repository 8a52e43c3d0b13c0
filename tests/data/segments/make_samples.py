"""Write the samples of the scanner formats anew; see README.md beside it."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

HERE = Path(__file__).parent
N_LINES, N_ACROSS = 24, 9
DPI = (300, 300)
"""What scanners write into every TIFF; wrong for all of these samples."""

Lines = NDArray[Any]


def core_lines(bits: int, n_lines: int = N_LINES) -> Lines:
    """Return lines that differ everywhere, with pure black pixels among them."""
    rng = np.random.default_rng(7)
    lines = rng.integers(1, 2**bits, (n_lines, N_ACROSS, 3))
    lines[5:7, :4] = 0
    lines[n_lines // 2] = 0
    lines[:, -1, 2] |= 1
    return lines.astype(f"u{bits // 8}")


def case(name: str, lines: Lines, **says: Any) -> Path:
    """Start a sample: its folder, its known lines, and how it is to be read."""
    folder = HERE / name
    folder.mkdir(parents=True)
    np.save(folder / "lines.npy", lines)
    says = {"px_per_cm": None, "top": None, "tolerance": 0} | says
    (folder / "sample.json").write_text(json.dumps(says, indent=2) + "\n")
    return folder


def write_tiff(path: Path, lines: Lines, **how: Any) -> None:
    """Write a TIFF with its index first."""
    how = {"photometric": "rgb", "resolution": DPI, "resolutionunit": "INCH"} | how
    tifffile.imwrite(path, lines, metadata=None, software="", **how)


def with_alpha(lines: Lines) -> Lines:
    """Return the lines with an opaque alpha channel."""
    opaque = np.full((*lines.shape[:2], 1), np.iinfo(lines.dtype).max, dtype=lines.dtype)
    return np.concatenate([lines, opaque], axis=2)


def bmp_bytes(lines: Lines, *, bits: int, is_bottom_up: bool) -> bytes:
    """Return a BMP file."""
    n_lines, n_across, _ = lines.shape
    stored = lines[::-1] if is_bottom_up else lines
    rows = stored[:, :, ::-1]
    if bits == 32:
        rows = np.concatenate([rows, np.zeros((n_lines, n_across, 1), np.uint8)], axis=2)
    stride = (n_across * bits + 31) // 32 * 4
    body = b"".join(row.tobytes().ljust(stride, b"\0") for row in rows)
    height = n_lines if is_bottom_up else -n_lines
    numbers = [40, n_across, height]
    head = b"".join(n.to_bytes(4, "little", signed=True) for n in numbers)
    head += (1).to_bytes(2, "little") + bits.to_bytes(2, "little")
    head += b"".join(n.to_bytes(4, "little") for n in (0, len(body), 11811, 11811, 0, 0))
    size = 14 + len(head) + len(body)
    mark = b"BM" + size.to_bytes(4, "little") + bytes(4) + (14 + len(head)).to_bytes(4, "little")
    return mark + head + body


def write_geotek() -> None:
    """Geotek: an XML file beside each image, in the spellings met so far."""
    lines = core_lines(8)
    folder = case("geotek/line_scan_8_bit", lines, files=["GC01_2.tif"])
    write_tiff(folder / "GC01_2.tif", lines, rowsperstrip=2)
    (folder / "GC01_2.xml").write_text(
        "<?xml version='1.0'?>\n<geotek-image>\n <image-type> line-scan</image-type>\n"
        " <coreID> GC01</coreID>\n <section-number> 2</section-number>\n"
        " <physical-width> 0.45</physical-width>\n <physical-height> 1.2</physical-height>\n"
        " <physical-top> 12650</physical-top>\n <pixels-per-CM> 20.00</pixels-per-CM>\n"
        f" <scan-lines> {N_LINES}</scan-lines>\n</geotek-image>\n"
    )
    lines = core_lines(16)
    folder = case("geotek/line_scan_16_bit_alpha", lines, files=["JPC40_1.tif"])
    write_tiff(folder / "JPC40_1.tif", with_alpha(lines), extrasamples=["unassalpha"])
    (folder / "JPC40_1-compressed.xml").write_text(
        "<geotek-image><Core-ID>JPC40</Core-ID><Section-ID>1</Section-ID>"
        "<physical-top>0</physical-top><pixels-per-CM>99,5</pixels-per-CM></geotek-image>"
    )
    lines = core_lines(8)
    folder = case("geotek/bmp", lines, files=["M9907-25PC-6-image.bmp"])
    (folder / "M9907-25PC-6-image.bmp").write_bytes(bmp_bytes(lines, bits=24, is_bottom_up=True))
    (folder / "M9907-25PC-6-image.xml").write_text(
        "<geotek-image><sectionID>6</sectionID><pixels-per-CM>99</pixels-per-CM></geotek-image>"
    )


def write_itrax() -> None:
    """Itrax: the whole bed from left to right, and a text that tells its range."""
    lines = core_lines(8)
    folder = case("itrax/whole_bed", lines, files=["optical.tif"])
    image = np.ascontiguousarray(lines.transpose(1, 0, 2))
    cv2.imwrite(str(folder / "optical.tif"), image[:, :, ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    (folder / "document.txt").write_text(
        "Station no:\tCore no:\tSection name\tUser ID\nLake\tLP1A\tLP1A_XRF\tus\n"
        "Step size\t5000\tmicrons\t\nOptical Start\t0.5\tOptical End\t12.5\n"
        "Step size\t500\tmicrons\t\n"
    )


def write_named() -> None:
    """IODP section halves: known by their names alone."""
    lines = core_lines(8)
    name = "379-U1533B-12H-3-A.tif"
    folder = case("iodp_shil/section_half", lines, files=[name], px_per_cm="200")
    write_tiff(folder / name, lines, compression="lzw", rowsperstrip=4)


def write_plain_tiff() -> None:
    """Write TIFF in the ways that writers lay out pixels."""
    name = "section.tif"
    write_patterns: dict[str, tuple[int, dict[str, Any]]] = {
        "one_strip": (8, {}),
        "strips_of_two": (8, {"rowsperstrip": 2}),
        "lzw_predictor": (8, {"rowsperstrip": 2, "compression": "lzw", "predictor": True}),
        "deflate_16_bit_big_endian": (
            16,
            {"rowsperstrip": 5, "compression": "zlib", "predictor": True, "byteorder": ">"},
        ),
        "packbits": (8, {"rowsperstrip": 7, "compression": "packbits"}),
        "big_tiff_16_bit": (16, {"bigtiff": True, "rowsperstrip": 3}),
        "tiles": (8, {"tile": (16, 16), "compression": "zlib"}),
    }
    for way, (bits, how) in write_patterns.items():
        lines = core_lines(bits)
        folder = case(f"plain_tiff/{way}", lines, files=[name], px_per_cm="20")
        write_tiff(folder / name, lines, **how)
    lines = core_lines(8)
    folder = case("plain_tiff/separate_planes", lines, files=[name], px_per_cm="20")
    write_tiff(folder / name, np.moveaxis(lines, 2, 0), planarconfig="separate", rowsperstrip=6)
    folder = case("plain_tiff/index_last", lines, files=[name], px_per_cm="20")
    cv2.imwrite(str(folder / name), lines[:, :, ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    folder = case("plain_tiff/ends_in_black", _black_ended(), files=[name], px_per_cm="20")
    write_tiff(folder / name, _black_ended(), rowsperstrip=2)


def _black_ended() -> Lines:
    lines = core_lines(8)
    lines[-3:-1] = 0
    lines[-1, 1:] = 0
    return lines


def write_plain_others() -> None:
    """BMP, PNG and JPEG with scale and direction from the settings."""
    lines = core_lines(8)
    for way, bits, is_bottom_up in (("bottom_up", 24, True), ("top_down_32_bit", 32, False)):
        folder = case(f"bmp/{way}", lines, files=["section.bmp"], px_per_cm="1.34")
        path = folder / "section.bmp"
        path.write_bytes(bmp_bytes(lines, bits=bits, is_bottom_up=is_bottom_up))
    folder = case("png/8_bit", lines, files=["section.png"], px_per_cm="1.34")
    cv2.imwrite(str(folder / "section.png"), lines[:, :, ::-1])
    lines = core_lines(16)
    folder = case("png/16_bit_alpha", lines, files=["section.png"], px_per_cm="1.34")
    cv2.imwrite(str(folder / "section.png"), with_alpha(lines)[:, :, [2, 1, 0, 3]])
    smooth = np.linspace(40, 200, N_LINES)[:, None, None] + np.zeros((1, N_ACROSS, 3))
    lines = smooth.round().astype(np.uint8)
    folder = case("jpeg/smooth", lines, files=["section.jpg"], px_per_cm="10", tolerance=4)
    cv2.imwrite(str(folder / "section.jpg"), lines[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])


def write_strips() -> None:
    """Numbered strips, of unequal height."""
    lines = core_lines(8)
    cuts = [0, 7, 8, 15, N_LINES]
    names = [f"JPC40_strip_{i:04}.tif" for i in (1, 2, 3, 4)]
    folder = case("strips/tiff", lines, files=names, px_per_cm="20")
    for name, start, stop in zip(names, cuts, cuts[1:], strict=False):
        write_tiff(folder / name, lines[start:stop], rowsperstrip=2)
    names = [f"JPC41-{i:03}of004.png" for i in (1, 2, 3, 4)]
    folder = case("strips/png_counted", lines, files=names, px_per_cm="20")
    for name, start, stop in zip(names, cuts, cuts[1:], strict=False):
        cv2.imwrite(str(folder / name), lines[start:stop, :, ::-1])


def write_raw() -> None:
    """Raw lines and their text header."""
    header = (
        "ENVI\nsamples = {across}\nlines = {lines}\nbands = 3\nheader offset = 0\n"
        "data type = {kind}\ninterleave = {way}\nbyte order = {order}\n"
    )
    lines = core_lines(8)
    folder = case("raw_header/open_end", lines, files=["section.raw"], px_per_cm="20")
    (folder / "section.raw").write_bytes(lines.tobytes())
    text = header.format(across=N_ACROSS, lines=0, kind=1, way="bip", order=0)
    (folder / "section.hdr").write_text(text)
    lines = core_lines(16)
    folder = case("raw_header/lines_of_channels_16_bit", lines, files=["section.raw"])
    stored = lines.transpose(0, 2, 1).astype(">u2")
    (folder / "section.raw").write_bytes(stored.tobytes())
    text = header.format(across=N_ACROSS, lines=N_LINES, kind=12, way="bil", order=1)
    (folder / "section.hdr").write_text(text + "pixels per cm = 20.4\n")


def main() -> None:
    """Write every sample anew."""
    for folder in HERE.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    write_geotek()
    write_itrax()
    write_named()
    write_plain_tiff()
    write_plain_others()
    write_strips()
    write_raw()


if __name__ == "__main__":
    main()
