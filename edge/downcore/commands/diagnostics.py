"""The first hour of a station: look at the inbox, write settings, check that all is well."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from downcore.file_names import printable
from downcore.ports import ScanDescription
from downcore.publish.sinks import sinks
from downcore.service.composition_setup import check_composition
from downcore.service.opening import check_settings, guard_of, open_predictors
from downcore.settings import Settings, load_settings, settings_model
from downcore.sources import Reading
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder
from downcore.sources.inbox.listing import ListingLimits, list_inbox
from downcore.sources.inbox.mounts import file_system_here, is_network_share
from downcore.sources.inbox.section_names import section_name
from downcore.store import Reader
from downcore.store.place import filesystem_of, refuse_network_place
from downcore.strata.errors import (
    DowncoreError,
    EndMemberError,
    SegmentError,
    SettingsError,
    UnknownScaleError,
)

MAX_OPENED = 50
"""Scans that ``init`` opens to learn how they lie."""

FREE_BYTES = 1_000_000_000
"""Free space below which ``doctor`` warns."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What ``init`` found out about an inbox."""

    inbox: Path
    sentences: tuple[str, ...]
    """For the technician, one a line."""
    is_scale_missing: bool
    """Whether some scans say no scale, so that a person must."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``doctor``."""

    name: str
    is_ok: bool
    finding: str
    advice: str = ""
    """What to do; empty where nothing needs doing."""


def look_around(inbox: Path) -> Findings:
    """
    Look at the folder the scanner writes to, without changing anything.

    Raises
    ------
    SettingsError
        If it is not a folder that can be listed.
    """
    seen = list_inbox(inbox, limits=ListingLimits())
    if not seen.is_listed:
        raise SettingsError(f"expected a folder that can be listed, got {printable(inbox)}")
    scans_found, unclaimed = ScanFilesFinder().find(seen.files)
    sentences = [_place_sentence(inbox)]
    formats = Counter(scan_files.format.title for scan_files in scans_found)
    for title, count in sorted(formats.items()):
        sentences.append(f"{count} scan{'s' if count > 1 else ''}: {title}")
    if not scans_found:
        sentences.append("no scans yet; that is no fault, they are read as they appear")
    sentences += [f"cannot read {printable(u.file.path)}: {u.reason}" for u in unclaimed]
    names = [section_name(c.paths[0].relative_to(inbox)) for c in scans_found]
    sentences += [f"name {n.section_id}: {n.warning}" for n in names if n.warning]
    known = [n.section_id for n in names if not n.warning]
    if known:
        sentences.append(f"names understood: {', '.join(sorted(set(known))[:6])}")
    opened = [_described(c, Reading()) for c in scans_found[:MAX_OPENED]]
    told = [one for one in opened if isinstance(one, ScanDescription)]
    sentences += sorted({f"scale: {one.px_per_cm} px/cm by {one.px_per_cm_from}" for one in told})
    is_missing = any(isinstance(one, UnknownScaleError) for one in opened)
    if is_missing or not scans_found:
        sentences.append("scale: not every scan says it; set inbox.px_per_cm in the settings")
    # Where the top is can be told without the scale, so any one will do.
    turned = [_described(c, Reading(px_per_cm="100")) for c in scans_found[:MAX_OPENED]]
    tops = {one.top for one in turned if isinstance(one, ScanDescription)}
    sentences += [
        f"core top: {top} in the image, by the format's habit; inbox.top says otherwise"
        for top in sorted(tops)
    ]
    return Findings(inbox.absolute(), tuple(sentences), is_scale_missing=is_missing)


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


def examine(config: Path | None) -> list[Check]:
    """Check settings, inbox, disk, store, bundles, broker and clock; nothing is changed."""
    try:
        settings = load_settings(config)
        check_settings(settings)
    except SettingsError as error:
        return [Check("settings", is_ok=False, finding=str(error), advice="mend the key it names")]
    where = str(config) if config else "defaults and environment"
    checks: list[Callable[[Settings], Check]] = [
        _check_inbox,
        _check_scale,
        _check_disk,
        _check_store,
        _check_bundles,
        _check_composition,
        _check_clock,
    ]
    found = [check(settings) for check in checks]
    return [Check("settings", is_ok=True, finding=where), *found, *_check_sinks(settings)]


def _place_sentence(inbox: Path) -> str:
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


