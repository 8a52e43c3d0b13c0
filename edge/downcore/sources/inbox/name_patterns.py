"""
How scanners and repositories name the images of core sections, one pattern for each scheme.

Each is matched in full against the name without its ending, or, where
it holds a ``/``, against the folder's name and the name. The groups ``expedition``, ``core``,
``section`` and ``half`` say what the parts are; ``id`` is the part that names the
section; ``rest`` is what users and programs append to it.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from downcore.strata.errors import SettingsError

GROUPS = ("expedition", "core", "section", "half", "id", "rest")
MAX_REGEX_LENGTH = 300
MAX_REPEATS = 10
MAX_WIDE_REPEATS = 3
MAX_MATCHED_LENGTH = 128
"""Longer names match no pattern, which bounds the time of a regular expression."""

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|.", re.DOTALL)
_REPEATS = ("*", "+", "{")
_WIDE = (".", r"\w", r"\W", r"\S", r"\D", "[^")


@dataclass(frozen=True, slots=True)
class NamePattern:
    """
    A scheme of names for sections.

    Parameters
    ----------
    name : str
        What the pattern is called in messages.
    regex : str
        A regular expression with the named groups ``core`` or ``section``, and perhaps
        ``expedition``, ``half``, ``id`` and ``rest``. At most 300 characters, no repeated
        group, no back-reference, and few repeats, so that matching always takes little time.
    ignores_case : bool, default True
        Whether ``gc01`` and ``GC01`` are one core; parts are then reported in upper case.

    Raises
    ------
    SettingsError
        If the regular expression cannot be used; says what is wrong with it.
    """

    name: str
    regex: str
    ignores_case: bool = True
    _compiled: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if wrong := _what_is_wrong(self.regex):
            raise SettingsError(f"name pattern {self.name!r}: {wrong}: {self.regex!r}")
        flags = re.ASCII | (re.IGNORECASE if self.ignores_case else re.NOFLAG)
        object.__setattr__(self, "_compiled", re.compile(self.regex, flags))

    def groups(self, folder: str, stem: str) -> dict[str, str] | None:
        """Return the named parts of a file's name, "" for absent ones, or None without a match."""
        name = f"{folder}/{stem}" if "/" in self.regex else stem
        if len(name) > MAX_MATCHED_LENGTH:
            return None
        found = self._compiled.fullmatch(name)
        if found is None:
            return None
        parts = found.groupdict(default="")
        return {group: parts.get(group, "") for group in GROUPS}


def _what_is_wrong(regex: str) -> str:
    if len(regex) > MAX_REGEX_LENGTH:
        return f"expected at most {MAX_REGEX_LENGTH} characters, got {len(regex)}"
    try:
        groups = set(re.compile(regex).groupindex)
    except (re.error, OverflowError, RecursionError) as error:
        return f"not a regular expression ({error})"
    if unknown := groups - set(GROUPS):
        return f"expected groups among {', '.join(GROUPS)}, got {', '.join(sorted(unknown))}"
    if not groups & {"core", "section"}:
        return "expected a named group 'core' or 'section', as in (?P<section>[0-9]+)"
    return _what_is_slow(regex)


def _what_is_slow(regex: str) -> str:
    tokens = _TOKEN.findall(regex)
    if "(?P=" in regex or any(re.fullmatch(r"\\[1-9]", token) for token in tokens):
        return "expected no back-reference"
    pairs = list(pairwise(tokens))
    repeated = [before for before, token in pairs if token.startswith(_REPEATS)]
    if ")" in repeated:
        return "expected no repeated group; repeat a character class instead"
    if len(repeated) > MAX_REPEATS:
        return f"expected at most {MAX_REPEATS} repeats, got {len(repeated)}"
    n_wide = sum(token.startswith(_WIDE) for token in repeated)
    if n_wide > MAX_WIDE_REPEATS:
        return f"expected at most {MAX_WIDE_REPEATS} repeats of nearly any character, got {n_wide}"
    return ""


_HALF = r"(?:[-_ ](?P<half>[AW]|archive|working))"
_REST = r"(?P<rest>[-_. ][a-z0-9_.+%() -]*)?"
# A number right after the section may be part of the section's name, so it is not taken for more.
_WORD = r"(?P<rest>[-_. ][a-z][a-z0-9_.+%() -]*)?"

DECLARED = (
    # 2019_643_FA_GC01_01: field activity, core, two-digit section.
    NamePattern(
        "USGS field activity",
        r"(?P<id>(?P<expedition>(?:19|20)[0-9]{2}[-_][0-9]{3}[-_]FA)"
        r"[-_](?P<core>[A-Z]{1,4}[0-9]{1,3}[A-Z]?)[-_](?P<section>[0-9]{1,2}))" + _WORD,
    ),
    # 379-U1533B-12H-3-A: expedition, site with hole, core with type, section, half.
    NamePattern(
        "IODP",
        r"(?P<id>(?P<expedition>[0-9]{3}[A-Z]?)-(?P<core>[A-Z]{0,2}[0-9]{3,4}[A-Z]?-[0-9]{1,4}[A-Z])"
        r"-(?P<section>[0-9]{1,2}|CC)" + _HALF + "?)" + _REST,
    ),
    # PROJECT-LAKE21-1A-1L-1-A: project, lake with year, site with hole, drive with tool, section.
    NamePattern(
        "LacCore",
        r"(?P<id>(?P<expedition>[A-Z0-9]{2,12}-[A-Z]{2,10}[0-9]{0,2})-(?P<core>[0-9]{1,2}[A-Z]"
        r"-[0-9]{1,3}[A-Z])-(?P<section>[0-9]{1,2}|CC)" + _HALF + "?)" + _REST,
    ),
    # OSU-M9907-25PC-6-image: repository, cruise, core with type, section.
    NamePattern(
        "OSU",
        r"(?:OSU-)?(?P<id>(?P<expedition>[A-Z]{1,4}[0-9]{4}[A-Z]?)-(?P<core>[0-9]{1,3}[A-Z]{2,3})"
        r"(?:-(?P<section>[0-9]{1,2}))?)" + _WORD,
    ),
    # GC01_01: core and section.
    NamePattern(
        "core and section",
        r"(?P<id>(?P<core>[A-Z]{1,4}[0-9]{1,4}[A-Z]{0,2})[-_](?P<section>[0-9]{1,2}))" + _WORD,
    ),
    # LP161B/optical and LP161B/optical0: an Itrax folder for each section.
    NamePattern(
        "Itrax folder",
        r"(?P<id>(?P<section>[^/]{1,80}))/(?i:optical)[ _-]?[0-9]{0,2}",
        ignores_case=False,
    ),
)
"""The schemes that are known without any setting, in the order in which they are tried."""
