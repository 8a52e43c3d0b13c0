"""Raw lines that grow as they are scanned, beside a text header as ENVI writes it."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from downcore.ports import ScanLines
from downcore.sources.format import Limits, Reading, SegmentFormat, by_itself
from downcore.sources.formats._envi_header import RawHeader, read_raw_header
from downcore.sources.readers.input_file import InputFile
from downcore.sources.readers.packed import PackedLayout, PackedRaster
from downcore.sources.readers.raster import check_dimensions
from downcore.sources.readers.scan import Sidecar, scan_of
from downcore.sources.readers.written_extent import WrittenExtent
from downcore.strata.errors import SegmentError


def _header_path(path: Path) -> Path | None:
    beside = (path.with_suffix(".hdr"), path.with_suffix(".HDR"), Path(f"{path}.hdr"))
    return next((header for header in beside if _is_file(header)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A share that fails for a moment says nothing about the header; it is tried again later.
        return False


def _claims(path: Path, head: bytes) -> bool:
    del head  # raw pixels have no signature
    return path.suffix.lower() == ".raw" and _header_path(path) is not None


class _RawRaster(PackedRaster):
    """Raw lines; while their number is unknown, each refresh reads the header again."""

    def __init__(self, file: InputFile, header: RawHeader, limits: Limits) -> None:
        check_dimensions(header.path, header.samples, header.lines, limits)
        self._header = header
        super().__init__(file, WrittenExtent(file, limits), _layout(header), limits=limits)

    def refresh(self, *, is_still: bool = False, is_closed: bool = False) -> tuple[int, bool]:
        """Return how many rows can be trusted by now, and whether these are all."""
        if self.height is None or not self._header.is_sure:
            self._read_header_again()
        if not (self._header.is_sure or is_still):
            return 0, False
        n_rows, is_complete = super().refresh(is_still=is_still, is_closed=is_closed)
        check_dimensions(self._header.path, self.width, max(n_rows, 1), self._limits)
        return n_rows, is_complete

    def _read_header_again(self) -> None:
        header = read_raw_header(self._header.path)
        same = replace(header, lines=self._header.lines, is_sure=self._header.is_sure)
        if same != self._header or self._header.lines not in {None, header.lines}:
            raise SegmentError(
                f"expected the header as it was when the file was opened, got another: "
                f"{header.path}; open it again as a new scan"
            )
        self._header = header
        self.height = header.lines
        self._lay_out(_layout(header))


def _layout(header: RawHeader) -> PackedLayout:
    return PackedLayout(
        offset=header.header_bytes,
        stride=header.samples * header.bands * header.bits // 8,
        width=header.samples,
        height=header.lines,
        samples=header.bands,
        dtype=np.dtype(f"{header.byte_order}u{header.bits // 8}"),
        is_interleaved_by_line=header.is_by_line,
    )


def _open(paths: tuple[Path, ...], reading: Reading) -> ScanLines:
    (path,) = paths
    beside = _header_path(path)
    if beside is None:
        raise SegmentError(f"expected a header {path.stem}.hdr, got none: {path}; put it beside it")
    header = read_raw_header(beside)
    with ExitStack() as undo:
        file = undo.enter_context(InputFile(path))
        raster = _RawRaster(file, header, reading.limits)
        undo.pop_all()
    return scan_of(
        raster,
        reading,
        format_name=FORMAT.name,
        place=path,
        sidecar=Sidecar(beside.name, px_per_cm=header.px_per_cm),
        todo=f"write 'pixels per cm' into {beside.name}, or set px_per_cm for this scanner in an "
        "[[inbox.rule]]",
    )


FORMAT = SegmentFormat(
    name="raw_header",
    title="raw lines with a text header",
    rank=50,
    claims=_claims,
    open=_open,
    grouping=by_itself,
)
