"""``downcore init``: look at the inbox and write settings that fit it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from downcore.file_names import printable
from downcore.ports import ScanDescription
from downcore.settings import settings_model
from downcore.sources import Reading
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder
from downcore.sources.inbox.listing import ListingLimits, list_inbox
from downcore.sources.inbox.mounts import file_system_here, is_network_share
from downcore.sources.inbox.section_names import section_name
from downcore.strata.errors import SegmentError, SettingsError, UnknownScaleError

MAX_OPENED = 50
"""Scans that ``init`` opens to learn how they lie."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What ``init`` found out about an inbox."""

    inbox: Path
    sentences: tuple[str, ...]
    """For the technician, one a line."""
    is_scale_missing: bool
    """Whether some scans say no scale, so that a person must."""


def look_around(inbox: Path) -> Findings:
    """
    Look at the folder the scanner writes to, without changing anything.

    Raises
    ------
    SettingsError
        If it is not a folder that can be listed.
    """
    listing = list_inbox(inbox, limits=ListingLimits())
    if not listing.is_listed:
        raise SettingsError(f"expected a folder that can be listed, got {printable(inbox)}")
    scans, unclaimed = ScanFilesFinder().find(listing.files)
    sentences = [place_sentence(inbox)]
    formats = Counter(scan_files.format.title for scan_files in scans)
    for title, count in sorted(formats.items()):
        sentences.append(f"{count} scan{'s' if count > 1 else ''}: {title}")
    if not scans:
        sentences.append("no scans yet; that is no fault, they are read as they appear")
    sentences += [f"cannot read {image.file.path}: {image.reason}" for image in unclaimed]
    names = [section_name(scan_files.paths[0].relative_to(inbox)) for scan_files in scans]
    sentences += [f"name {name.section_id}: {name.warning}" for name in names if name.warning]
    understood = {name.section_id for name in names if not name.warning}
    if understood:
        sentences.append(f"names understood: {', '.join(sorted(understood)[:6])}")
    opened = [_described(scan_files, Reading()) for scan_files in scans[:MAX_OPENED]]
    scales = {
        f"scale: {scan.px_per_cm} px/cm by {scan.px_per_cm_from}"
        for scan in opened
        if isinstance(scan, ScanDescription)
    }
    sentences += sorted(scales)
    is_missing = any(isinstance(scan, UnknownScaleError) for scan in opened)
    if is_missing:
        sentences.append("scale: not every scan says it; set inbox.px_per_cm in the settings")
    elif not scans:
        sentences.append("scale: set inbox.px_per_cm in the settings unless sidecars will say it")
    # Where the top is can be told without the scale, so any scale will do.
    scaled = [_described(scan_files, Reading(px_per_cm="100")) for scan_files in scans[:MAX_OPENED]]
    tops = {scan.top for scan in scaled if isinstance(scan, ScanDescription)}
    sentences += [
        f"core top: {top} in the image, by the format's habit; inbox.top says otherwise"
        for top in sorted(tops)
    ]
    # Names and reasons may hold what a file says of itself.
    shown = tuple(printable(sentence) for sentence in sentences)
    return Findings(inbox.absolute(), shown, is_scale_missing=is_missing)


def write_settings(findings: Findings, out: Path, *, may_overwrite: bool) -> None:
    """
    Write commented settings that fit an inbox.

    Raises
    ------
    SettingsError
        If it would lie in the inbox, is there already and may not be overwritten, or cannot be
        written.
    """
    if out.absolute().is_relative_to(findings.inbox):
        raise SettingsError(
            f"expected a settings file outside the inbox, got {out}; "
            "nothing is written there, so name another with --out"
        )
    if out.exists() and not may_overwrite:
        raise SettingsError(f"expected no file at {out}, got one; --force overwrites it")
    try:
        out.write_text(settings_text(findings), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"cannot write {out}: {error.strerror}") from None


def settings_text(findings: Findings) -> str:
    """Return the settings file that fits an inbox: every key with its meaning and default."""
    lines = ["# Settings of downcore, written by 'downcore init'.", ""]
    defaults = settings_model().model_construct()
    for section, field in settings_model().model_fields.items():
        lines.append(f"[{section}]")
        model = field.annotation
        for key, described in getattr(model, "model_fields", {}).items():
            lines.append(f"# {described.description}")
            value = getattr(getattr(defaults, section), key)
            if (section, key) == ("inbox", "path"):
                lines.append(f"path = {_toml(str(findings.inbox))}")
            elif (section, key) == ("inbox", "px_per_cm") and findings.is_scale_missing:
                lines.append('# px_per_cm = "200"   # say it here: not every scan does')
            elif value is None:
                lines.append(f'# {key} = "..."')
            else:
                lines.append(f"# {key} = {_toml(value)}")
        lines.append("")
    return "\n".join(lines)


def place_sentence(inbox: Path) -> str:
    """Return on what kind of file system the inbox lies, in a sentence."""
    kind = file_system_here(inbox)
    if is_network_share(kind):
        return f"{inbox} is a network share ({kind}): it is looked at regularly, events do not come"
    return f"{inbox} is a local folder ({kind})"


def _described(scan_files: ScanFiles, reading: Reading) -> ScanDescription | SegmentError:
    """Return what is known of a scan, or why it cannot be opened."""
    try:
        lines = scan_files.format.open(scan_files.paths, reading)
    except SegmentError as error:
        return error
    lines.close()
    return lines.description


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
