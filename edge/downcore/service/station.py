"""What every scan of a station shares: where rows go, who predicts, how files are read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from downcore.composing import CompositionConfig
from downcore.composing.section_regions import (
    AT_ONCE,
    RegionThreads,
    Submit,
    submit_at_once,
)
from downcore.pipeline import SliceRules
from downcore.ports import Clock, Predictor
from downcore.sources import Reading
from downcore.sources.inbox.completeness import Patience
from downcore.sources.inbox.name_patterns import NamePattern
from downcore.sources.inbox.rules import InboxRules
from downcore.store import Store
from downcore.strata.measured import MeasuredRows
from downcore.strata.scan_corrections import CorrectionRequest
from downcore.strata.scan_doubts import NEVER_ASK, DoubtRules


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """Everything that a scan needs between the inbox and the store."""

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
    inbox_rules: InboxRules | None = None
    """What is true of the scans of each scanner, by folder or name; None for no rules."""
    measured: MeasuredRows | None = None
    """Measured rows of the one section that is read, which correct its predictions."""
    composition_config: CompositionConfig | None = None
    """With what slices are composed; ``None`` where they are not."""
    region_threads: RegionThreads = AT_ONCE
    """Where superpixels and regions are worked out; all scans share them."""
    submit_reading: Submit = submit_at_once
    """Starts reading and masking ahead; all scans share one thread for it."""
    said: CorrectionRequest | None = None
    """How the person who gave the files wants them read, whatever settings and corrections say."""
    doubts: DoubtRules = NEVER_ASK
    """When a scan waits for a person before its first row; never by default."""
    open_learned: Callable[[Path], Predictor] | None = None
    """Opens a bundle that was learned at this site; ``None`` where none is taken up."""
    insists: CorrectionRequest | None = None
    """The acceptance of the person who gave the files and wants no question asked."""

    @property
    def bundle_ids(self) -> tuple[str, ...]:
        """The bundles that predict, in order."""
        return tuple(predictor.manifest.bundle_id for predictor in self.predictors)

    @property
    def rules_by_place(self) -> InboxRules:
        """The rules for the files of the inbox, none where there are none."""
        return self.inbox_rules or InboxRules(self.inbox)

    def reading_of(self, path: Path) -> Reading:
        """Return how a file is read: as its rule says, and for the rest as all scans are."""
        return self.rules_by_place.reading_of(path, self.reading)
