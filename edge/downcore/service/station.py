"""What every scan of a station shares: where rows go, who predicts, how files are read."""

from dataclasses import dataclass
from pathlib import Path

from downcore.composing import CompositionConfig
from downcore.composing.region_worker import Submit, in_turn
from downcore.pipeline import SliceRules
from downcore.ports import Clock, Predictor
from downcore.settings import Settings
from downcore.sources import Limits, Reading
from downcore.sources.inbox.completeness import Patience
from downcore.sources.inbox.name_patterns import NamePattern
from downcore.store import Store
from downcore.strata.errors import SettingsError
from downcore.strata.measured import MeasuredRows


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """Everything a scan needs on its way from the inbox to the store."""

    inbox: Path
    """Names count from here; the folder itself is only read."""
    store: Store
    predictors: tuple[Predictor, ...]
    rules: SliceRules
    reading: Reading
    patience: Patience
    patterns: tuple[NamePattern, ...]
    slices_per_step: int
    """Slices that one scan may take before the others get their turn; 1 or more."""
    clock: Clock
    measured: MeasuredRows | None = None
    """Measured rows of the one section that is read, which correct its predictions."""
    composition_config: CompositionConfig | None = None
    """With what slices are composed; ``None`` where they are not."""
    submit_regions: Submit = in_turn
    """Begins work on regions; all scans share one thread for it."""


def reading_of(settings: Settings) -> Reading:
    """Return how the settings say that scans are to be read."""
    inbox = settings.inbox
    return Reading(
        px_per_cm=inbox.px_per_cm,
        top=inbox.top,
        limits=Limits(max_pixels=inbox.max_pixels),
    )


def rules_of(settings: Settings) -> SliceRules:
    """Return how the settings say that slices are to be looked at."""
    return SliceRules(
        tiles_per_slice=settings.predict.tiles_per_slice,
        allow_low_resolution=settings.predict.allow_low_resolution,
    )


def patterns_of(settings: Settings) -> tuple[NamePattern, ...]:
    """
    Return the user's own name patterns.

    Raises
    ------
    SettingsError
        If one is not a regular expression that may be used.
    """
    try:
        return tuple(
            NamePattern(f"settings-{n}", regex)
            for n, regex in enumerate(settings.inbox.name_patterns, start=1)
        )
    except ValueError as error:
        raise SettingsError(f"inbox.name_patterns: {error}") from None


def patience_of(settings: Settings) -> Patience:
    """
    Return how long the settings say that a file must be still.

    Raises
    ------
    SettingsError
        If a file would be given up before it could settle.
    """
    inbox = settings.inbox
    try:
        return Patience(settle_s=inbox.settle_s, give_up_s=inbox.give_up_s)
    except ValueError as error:
        raise SettingsError(f"inbox.settle_s, inbox.give_up_s: {error}") from None
