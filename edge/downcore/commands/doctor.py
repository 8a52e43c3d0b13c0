"""``downcore doctor``: check settings, inbox, disk, store, bundles, broker and clock."""

import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from downcore.clock import SystemClock
from downcore.commands.bundle_proposal import propose_bundles, unread_sentence
from downcore.commands.inbox_survey import OnScan, Survey, survey
from downcore.commands.init import place_sentence
from downcore.commands.init_sentences import (
    NO_SCANS,
    collision_sentences,
    copy_sentences,
    left_out_lines,
    unplaced_sentences,
)
from downcore.commands.logger_lines import logger_lines
from downcore.commands.rule_proposals import quoted
from downcore.file_names import printable
from downcore.publish import Address
from downcore.publish.sinks import sinks
from downcore.service.composition_setup import composition_config_of
from downcore.service.station_setup import (
    check_settings,
    guard_of,
    open_predictors,
    scan_settings,
)
from downcore.settings import Settings, load_settings
from downcore.store import Reader
from downcore.store.place import filesystem_of, refuse_network_place
from downcore.strata.errors import DowncoreError, EndMemberError, SettingsError
from downcore.strata.reasons import grouped, such_as, without_path

FREE_BYTES = 1_000_000_000
"""Free space below which ``doctor`` warns."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``doctor``."""

    name: str
    is_ok: bool
    finding: str
    advice: str = ""
    """What to do; empty where nothing needs doing."""


def examine(config: Path | None, *, on_scan: OnScan | None = None) -> list[Check]:
    """
    Check settings, inbox, disk, store, bundles, clock and sinks; nothing is changed.

    Parameters
    ----------
    config : Path or None
        Settings file.
    on_scan : callable, optional
        Called with the number of scans looked at, and of all.
    """
    try:
        settings = load_settings(config)
        check_settings(settings)
    except SettingsError as error:
        return [Check("settings", is_ok=False, finding=str(error), advice="mend the key it names")]
    where = str(config) if config else "defaults and environment"
    inbox = survey(settings.inbox.path, scan_settings(settings), on_scan=on_scan)
    checks: list[Callable[[Settings], Check]] = [
        _check_disk,
        _check_store,
        _check_set_aside,
        _check_loggers,
        lambda settings: _check_bundles(settings, inbox),
        _check_composition,
        _check_clock,
    ]
    found = [*_check_inbox(settings, inbox), *_check_scale(settings, inbox)]
    found += [check(settings) for check in checks]
    return [Check("settings", is_ok=True, finding=where), *found, *_check_sinks(settings)]


def _check_inbox(settings: Settings, found: Survey) -> list[Check]:
    inbox = settings.inbox.path
    if not found.listing.is_listed:
        advice = "mount the share or set inbox.path; the daemon keeps trying"
        return [Check("inbox", is_ok=False, finding=f"cannot list {inbox}", advice=advice)]
    finding = f"{len(found.listing.files)} files; {place_sentence(inbox)}"
    checks = [Check("inbox", is_ok=True, finding=finding)]
    checks += [Check("inbox", is_ok=True, finding=printable(s)) for s in left_out_lines(found)]
    advice = "give each folder its expedition in an [[inbox.rule]]; 'downcore init' proposes them"
    checks += [
        Check("names", is_ok=False, finding=printable(sentence), advice=advice)
        for sentence in collision_sentences(found)
    ]
    copies = copy_sentences(found)
    checks += [Check("names", is_ok=True, finding=printable(sentence)) for sentence in copies]
    return checks


def _check_scale(settings: Settings, found: Survey) -> list[Check]:
    if not found.scans:
        return [Check("scale", is_ok=True, finding=NO_SCANS)]
    if found.unplaced:
        advice = "set px_per_cm in an [[inbox.rule]], or inbox.px_per_cm; set aside until then"
        missing = [scan for scan in found.unplaced if scan.needs_scale]
        others = [scan for scan in found.unplaced if not scan.needs_scale]
        checks = [
            Check("scale", is_ok=False, finding=printable(sentence), advice=advice)
            for sentence in unplaced_sentences(missing)
        ]
        advice = "mend the file or its sidecar, or exclude it by an [[inbox.rule]]"
        return checks + [
            Check("scans", is_ok=False, finding=printable(sentence), advice=advice)
            for sentence in unplaced_sentences(others)
        ]
    by = {scan.description.px_per_cm_from for scan in found.scans if scan.description}
    from_settings = sorted(source for source in by if "settings" in source)
    general = "" if settings.inbox.px_per_cm is None else f" ({settings.inbox.px_per_cm} px/cm)"
    from_sidecars = ["the sidecars"] if by - set(from_settings) else []
    finding = f"by {' and '.join([*from_sidecars, *from_settings])}{general}"
    return [Check("scale", is_ok=True, finding=printable(finding))]