def _check_inbox(settings: Settings) -> Check:
    inbox = settings.inbox.path
    seen = list_inbox(inbox, limits=ListingLimits())
    if not seen.is_listed:
        advice = "mount the share or set inbox.path; the daemon keeps trying"
        return Check("inbox", is_ok=False, finding=f"cannot list {inbox}", advice=advice)
    return Check("inbox", is_ok=True, finding=f"{len(seen.files)} files; {_place_sentence(inbox)}")


def _check_scale(settings: Settings) -> Check:
    inbox = settings.inbox
    if inbox.px_per_cm is not None:
        return Check("scale", is_ok=True, finding=f"{inbox.px_per_cm} px/cm by the settings")
    if not list_inbox(inbox.path, limits=ListingLimits()).is_listed:
        return Check("scale", is_ok=True, finding="by the sidecars, once there are scans")
    if look_around(inbox.path).is_scale_missing:
        advice = "set inbox.px_per_cm; such scans are set aside until then"
        finding = "some scans say no scale, nor do the settings"
        return Check("scale", is_ok=False, finding=finding, advice=advice)
    return Check("scale", is_ok=True, finding="by the sidecars")


def _check_disk(settings: Settings) -> Check:
    folder = settings.store.path.parent
    if not folder.is_dir():
        advice = f"make it: mkdir -p {folder}"
        return Check("disk", is_ok=False, finding=f"no folder {folder}", advice=advice)
    free = shutil.disk_usage(folder).free
    finding = f"{free / 1e9:.1f} GB free in {folder}"
    advice = "" if free > FREE_BYTES else "make room: the store stops when the disk is full"
    return Check("disk", is_ok=free > FREE_BYTES, finding=finding, advice=advice)


def _check_store(settings: Settings) -> Check:
    path = settings.store.path
    try:
        refuse_network_place(path.absolute(), filesystem_of)
        if not path.exists():
            return Check("store", is_ok=True, finding=f"{path} will be made at the first run")
        with Reader.open(path) as reader:
            counts = reader.counts()
    except DowncoreError as error:
        return Check("store", is_ok=False, finding=str(error), advice="set store.path")
    return Check(
        "store", is_ok=True, finding=f"{counts.slices} cm of {counts.sections} sections in {path}"
    )


def _check_bundles(settings: Settings) -> Check:
    try:
        predictors = open_predictors(settings)
    except DowncoreError as error:
        advice = "set predict.bundles, or install the bundle again"
        return Check("bundles", is_ok=False, finding=str(error), advice=advice)
    told = ", ".join(f"{p.manifest.network} {p.manifest.bundle_id}" for p in predictors)
    guard = guard_of(predictors)
    by = "" if guard is None else f"; guarded by {guard.network} {guard.bundle_id}"
    return Check("bundles", is_ok=True, finding=f"{told}: golden test passed{by}")


def _check_composition(settings: Settings) -> Check:
    wanted = settings.composition
    if not wanted.enabled:
        return Check("composition", is_ok=True, finding="turned off in the settings")
    try:
        told = check_composition(wanted)
    except DowncoreError as error:
        page = "edit-end-members" if isinstance(error, EndMemberError) else "use-segment-anything"
        advice = f"see docs/how-to/{page}.md, or set composition.enabled = false"
        return Check("composition", is_ok=False, finding=str(error), advice=advice)
    return Check("composition", is_ok=True, finding=told)


def _check_sinks(settings: Settings) -> list[Check]:
    found: list[Check] = []
    for name, sink in sinks().items():
        if sink.probe is None:
            continue
        section = settings.sink(name)
        if not section.enabled:
            finding = f"not used ({name}.enabled = false)"
            found.append(Check(name, is_ok=True, finding=finding))
            continue
        try:
            found.append(Check(name, is_ok=True, finding=sink.probe(section)))
        except OSError as error:
            advice = f"rows are kept and sent when it answers; see [{name}] in the settings"
            found.append(Check(name, is_ok=False, finding=str(error), advice=advice))
    return found


def _check_clock(settings: Settings) -> Check:
    del settings
    from downcore.clock import SystemClock  # noqa: PLC0415 - used here alone

    now = SystemClock().utc_rfc3339()
    is_plausible = now >= "2026"
    advice = "" if is_plausible else "set the clock; order never depends on it, time stamps do"
    return Check("clock", is_ok=is_plausible, finding=f"{now} (UTC)", advice=advice)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_toml(one) for one in value)}]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
