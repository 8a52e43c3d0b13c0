"""Which reader an image file needs, by its first bytes rather than the ending of its name."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from downcore.sources.format import HEAD_BYTES, Limits
from downcore.sources.readers import bmp, jpeg, png, tiff
from downcore.sources.readers.input_file import InputFile
from downcore.sources.readers.raster import Raster
from downcore.strata.errors import GrowingError, SegmentError

_SUFFIXES = {
    ".tif": "tiff",
    ".tiff": "tiff",
    ".bmp": "bmp",
    ".dib": "bmp",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
}
_MAGICS: dict[str, tuple[bytes, ...]] = {
    "tiff": tiff.MAGICS,
    "png": (png.MAGIC,),
    "jpeg": (jpeg.MAGIC,),
    "bmp": (bmp.MAGIC,),
}
_READERS: dict[str, Callable[[InputFile, Limits], Raster]] = {
    "tiff": tiff.tiff_raster,
    "png": png.png_raster,
    "jpeg": jpeg.jpeg_raster,
    "bmp": bmp.bmp_raster,
}


def content_of(path: Path, head: bytes) -> str | None:
    """
    Return ``tiff``, ``png``, ``jpeg`` or ``bmp``, or None.

    A name without an image's ending is none, so that a copy in progress under a
    temporary name is left alone. While the first bytes are not written yet, the
    ending decides.
    """
    by_name = _SUFFIXES.get(path.suffix.lower())
    if by_name is None:
        return None
    for content, magics in _MAGICS.items():
        if head.startswith(magics):
            return content
    begun = head.rstrip(b"\0")
    return by_name if any(magic.startswith(begun) for magic in _MAGICS[by_name]) else None


def is_image(path: Path, head: bytes) -> bool:
    """Return whether a file is an image that can be read."""
    return content_of(path, head) is not None


def raster_of(path: Path, limits: Limits, *, contents: frozenset[str] | None = None) -> Raster:
    """
    Open an image file by its content.

    Parameters
    ----------
    path : Path
        The file.
    limits : Limits
        Checked before anything is decoded.
    contents : frozenset of str, optional
        What it may be; everything by default.

    Raises
    ------
    GrowingError
        If its header is not written yet.
    SegmentError
        If it is no image of these, or the reader refuses it.
    """
    with ExitStack() as undo:
        file = undo.enter_context(InputFile(path))
        head = file.read_at(0, HEAD_BYTES)
        content = content_of(path, head)
        if content is None:
            raise SegmentError(
                f"expected a TIFF, PNG, JPEG or BMP image, got other content: {path}; "
                f"export it as one of these"
            )
        if not head.startswith(_MAGICS[content]):
            raise GrowingError(f"expected an image, but nothing is written yet: {path}")
        if contents is not None and content not in contents:
            raise SegmentError(
                f"expected {' or '.join(sorted(contents))}, got {content}: {path}; "
                f"name it for what it is"
            )
        raster = _READERS[content](file, limits)
        undo.pop_all()
    if _SUFFIXES[path.suffix.lower()] != content:
        raster.notes = (*raster.notes, f"named {path.suffix}, but it is {content}")
    return raster