def _check_disk(settings: Settings) -> Check:
    folder = settings.store.path.parent
    if not folder.is_dir():
        advice = f"make it: mkdir -p {shlex.quote(str(folder))}"
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
        return Check(
            "store", is_ok=False, finding=str(error), advice="mend that, or set store.path"
        )
    return Check(
        "store", is_ok=True, finding=f"{counts.slices} cm of {counts.sections} sections in {path}"
    )


def _check_set_aside(settings: Settings) -> Check:
    try:
        with Reader.open(settings.store.path) as reader:
            aside = [
                (file.path, without_path(file.reason, file.path))
                for file in reader.quarantined()
                if file.reason
            ]
    except DowncoreError:
        aside = []
    if not aside:
        return Check("set aside", is_ok=True, finding="nothing")
    groups = (f"{g.n}: {g.reason} ({such_as(g.subjects)})" for g in grouped(aside))
    return Check("set aside", is_ok=True, finding="\n      ".join(map(printable, groups)))


def _check_loggers(settings: Settings) -> Check:
    folder = settings.loggers.path
    if folder is None:
        finding = "no folder of a core logger is set (loggers.path)"
        return Check("loggers", is_ok=True, finding=finding)
    if not folder.is_dir():
        advice = "mount the share or set loggers.path; the daemon keeps trying"
        return Check("loggers", is_ok=False, finding=f"no folder {folder}", advice=advice)
    try:
        with Reader.open(settings.store.path) as reader:
            lines = list(logger_lines(reader))
    except DowncoreError:
        lines = []
    finding = "\n      ".join([printable(folder), *lines])
    return Check("loggers", is_ok=True, finding=finding)


def _check_bundles(settings: Settings, inbox: Survey) -> Check:
    try:
        predictors = open_predictors(settings)
    except DowncoreError as error:
        advice = "set predict.bundles to other names or folders, or install downcore again"
        return Check("bundles", is_ok=False, finding=str(error), advice=advice)
    scales = [scan.scale for scan in inbox.scans if scan.scale is not None]
    unread = unread_sentence([one.manifest for one in predictors], scales)
    if unread and not settings.predict.allow_low_resolution:
        proposed = propose_bundles(scales).names
        advice = (
            f"set predict.bundles = [{', '.join(map(quoted, proposed))}]"
            if proposed
            else "train your own with `downcore train --data CORES`"
        )
        return Check("bundles", is_ok=False, finding=unread, advice=advice)
    names = ", ".join(f"{p.manifest.network} {p.manifest.bundle_id}" for p in predictors)
    guard = guard_of(predictors)
    by = "" if guard is None else f"; guarded by {guard.network} {guard.bundle_id}"
    return Check("bundles", is_ok=True, finding=f"{names}: golden test passed{by}")


def _check_composition(settings: Settings) -> Check:
    try:
        config = composition_config_of(settings, ())
    except DowncoreError as error:
        what = (
            "the table that it names, one of composition.tables"
            if isinstance(error, EndMemberError)
            else "what it names in [composition]"
        )
        advice = f"mend {what}, or set composition.enabled = false"
        return Check("composition", is_ok=False, finding=str(error), advice=advice)
    if config is None:
        return Check("composition", is_ok=True, finding="turned off in the settings")
    tables = ", ".join(
        f"{table.name} ({len(table.calibration.model.library.groups)} groups)"
        for table in config.tables
    )
    parts = (
        f"superpixels by {config.superpixel_backend}, regions by {config.refiner.name}, "
        f"minerals by the {config.solver} solver"
    )
    return Check("composition", is_ok=True, finding=f"tables {tables}; {parts}")


def _check_clock(settings: Settings) -> Check:
    del settings
    now = SystemClock().utc_rfc3339()
    is_plausible = now >= "2026"
    advice = "" if is_plausible else "set the clock; order never depends on it, time stamps do"
    return Check("clock", is_ok=is_plausible, finding=f"{now} (UTC)", advice=advice)


def _check_sinks(settings: Settings) -> list[Check]:
    found: list[Check] = []
    address = Address(settings.station.vessel, settings.station.station, _instance_of(settings))
    for name, sink in sinks().items():
        if sink.probe is None:
            continue
        section = settings.sink(name)
        if not section.enabled:
            finding = f"not used ({name}.enabled = false)"
            found.append(Check(name, is_ok=True, finding=finding))
            continue
        try:
            found.append(Check(name, is_ok=True, finding=sink.probe(section, address)))
        except OSError as error:
            advice = f"mend that or [{name}] in the settings; rows are kept and sent then"
            found.append(Check(name, is_ok=False, finding=str(error), advice=advice))
    return found


def _instance_of(settings: Settings) -> str:
    """Return the instance id of the station's store; empty where there is none to be read."""
    try:
        with Reader.open(settings.store.path) as reader:
            return reader.origin().instance_id
    except DowncoreError:
        return ""
