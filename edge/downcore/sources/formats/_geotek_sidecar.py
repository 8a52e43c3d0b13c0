"""
The XML file beside a Geotek image, with its unstable spellings and units.

Tags come as ``section-number``, ``Section-ID``, ``sectionID`` and so on, texts with
leading blanks. ``physical-top`` is in centimetres or in hundredths of them,
depending on the version of the scanner's program.
"""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from downcore.sources.formats._beside import xml_files_from
from downcore.sources.formats._xml_text import decoded_xml
from downcore.sources.readers.input_file import first_bytes
from downcore.sources.readers.scan import Sidecar
from downcore.strata.errors import GrowingError, HostileFileError, SegmentError
from downcore.strata.input_text import name_text, shown

_MAX_BYTES = 1 << 20
_MAX_NEIGHBOURS = 500
_MAX_COMMENTS = 1000
_LONGEST_SECTION_CM = 160
_SHORTEST_SECTION_CM = 20
_CLOSE_CM = 10
_UM_PER_CM = 10_000


@dataclass(frozen=True, slots=True)
class GeotekTags:
    """The values of a Geotek sidecar that are used."""

    path: Path
    px_per_cm: Decimal | None = None
    core: str | None = None
    section: str | None = None
    height_cm: Decimal | None = None
    """Length of the section."""

    top: Decimal | None = None
    """``physical-top`` as written: centimetres, or hundredths of them."""

    comments: str = ""


def geotek_sidecar_path(image: Path) -> Path | None:
    """
    Return the XML file of an image: the same stem, or that and ``-compressed`` or the like.

    None if there is none, or if several files fit.
    """
    stem = image.stem
    try:
        beside = xml_files_from(image)
    except OSError:
        return None
    same = [path for path in beside if path.stem == stem]
    longer = re.compile(re.escape(stem) + r"[-_. ]?[^\W\d].*")
    found = same or [
        path
        for path in beside
        if longer.fullmatch(path.stem) and not path.name.lower().endswith(".aux.xml")
    ]
    return found[0] if len(found) == 1 else None


def is_geotek_sidecar(path: Path) -> bool:
    """Return whether a file may be a Geotek sidecar; a file that is still empty may become one."""
    try:
        start = first_bytes(path, 4096)
    except SegmentError:
        return False
    # UTF-16 has a zero byte beside each letter.
    letters = start.replace(b"\0", b"")
    return not letters or b"geotek" in letters.lower()


def read_geotek_tags(path: Path) -> GeotekTags:
    """
    Read a Geotek sidecar.

    Raises
    ------
    GrowingError
        If it is not whole yet.
    HostileFileError
        If it is no Geotek XML, too long, or defines entities.
    """
    raw = first_bytes(path, _MAX_BYTES + 1)
    text = decoded_xml(raw)
    # The decoded text is searched, not the bytes, since the text is what will be parsed.
    if len(raw) > _MAX_BYTES or "<!ENTITY" in text or "<!DOCTYPE" in text:
        raise HostileFileError(
            f"expected a plain Geotek XML of at most {_MAX_BYTES} bytes, got a longer one or one "
            f"that defines entities: {path}; export it again"
        )
    root = _parsed(path, text)
    texts = {
        re.sub(r"[^a-z0-9]", "", str(element.tag).lower()): (element.text or "").strip()
        for element in root.iter()
    }
    if "pixelspercm" not in texts and "geotekimage" not in texts:
        raise HostileFileError(
            f"expected a Geotek XML with pixels-per-CM, got {shown(root.tag)}: {path}; move it "
            f"away if it does not belong to the image"
        )
    return GeotekTags(
        path=path,
        px_per_cm=_number(texts.get("pixelspercm")),
        core=name_text(texts.get("coreid") or texts.get("core") or ""),
        section=name_text(texts.get("sectionnumber") or texts.get("sectionid") or ""),
        height_cm=_number(texts.get("physicalheight")),
        top=_number(texts.get("physicaltop")),
        comments=texts.get("comments", "")[:_MAX_COMMENTS],
    )


