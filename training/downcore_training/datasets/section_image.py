"""The image of one section, with its scale and what names it."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from downcore.ports import ScanLines
from downcore.sources import Reading, formats

Top = Literal["up", "left", "right"]


@dataclass(frozen=True, slots=True)
class SectionImage:
    """The image of one section, with the content of its sidecar."""

    name: str
    """The image's name without its ending."""
    paths: tuple[Path, ...]
    format_name: str
    px_per_cm: Fraction
    n_lines: int
    expedition: str
    core: str
    section: str
    """As in the name or the sidecar, such as ``01``."""
    length_cm: float | None
    """Of the section by the sidecar; None if it does not say."""
    top_cm: float | None
    """Depth of the section's top in the core by the sidecar, or None."""
    warnings: tuple[str, ...]
    top: Top | None = None
    """Side of the image where the core's top is; None for the default of the format."""

    @property
    def image_cm(self) -> float:
        """Length of core that the image shows."""
        return float(self.n_lines / self.px_per_cm)

    def open(self) -> ScanLines:
        """
        Open the image; the caller closes it.

        Raises
        ------
        SegmentError
            If it cannot be read.
        """
        reading = Reading(px_per_cm=str(self.px_per_cm), top=self.top)
        scan = formats()[self.format_name].open(self.paths, reading)
        scan.refresh(is_still=True)
        return scan


def core_name(image: SectionImage) -> str:
    """Return the name of an image's core."""
    return "-".join(part for part in (image.expedition, image.core) if part)


def section_key(text: str) -> str:
    """Return the key of a section's spellings: ``01`` and ``Sect 1`` are ``1``."""
    digits = re.findall(r"\d+", text)
    return str(int(digits[-1])) if digits else text.strip().upper()


def is_core(written: str, expedition: str, core: str) -> bool:
    """Return whether a log's name of a core is that of an image; a digit may not follow."""
    written_key = core_key(written)
    for key in (core_key(f"{expedition}-{core}"), core_key(core)):
        rest = written_key.removeprefix(key)
        if written_key == key or (rest != written_key and len(key) > 4 and not rest[0].isdigit()):  # noqa: PLR2004 - GC01 begins many names
            return True
    return False


def core_key(text: str) -> str:
    """Return the key of a core's spellings: letters and digits only, in upper case."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())
