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
        scan.refresh(is_still=True, is_closed=True)
        return scan


def core_name(image: SectionImage) -> str:
    """Return the name of an image's core."""
    return "-".join(part for part in (image.expedition, image.core) if part)


_WHOLE = re.compile(r"0*(\d{1,6})(?:[.,]0*)?")
_OF = re.compile(r"0*(\d{1,6})\s*[(\[]?(?:/|of)\s*0*(\d{1,6})[)\]]?", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:sections?|sect?|s)[\s._#-]*", re.IGNORECASE)
_SPELLED = re.compile(
    r"(?:.*[^A-Za-z0-9]|.*\d)??(?:sections?|sect|sec|s)?[\s._#-]*(?:n[o\u00b0\u00ba][\s._-]*)?"
    r"0*(\d{1,6})(?:[.,]0+)?[\s._-]*(?:[AW]|archive|working|half)?(?:[\s._-]*half)?",
    re.IGNORECASE,
)
_CATCHER = re.compile(r"(?:.*[^A-Za-z])?(CC|core[\s_-]*catcher)(?:[\s._-]*[AW])?", re.IGNORECASE)
_ROMAN = {name: i for i, name in enumerate(("I", "II", "III", "IV", "V", "VI", "VII"), start=1)}


def section_key(text: str) -> str:
    """
    Return the key of a section's spellings.

    ``1``, ``01``, ``1.0``, ``S1``, ``Sect 1``, ``1 of 2``, ``1/2``, ``1W`` and ``1-A`` are ``1``;
    ``CC`` and ``core catcher`` are ``CC``. What is none of these, such as ``1.5``, is itself.
    """
    text = text.strip()
    for pattern in (_WHOLE, _OF):
        if found := pattern.fullmatch(_PREFIX.sub("", text)):
            return str(int(found[1]))
    if _CATCHER.fullmatch(text):
        return "CC"
    if text.upper() in _ROMAN:
        return str(_ROMAN[text.upper()])
    if re.fullmatch(r"\d+[.,]\d+", text):
        return text
    found = _SPELLED.fullmatch(text)
    digits = [found[1]] if found else re.findall(r"\d+", text)
    return str(int(digits[-1])) if digits else text.upper()


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
