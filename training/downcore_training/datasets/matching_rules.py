"""Rules of a release that its files do not state: ``matching.toml``, parsed strictly."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from downcore.strata.depth import MAX_PX_PER_CM, MIN_PX_PER_CM
from downcore.strata.errors import SettingsError
from downcore.strata.input_text import exact_ratio, shown

FILE_NAME = "matching.toml"
ORDERS = ("top-down", "bottom-up")
TRIMMED = ("top", "bottom")


@dataclass(frozen=True, slots=True)
class SectionRule:
    """Rules of one section; ``None`` leaves it to the files."""

    top_cm: float | None = None
    """Depth of the section's top in the core."""
    image_top_cm: float | None = None
    """Depth below the section's top at which the image's first line lies."""
    skip: bool = False
    """Whether the section's image is left out."""


@dataclass(frozen=True, slots=True)
class MatchingRules:
    """How images and logs of a release are matched, where the files do not say."""

    section_order: str = "top-down"
    """
    Whether the numbers of the section **images** count from the core's top or its bottom.

    Sections in logs always count from the top.
    """
    trimmed: str = "top"
    """Which end of an image shorter than its sidecar says was trimmed."""
    px_per_cm: str | None = None
    """Scale of images whose sidecar does not say it; exact decimal text."""
    use_doubtful: bool = False
    """Whether properties with doubtful absolute values are used anyway."""
    sections: dict[str, SectionRule] = field(default_factory=dict)
    """By the name of the section's image without ending, in lower case."""
    sites: dict[str, str] = field(default_factory=dict)
    """Site of a core, by the core's name in lower case."""

    def of_section(self, stem: str) -> SectionRule:
        """Return the rules of an image's section."""
        return self.sections.get(stem.lower(), SectionRule())


def load_rules(folder: Path) -> MatchingRules:
    """
    Return the rules in ``matching.toml`` of a release's folder; the usual ones without it.

    Raises
    ------
    SettingsError
        If it is no TOML, or a key or value is not one of those known.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return MatchingRules()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"expected TOML in {path}, got {error}") from error
    return _rules_of(raw, path)


def _rules_of(raw: dict[str, Any], path: Path) -> MatchingRules:
    sections = _table(raw.pop("sections", {}), f"[sections] in {path}")
    sites = _table(raw.pop("sites", {}), f"[sites] in {path}")
    known: dict[str, Any] = {
        "section_order": ORDERS,
        "trimmed": TRIMMED,
        "px_per_cm": None,
        "use_doubtful": None,
    }
    _refuse_unknown(raw, known, str(path))
    for key, choices in known.items():
        if choices is not None and raw.get(key, choices[0]) not in choices:
            raise SettingsError(
                f"expected {key} to be {' or '.join(choices)} in {path}, got {raw[key]!r}"
            )
    if not isinstance(raw.get("use_doubtful", False), bool):
        raise SettingsError(f"expected use_doubtful to be true or false in {path}")
    if "px_per_cm" in raw:
        raw["px_per_cm"] = _scale(raw["px_per_cm"], f"px_per_cm in {path}")
    for name, site in sites.items():
        if not isinstance(site, str):
            raise SettingsError(f"expected a name as site of {name} in {path}, got {site!r}")
    return MatchingRules(
        **raw,
        sections={
            name.lower(): _section_rule(rule, f"[sections.{name}] in {path}")
            for name, rule in sections.items()
        },
        sites={name.lower(): site for name, site in sites.items()},
    )


def _section_rule(raw: object, where: str) -> SectionRule:
    table = _table(raw, where)
    _refuse_unknown(table, {"top_cm": 0, "image_top_cm": 0, "skip": 0}, where)
    if not isinstance(table.get("skip", False), bool):
        raise SettingsError(f"expected skip to be true or false in {where}")
    depths = {
        key: _number(table[key], f"{key} in {where}")
        for key in ("top_cm", "image_top_cm")
        if key in table
    }
    return SectionRule(**depths, skip=table.get("skip", False))


def _table(raw: object, where: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise SettingsError(f"expected a table for {where}, got {raw!r}")
    return raw


def _refuse_unknown(raw: dict[str, Any], known: dict[str, Any], where: str) -> None:
    for key in raw:
        if key not in known:
            raise SettingsError(f"unknown key {key} in {where}; known: {', '.join(known)}")


def _scale(raw: object, where: str) -> str:
    """Return a scale as exact text; TOML has it as text or as a number, as in the settings."""
    text = str(raw).strip() if isinstance(raw, str | int | float) else ""
    value = exact_ratio(text)
    if isinstance(raw, bool) or value is None or not MIN_PX_PER_CM <= value <= MAX_PX_PER_CM:
        raise SettingsError(
            f"expected {MIN_PX_PER_CM} to {MAX_PX_PER_CM} pixels per centimetre for {where}, such "
            f'as "99.3", got {shown(raw)}'
        )
    return text


def _number(raw: object, where: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw < 1e6:  # noqa: PLR2004 - cm of a core
        raise SettingsError(f"expected a number of 0 or more for {where}, got {raw!r}")
    return float(raw)
