"""The values that describe a scanner format, the limits of its files, and the user's settings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from downcore.defaults import MAX_PIXELS
from downcore.ports import ScanLines

HEAD_BYTES = 64
"""Bytes at the start of a file from which its format is recognised."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a file, checked before anything of it is decoded."""

    max_pixels: int = MAX_PIXELS
    """Pixels of one image."""

    max_across: int = 100_000
    """Pixels along either side of an image that is not the core's length."""

    max_held_bytes: int = 768 * 1024 * 1024
    """Decoded bytes held at once, for images that can only be decoded whole."""

    max_encoded_bytes: int = 512 * 1024 * 1024
    """Bytes of a PNG or JPEG file, or of one compressed strip."""

    max_ratio: int = 400
    """Decoded bytes to bytes in the file, for anything compressed; real scans stay below 50."""

    max_chunks: int = 1_000_000
    """Strips or tiles of one TIFF image."""

    max_ifds: int = 16
    """Images in one TIFF file."""

    max_beyond_bytes: int = 1024 * 1024 * 1024
    """Bytes of a file that its image does not need, such as previews, profiles and notes."""

    max_strip_files: int = 100_000
    """Numbered strip files of one section."""

    @property
    def max_file_bytes(self) -> int:
        """Bytes of any file: of the largest image, with 4 channels of 16 bits, and beyond it."""
        return 8 * self.max_pixels + self.max_beyond_bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """Scale and orientation of the scans, as the settings give them."""

    px_per_cm: str | None = None
    """Exact text that counts whatever a sidecar says, or None to use the sidecar's."""

    top: Literal["up", "left", "right"] | None = None
    """Side of the image where the core's top is, or None for the default of the format."""

    top_from: Literal["settings", "correction"] = "settings"
    """Who says the side, where it is given."""

    limits: Limits = Limits()

    px_per_cm_otherwise: str | None = None
    """Exact text where no sidecar says it; a file with neither is refused."""

    px_per_cm_from: str = "settings"
    """Who says either scale: ``settings``, a rule of them, or ``correction``."""


@dataclass(frozen=True, slots=True)
class SegmentFormat:
    """One scanner format: which files it claims, and how it opens them."""

    name: str
    """The module's name."""

    title: str
    """A name to show to people."""

    rank: int
    """Formats are tried in ascending rank; the more specific a format is, the lower its rank."""

    claims: Callable[[Path, bytes], bool]
    """Whether a file is of this format, by its name, its neighbours and its first 64 bytes."""

    open: Callable[[tuple[Path, ...], Reading], ScanLines]
    """Open the files of one scan; raises a ``SegmentError`` that says what to do."""

    grouping: Callable[[Path], str]
    """Key that is the same for all files of one scan."""

    names_sections: bool = False
    """Whether its sidecars name core and section so reliably that they win over file names."""


def by_itself(path: Path) -> str:
    """Return the grouping key of a format whose scans are one file each."""
    return str(path)
