"""
The section that a file's name stands for; an unknown name becomes a section of its own.

Names come from people, other programs and other operating systems and are not trusted: an
identifier holds letters, digits, ``.``, ``_`` and ``-`` only, so that it can be used in a topic, a
file name or a database key as it is.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath

from downcore.file_names import printable, raw_bytes
from downcore.sources.inbox.name_patterns import DECLARED, NamePattern

MAX_ID_LENGTH = 80
HASH_DIGITS = 8

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
# Only what the strips format joins into one section, or parts would supersede one another.
_STRIP = re.compile(
    r"(?P<base>.+?)[-_. ](?:strip[-_ ]?[0-9]{1,6}|[0-9]{1,6}[-_ ]?of[-_ ]?[0-9]{1,6})"
    r"|(?P<dotted>.+)\.[0-9]{3,6}",
    re.IGNORECASE | re.DOTALL,
)
_ENDING = re.compile(r"(?P<stem>.+?)\.[A-Za-z][A-Za-z0-9]{1,4}", re.DOTALL)
_MEANINGLESS = frozenset({"", "image", "img", "scan", "linescan"})


@dataclass(frozen=True, slots=True)
class SectionName:
    """The section that a file shows, by its name."""

    expedition: str
    """Cruise, expedition or field activity; "" when the name does not give it."""

    core: str
    """The core within it, with its hole where there is one; "" when the name does not give it."""

    section: str
    """The section within the core; "" when the name does not give it."""

    half: str
    """``A`` archive or ``W`` working; "" when the name does not give it."""

    section_id: str
    """1 to 80 of ``A-Z a-z 0-9 . _ -``; files with the same one show the same section."""

    pattern: str
    """The pattern that matched; "" when none did."""

    warning: str
    """What a person should know about the guess, a sentence; "" when there is nothing."""


def section_name(path: PurePath, *, patterns: tuple[NamePattern, ...] = ()) -> SectionName:
    """
    Return which section a file shows, by its name.

    Parameters
    ----------
    path : PurePath
        The file's place in the inbox, or any path; folders count only where it is relative.
    patterns : tuple of NamePattern
        The user's own, tried before the declared ones.

    Returns
    -------
    SectionName
        Of a section of its own, with a warning, when no pattern knows the name.
    """
    folder = path.parent.name
    stem = _without_strip(_stem(path.name))
    for pattern in (*patterns, *DECLARED):
        parts = pattern.groups(folder, stem)
        if parts is not None:
            return _known(pattern, parts)
    return _unknown(path, stem)


def safe_id(text: str) -> str:
    """
    Return a text as an identifier of 1 to 80 safe characters.

    A text that is safe already comes back as it is. Of any other, what is not safe is
    replaced by ``_`` and a short digest of the whole text appended, so that different texts
    stay different.
    """
    if len(text) <= MAX_ID_LENGTH and _SAFE.fullmatch(text):
        return text
    readable = _UNSAFE.sub("_", text)[: MAX_ID_LENGTH - HASH_DIGITS - 1].strip("._-")
    digest = hashlib.blake2b(raw_bytes(text), digest_size=HASH_DIGITS // 2).hexdigest()
    return f"{readable or 'unnamed'}-{digest}"


def _known(pattern: NamePattern, parts: dict[str, str]) -> SectionName:
    if pattern.ignores_case:
        parts = {group: part if group == "rest" else part.upper() for group, part in parts.items()}
    named = [parts["expedition"], parts["core"], parts["section"], parts["half"]]
    section_id = safe_id(parts["id"] or "-".join(part for part in named if part))
    rest = parts["rest"].strip("-_. ")
    return SectionName(
        expedition=printable(parts["expedition"].replace("_", "-")),
        core=printable(parts["core"]),
        section=printable(parts["section"]),
        half=printable(parts["half"][:1]),
        section_id=section_id,
        pattern=pattern.name,
        warning=(
            ""
            if rest.lower() in _MEANINGLESS
            else f"'{rest}' is taken for an addition to the name of section '{section_id}'"
        ),
    )


def _unknown(path: PurePath, stem: str) -> SectionName:
    # Folders tell apart the 'scan1' of one core from the 'scan1' of the next.
    folders = () if path.is_absolute() else path.parent.parts
    section_id = safe_id(str(PurePosixPath(*folders, stem)) if folders else stem)
    return SectionName(
        expedition="",
        core="",
        section="",
        half="",
        section_id=section_id,
        pattern="",
        warning=(
            f"no name pattern fits '{printable(path.name)}': it becomes section '{section_id}' of "
            "its own; declare a pattern in the settings if it belongs to a core"
        ),
    )


def _stem(name: str) -> str:
    found = _ENDING.fullmatch(name)
    return name if found is None else found["stem"]


def _without_strip(stem: str) -> str:
    found = _STRIP.fullmatch(stem)
    return stem if found is None else found["base"] or found["dotted"]
