"""``downcore init``: look at the inbox and write settings that fit it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from downcore.commands.bundle_proposal import propose_bundles
from downcore.commands.host_names import names_from_host
from downcore.commands.inbox_survey import OnScan, Survey, survey
from downcore.commands.init_sentences import (
    NO_SCANS,
    collision_sentences,
    copy_sentences,
    group_sentences,
    left_out_lines,
    name_sentences,
    unplaced_sentences,
)
from downcore.commands.rule_proposals import ProposedRule, propose_rules, quoted, rules_text
from downcore.file_names import printable
from downcore.service.station_setup import scan_settings
from downcore.settings import settings_model
from downcore.settings.sections import InboxSettings
from downcore.sources.inbox.mounts import file_system_here, is_network_share
from downcore.strata.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Findings:
    """What ``init`` found out about an inbox."""

    inbox: Path
    sentences: tuple[str, ...]
    """For the technician, one a line."""
    is_scale_missing: bool
    """Whether some scans say no scale, so that a person must."""
    rules: tuple[ProposedRule, ...] = ()
    """What the settings must say for the scans to be read and named rightly; those that ask for a
    scale are comments until it is filled in."""
    vessel: str = ""
    station: str = ""
    """Names that the host suggests; empty where it suggests none."""
    left_to_say: tuple[str, ...] = field(default=())
    """What no rule could be proposed for, as comments of the settings."""
    bundles: tuple[str, ...] = ()
    """What can read the scans; empty where the default can."""


def look_around(inbox: Path, *, on_scan: OnScan | None = None) -> Findings:
    """
    Look at the folder the scanner writes to, without changing anything.

    Parameters
    ----------
    inbox : Path
        The folder.
    on_scan : callable, optional
        Called with the number of scans looked at, and of all.

    Raises
    ------
    SettingsError
        If it is not a folder that can be listed.
    """
    general = scan_settings(settings_model()(inbox=InboxSettings(path=inbox)))
    found = survey(inbox, general, on_scan=on_scan)
    if not found.listing.is_listed:
        raise SettingsError(f"expected a folder that can be listed, got {printable(inbox)}")
    rules = propose_rules(found)
    fits = [rule.rule.fits for rule in rules if rule.effect.px_per_cm]
    unplaced = [
        scan
        for scan in found.unplaced
        if not (scan.needs_scale and any(fit(scan.place) for fit in fits))
    ]
    cannot_place = list(unplaced_sentences(unplaced))
    vessel, station = names_from_host()
    bundles = propose_bundles(_scales(found, rules))
    sentences = [
        place_sentence(inbox),
        *_what_is_there(found),
        *(_proposal_sentence(rule) for rule in rules if rule.is_ready),
        *cannot_place,
        *collision_sentences(found),
        *copy_sentences(found),
        *left_out_lines(found),
        *name_sentences(found),
        *_scale_sentences(found, is_missing=any(scan.needs_scale for scan in unplaced)),
        *_top_sentences(found),
        *filter(None, [bundles.sentence]),
    ]
    if station:
        sentences.append(
            f"station: {station}{f' of {vessel}' if vessel else ''}, by the host's name"
        )
    return Findings(
        inbox.absolute(),
        # Names and reasons may hold what a file says of itself.
        tuple(printable(sentence) for sentence in sentences),
        is_scale_missing=any(scan.needs_scale for scan in unplaced),
        rules=rules,
        vessel=vessel,
        station=station,
        left_to_say=tuple(printable(sentence) for sentence in cannot_place),
        bundles=bundles.names,
    )


def _scales(found: Survey, rules: Sequence[ProposedRule]) -> list[Fraction]:
    """Return the scales of the scans, as a sidecar or a rule that is ready says them."""
    ready = [rule for rule in rules if rule.is_ready and rule.effect.px_per_cm]
    by_rule = (
        next((Fraction(one.effect.px_per_cm) for one in ready if one.rule.fits(scan.place)), None)
        for scan in found.scans
    )
    said = [scale or scan.scale for scale, scan in zip(by_rule, found.scans, strict=True)]
    return [scale for scale in said if scale is not None]


def _proposal_sentence(rule: ProposedRule) -> str:
    return f"rule proposed: {' '.join(rule.lines[2:])} {rule.lines[0][2:]}"


def _what_is_there(found: Survey) -> list[str]:
    cannot_read = [
        f"cannot read {image.file.path.relative_to(found.inbox)}: {image.reason}"
        for image in found.unclaimed
    ]
    problems = [f"{problem.path}: {problem.reason}" for problem in found.listing.problems]
    if not found.scans:
        return ["no scans yet; that is no fault, they are read as they appear", *cannot_read]
    return [f"{len(found.scans)} scans", *group_sentences(found), *cannot_read, *problems]


def _scale_sentences(found: Survey, *, is_missing: bool) -> list[str]:
    if not found.scans:
        return [f"scale: {NO_SCANS}"]
    if is_missing:
        where = "inbox.px_per_cm, or px_per_cm in the rules that stand ready there as comments"
        return [f"scale: not every scan says it; in the settings fill in {where}"]
    return []


def _top_sentences(found: Survey) -> list[str]:
    tops: dict[str, dict[str, int]] = {}
    for scan in found.scans:
        if scan.top:
            titles = tops.setdefault(scan.top, {})
            titles[scan.files.format.title] = titles.get(scan.files.format.title, 0) + 1
    if not tops:
        return []
    said = [
        f"{top} in {', '.join(f'{title} ({n})' for title, n in sorted(titles.items()))}"
        for top, titles in sorted(tops.items())
    ]
    return [f"core top: {'; '.join(said)}, by the format's habit; inbox.top or a rule changes it"]


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
    said = {
        ("inbox", "path"): str(findings.inbox),
        ("station", "vessel"): findings.vessel,
        ("station", "station"): findings.station,
        ("predict", "bundles"): findings.bundles,
    }
    for section, part in settings_model().model_fields.items():
        lines.append(f"[{section}]")
        for key, described in getattr(part.annotation, "model_fields", {}).items():
            if key == "rule":
                continue
            lines.append(f"# {described.description}")
            value = getattr(getattr(defaults, section), key)
            if said.get((section, key)):
                lines.append(f"{key} = {_toml(said[section, key])}")
            elif (section, key) == ("inbox", "px_per_cm") and findings.is_scale_missing:
                lines.append(
                    '# px_per_cm = "200"   # here, or in a rule below: not every scan says it'
                )
            elif value is None:
                lines.append(f'# {key} = "..."')
            else:
                lines.append(f"# {key} = {_toml(value)}")
        if section == "inbox":
            lines += _rule_lines(findings)
        lines.append("")
    return "\n".join(lines)


def _rule_lines(findings: Findings) -> list[str]:
    """Return the rules of an inbox, and as comments what only a person can say."""
    meaning = InboxSettings.model_fields["rule"].description
    lines = [
        f"# {meaning}",
        "# rule = []   # as tables below, such as",
        '#   folder = "itrax/LP*", name = "*.tif", px_per_cm = "20.38", top = "left",',
        '#   expedition = "Exp401", exclude = true; docs/reference/inbox.md has them all',
        "",
        *rules_text(findings.rules),
    ]
    return [*lines, *(f"# {sentence}" for sentence in findings.left_to_say)]


def place_sentence(inbox: Path) -> str:
    """Return on what kind of file system the inbox lies, in a sentence."""
    kind = file_system_here(inbox)
    if is_network_share(kind):
        return f"{inbox} is a network share ({kind}): it is looked at regularly, events do not come"
    return f"{inbox} is a local folder ({kind})"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return quoted(str(value))
