"""The meaning of a slice table's columns, by name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_NOT_A_VALUE = re.compile(
    r"(^|_)(sd|std|err|error|flag|n|count|qc|unc|sigma|dist|distance)($|_)", re.IGNORECASE
)
_UNTRUSTED = re.compile(r"uncal", re.IGNORECASE)

_PROPERTY = {
    "density": re.compile(
        r"^(wet_|gra_|grd|gamma_|bulk_)*(den|rho|grd|gamma_density)", re.IGNORECASE
    ),
    "vp": re.compile(r"^(p_?wave|pw_?vel|vp($|_)|velocity|p_vel|compressional)", re.IGNORECASE),
    "ms": re.compile(
        r"^(mag_?sus|magnetic_sus|ms($|_|\d)|sus(c|ceptibility)|kappa|chi)", re.IGNORECASE
    ),
}
_POINT = re.compile(r"point|pt|ms2e|ms2f", re.IGNORECASE)
_LOOP = re.compile(r"loop|ms2c", re.IGNORECASE)

_DEPTH = (
    r"depth_top", r"core_depth_top", r"section_depth_top", r"top_cm", r"top_depth", r"sb_depth",
    r"core_depth", r"depth_cm", r"depth", r"depth_mid", r"mid_cm",
)  # fmt: skip
_CHANNELS = {
    "r": (r"r_mean", r"mean_r", r"red_mean", r"red", r"r"),
    "g": (r"g_mean", r"mean_g", r"green_mean", r"green", r"g"),
    "b": (r"b_mean", r"mean_b", r"blue_mean", r"blue", r"b"),
}
_LAB = {
    "l": (r"l_mean", r"l", r"lstar", r"lab_l", r"l_star"),
    "a": (r"a_mean", r"a", r"astar", r"lab_a", r"a_star"),
    "b": (r"bstar_mean", r"bstar", r"lab_b", r"b_star", r"b_mean", r"b"),
}
_PROFILE_LAB = {
    channel: tuple(
        rf"(prof(ile)?|colou?r)_{name}(_mean)?" for name in (channel, rf"{channel}_?star")
    )
    for channel in "lab"
}
"""A colour profile beside the image's own colours, such as ``prof_L_mean``."""

_PROFILE_DOWN = (r"(prof(ile)?|colou?r)_l(_?star)?_(sd|std)",)
_DOWN = (r"lumin\w*_(sd|std)_down\w*", r"(sd|std)_down\w*", r"lumin\w*_down\w*")
_ACROSS = (r"lumin\w*_(sd|std)_across\w*", r"(sd|std)_across\w*", r"lumin\w*_across\w*")


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of a table's columns; ``None`` or empty for missing ones."""

    core: str | None
    site: str | None
    section: str | None
    depth: str | None
    image: str | None
    first_px: str | None
    last_px: str | None
    is_along_rows: bool
    """Whether the core runs down the image, pixel rows, and not along it, pixel columns."""
    rgb: tuple[str, ...]
    lab: tuple[str, ...]
    sd_down: str | None
    sd_across: str | None
    lightness_sd: str | None
    """Sd of L* down the slice in a colour profile, where ``sd_down`` is missing."""
    properties: dict[str, tuple[str, ...]]
    """Columns of each property, the preferred one first."""
    untrusted: tuple[str, ...]
    """Columns of properties whose name says that they are uncalibrated."""


def columns_of(header: Sequence[str]) -> Columns:
    """Return the meaning of each column of ``header``; unknown names are ignored."""
    plain = {_plain(name): name for name in header}
    # Green, red and blue beside CIE a* and b*: B_mean and b_mean are two columns.
    counts = {_plain(name): name for name in (*header, *(n for n in header if n[:1].isupper()))}
    star = {_plain(name): name for name in (*header, *(n for n in header if n[:1].islower()))}
    along_rows = _find(plain, (r"y0(_px)?", r"row0(_px)?", r"y_?(top|start|min)(_px)?"))
    along_columns = _find(plain, (r"x0(_px)?", r"col0(_px)?", r"x_?(left|start|min)(_px)?"))
    ends = (
        (r"y1(_px)?", r"row1(_px)?", r"y_?(bot|bottom|stop|end|max)(_px)?")
        if along_rows
        else (r"x1(_px)?", r"col1(_px)?", r"x_?(right|stop|end|max)(_px)?")
    )
    rgb = _all_of(counts, _CHANNELS)
    lab = _all_of(star, _LAB) or _all_of(plain, _PROFILE_LAB)
    named = {kind: _named(plain, pattern) for kind, pattern in _PROPERTY.items()}
    trusted = {k: tuple(n for n in names if not _UNTRUSTED.search(n)) for k, names in named.items()}
    return Columns(
        core=_find(plain, (r"core", r"core_(id|name)", r"hole")),
        site=_find(plain, (r"site", r"station", r"location")),
        section=_find(plain, (r"section", r"section_(id|name|num)", r"sect(_num)?")),
        depth=_find(plain, _DEPTH) or _find(plain, (r"\w*depth\w*", r"slice")),
        image=_find(plain, (r"image", r"image_(file|name|path)", r"file(name)?", r"photo")),
        first_px=along_rows or along_columns,
        last_px=_find(plain, ends),
        is_along_rows=along_rows is not None,
        rgb=rgb,
        lab=lab,
        sd_down=_find(plain, _DOWN),
        sd_across=_find(plain, _ACROSS),
        lightness_sd=_find(plain, _PROFILE_DOWN),
        properties={kind: names for kind, names in trusted.items() if names},
        untrusted=tuple(n for names in named.values() for n in names if _UNTRUSTED.search(n)),
    )


def _all_of(plain: dict[str, str], channels: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the column of each channel; empty where one has none."""
    found = [_find(plain, names) for names in channels.values()]
    return tuple(name for name in found if name) if all(found) else ()


def _plain(name: str) -> str:
    """Return a name in lower case with one kind of separator and no mark of order."""
    text = name.strip().lstrip("\ufeff").lower().replace("*", "star")
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")


def _find(plain: dict[str, str], patterns: Iterable[str]) -> str | None:
    for pattern in patterns:
        for name, original in plain.items():
            if re.fullmatch(pattern, name):
                return original
    return None


def _named(plain: dict[str, str], pattern: re.Pattern[str]) -> tuple[str, ...]:
    found = [
        (_preference(name), original)
        for name, original in plain.items()
        if pattern.match(name) and not _NOT_A_VALUE.search(name)
    ]
    return tuple(original for _, original in sorted(found, key=lambda pair: pair[0]))


def sensor_of(name: str) -> str:
    """Return the sensor in a column's name: ``loop``, ``point`` or empty."""
    if _LOOP.search(name):
        return "loop"
    return "point" if _POINT.search(name) else ""


def _preference(name: str) -> int:
    """Return a rank: loop before unknown before point sensor."""
    return ("loop", "", "point").index(sensor_of(name))