def _parsed(path: Path, text: str) -> ET.Element:
    try:
        return ET.fromstring(text)  # noqa: S314 - entities were refused before
    except ET.ParseError as error:
        raise GrowingError(
            f"expected a whole Geotek XML, got one that does not parse ({error}): {path}; if it "
            f"stays so, export it again"
        ) from error


def _number(text: str | None) -> Decimal | None:
    """Return the number a text starts with; a decimal comma and a unit after it are accepted."""
    found = re.match(r"[+-]?\d{1,9}(?:[.,]\d{1,12})?(?![\d.,eE])", text or "", re.ASCII)
    return None if found is None else Decimal(found[0].replace(",", "."))


def geotek_sidecar(path: Path, n_rows: int | None) -> Sidecar:
    """
    Return what a Geotek sidecar says of its image.

    Parameters
    ----------
    path : Path
        The XML file; the sidecar of the section above is searched beside it.
    n_rows : int or None
        Rows of the image, to check the scale against the section's length.
    """
    tags = read_geotek_tags(path)
    warnings: list[str] = []
    top_cm = _top_cm(tags, warnings)
    if tags.px_per_cm is not None and tags.height_cm and n_rows:
        n_expected = tags.px_per_cm * tags.height_cm
        if abs(n_expected - n_rows) > n_rows * Decimal("0.05"):
            warnings.append(
                f"{path.name} says {tags.height_cm} cm at {tags.px_per_cm} px/cm, which is "
                f"{n_expected:.0f} lines; the image has {n_rows}"
            )
    return Sidecar(
        where=path.name,
        px_per_cm=None if tags.px_per_cm is None else str(tags.px_per_cm),
        core=tags.core,
        section=tags.section,
        section_top_um=None if top_cm is None else round(top_cm * _UM_PER_CM),
        length_cm=float(tags.height_cm) if tags.height_cm else None,
        remarks=tags.comments,
        warnings=tuple(warnings),
    )


def _top_cm(tags: GeotekTags, warnings: list[str]) -> Decimal | None:
    """
    Return the section's top in centimetres, or None with a warning where the unit stays unknown.

    The unit is the one with which the section starts where the section above ends; without a
    section above, the one whose depth that many sections of 20 to 160 cm can reach.
    """
    if tags.top is None or tags.top == 0:
        return tags.top
    depths_cm = (tags.top, tags.top / 100)
    above = _section_above(tags)
    if above is not None and above.top is not None and above.height_cm is not None:
        ends = (above.top + above.height_cm, above.top / 100 + above.height_cm)
        fits = [
            top for top, end in zip(depths_cm, ends, strict=True) if abs(top - end) <= _CLOSE_CM
        ]
    else:
        n_above = _section_number(tags.section) - 1
        fits = [
            top
            for top in depths_cm
            if n_above * _SHORTEST_SECTION_CM <= top <= n_above * _LONGEST_SECTION_CM
        ]
    if len(fits) == 1:
        return fits[0]
    warnings.append(
        f"{tags.path.name} has physical-top {tags.top}, which may be centimetres or hundredths of "
        f"them; the section's depth in the core is left open"
    )
    return None


def _section_number(section: str | None) -> int:
    digits = re.findall(r"[0-9]+", section or "")
    return int(digits[-1][:6]) if digits else 0


def _section_above(tags: GeotekTags) -> GeotekTags | None:
    number = _section_number(tags.section)
    if number < 2:  # noqa: PLR2004 - the first section has none above
        return None
    for path in sorted(tags.path.parent.glob("*.[xX][mM][lL]"))[:_MAX_NEIGHBOURS]:
        if path == tags.path:
            continue
        try:
            other = read_geotek_tags(path)
        except SegmentError:
            continue
        if other.core == tags.core and _section_number(other.section) == number - 1:
            return other
    return None
