"""From the settings to the rules of the inbox."""

from downcore.settings.sections import InboxSettings, RuleSettings
from downcore.sources import formats
from downcore.sources.inbox.name_patterns import NamePattern
from downcore.sources.inbox.rules import InboxRule, InboxRules
from downcore.strata.errors import SettingsError


def inbox_rules(inbox: InboxSettings) -> InboxRules:
    """
    Return the rules of an inbox, in order.

    Raises
    ------
    SettingsError
        If a rule cannot be used; says which, and what would be right.
    """
    rules = tuple(_rule(number, rule) for number, rule in enumerate(inbox.rule, start=1))
    return InboxRules(inbox.path, rules)


def _rule(number: int, rule: RuleSettings) -> InboxRule:
    where = f"inbox.rule {number}"
    if rule.format and rule.format not in formats():
        raise SettingsError(
            f"{where}: format: expected one of {', '.join(formats())}, got {rule.format!r}"
        )
    if rule.overrides_sidecar and rule.px_per_cm is None:
        raise SettingsError(f"{where}: overrides_sidecar: expected px_per_cm beside it, got none")
    effects = rule.model_fields_set - {"folder", "name"}
    if not effects:
        raise SettingsError(
            f"{where}: expected px_per_cm, top, exclude or another effect, got none"
        )
    if rule.exclude and effects != {"exclude"}:
        others = ", ".join(sorted(effects - {"exclude"}))
        raise SettingsError(f"{where}: exclude: expected nothing beside it, got {others}")
    try:
        pattern = NamePattern(f"rule-{number}", rule.name_pattern) if rule.name_pattern else None
    except SettingsError as error:
        raise SettingsError(f"{where}: name_pattern: {error}") from None
    return InboxRule(
        number=number,
        folder=rule.folder,
        name=rule.name,
        px_per_cm=rule.px_per_cm,
        top=rule.top,
        overrides_sidecar=rule.overrides_sidecar,
        format=rule.format,
        exclude=rule.exclude,
        pattern=pattern,
        expedition=rule.expedition,
        core=rule.core,
        section=rule.section,
        ignores_folder=rule.ignores_folder,
    )
