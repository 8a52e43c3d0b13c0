"""A device in a folder: a real store and inbox, a clock set by hand, a predictor of digests."""

import hashlib
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from downcore.composing import CompositionConfig
from downcore.pipeline import SectionPipeline, SliceRules
from downcore.ports import Predictor
from downcore.publish import payloads
from downcore.service.scheduler import OnStep, RemainingWork, Scheduler
from downcore.service.station import Station
from downcore.simulator.generator import CoreRecipe, GeneratedCore
from downcore.simulator.writing import ScanJob
from downcore.sources import Limits, Reading
from downcore.sources.inbox.completeness import Patience
from downcore.sources.inbox.listing import ListingLimits, list_inbox
from downcore.sources.inbox.name_patterns import NamePattern
from downcore.store import Store
from downcore.store.rows import ESTIMATE_COLUMNS, SLICE_COLUMNS, row_of_estimate, row_of_slice
from downcore.strata.bundle import Manifest, OutputScaling, manifest_text
from downcore.strata.depth import LineScale
from downcore.strata.estimates import TilePrediction
from downcore.strata.record import Run
from downcore.strata.scan_doubts import DoubtRules
from downcore.strata.segment import Segment
from downcore.strata.windows import Window

PX_PER_CM = "12.5"
"""Not a whole number of lines to the centimetre, so that slices differ in their lines."""

SETTLE_S = 5.0
GIVE_UP_S = 60.0
N_HELD_BACK = 2
N_IDLE_LOOKS = 3
"""Looks without work, each ``SETTLE_S`` after the other, after which nothing more will happen."""

Row = tuple[int | float | str | None, ...]


class HandClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_rfc3339(self) -> str:
        return "2026-01-31T23:59:59.123Z"


class DigestPredictor:
    """
    A predictor whose numbers are made of a digest of every pixel of each tile or window.

    It holds the last few answers back unless told to wait, as one that fills batches does.
    """

    def __init__(
        self, bundle_id: str = "b1", *, salt: str = "", window: Window | None = None
    ) -> None:
        self.manifest = Manifest(
            network="resnet-18",
            title="digests of pixels",
            created_utc="2026",
            precision="int8",
            files={},
            outputs=(
                OutputScaling("density", "g/cm3", is_log10=False, centre=1.8, spread=0.2,
                              interval_factor=1.6, interval_floor=0.05),
                OutputScaling("ms", "1e-5 SI", is_log10=True, centre=1.5, spread=0.5,
                              interval_factor=1.6, interval_floor=0.05),
            ),
            trained_px_per_cm=(5.0, 400.0),
            golden_tolerance=0.1,
            training_data="none",
            bundle_id=bundle_id,
            novelty_threshold=1.9,
            window=window,
        )  # fmt: skip
        self.n_slices = 0
        """Slices, or windows, that it was asked about."""
        self._salt = (bundle_id + salt).encode()
        self._held: deque[tuple[Any, TilePrediction]] = deque()

    def predict(self, slices: Sequence[NDArray[np.uint8]]) -> list[TilePrediction]:
        return [self._of(tiles) for tiles in slices]

    def submit(self, tag: object, tiles: NDArray[np.uint8]) -> None:
        self.n_slices += 1
        self._held.append((tag, self._of(tiles)))

    def collect(self, *, wait: bool) -> list[tuple[Any, TilePrediction]]:
        n = len(self._held) if wait else max(len(self._held) - N_HELD_BACK, 0)
        return [self._held.popleft() for _ in range(n)]

    def _of(self, tiles: NDArray[np.uint8]) -> TilePrediction:
        assert tiles.shape[1:] == self.manifest.input_shape, tiles.shape
        rows = range(self.manifest.rows_per_input)
        # The number of a window's row is told by zeros, and the first has none.
        shares = np.array(
            [self._shares(tile.tobytes() + bytes(row)) for tile in tiles for row in rows]
        ).reshape(-1, 3, 2)
        mean = np.array([1.8, 1.5]) + 0.4 * (shares[:, 0] - 0.5)
        return TilePrediction(
            mean, 0.05 + 0.1 * shares[:, 1], 0.05 * shares[:, 2], 2 * shares[:, 0, 0]
        )

    def _shares(self, pixels: bytes) -> NDArray[np.float64]:
        digest = hashlib.blake2b(pixels, digest_size=12, key=self._salt).digest()
        return np.frombuffer(digest, dtype=np.uint16) / 65536


@dataclass(frozen=True, slots=True)
class Lines:
    """Scan lines that are there already; a ``LineSource``."""

    pixels: NDArray[np.uint8]

    @property
    def n_lines(self) -> int:
        return len(self.pixels)

    @property
    def n_across(self) -> int:
        return int(self.pixels.shape[1])

    def lines(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        return self.pixels[first_line : first_line + n_lines]


def core_lines(
    seed: int = 3, *, length_cm: float = 6.6, width_cm: float = 3.0
) -> NDArray[np.uint8]:
    """Return a small generated core, whose last slice is short."""
    core = GeneratedCore(
        CoreRecipe(seed=seed, length_cm=length_cm, px_per_cm=float(PX_PER_CM), width_cm=width_cm)
    )
    return core.lines(0, core.n_lines)


def job_of(
    pixels: NDArray[np.uint8],
    folder: Path,
    name: str = "GC01",
    *,
    lines_per_step: int = 9,
    may_replace: bool = False,
) -> ScanJob:
    """Return a section that a played scanner writes."""
    return ScanJob(
        Lines(pixels),
        folder,
        name,
        Fraction(PX_PER_CM),
        lines_per_step=lines_per_step,
        may_replace=may_replace,
    )


@dataclass(frozen=True, slots=True)
class Log:
    """Every row of one scan, all columns but the run's; one entry for each slice."""

    slices: tuple[Row, ...]
    estimates: tuple[Row, ...]

    def begins(self, whole: "Log") -> bool:
        """Return whether these are the first rows of ``whole``, slice by slice complete."""
        n = len(self.slices)
        of_these = tuple(row for row in whole.estimates if int(row[0] or 0) < n)
        return self.slices == whole.slices[:n] and self.estimates == of_these


def expected_log(
    pixels: NDArray[np.uint8], *predictors: Predictor, px_per_cm: str = PX_PER_CM
) -> Log:
    """Return the rows of one pass over lines in memory: no file, no store, a single cut."""
    pipeline = SectionPipeline(
        LineScale.of(px_per_cm), predictors or (DigestPredictor(),), SliceRules()
    )
    rows = pipeline.push(Segment(pixels, 0)) + pipeline.finish()
    estimates = [
        (row.core_slice.index, *row_of_estimate(one)) for row in rows for one in row.estimates
    ]
    return Log(
        tuple(row_of_slice(row.core_slice) for row in rows),
        tuple(sorted(estimates, key=lambda row: row[:3])),
    )


def bytes_below(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Return time stamp and content of everything in a folder, to see that nothing changed."""
    return {
        ascii(path): (
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() and not path.is_symlink() else None,
        )
        for path in folder.rglob("*")
    }


@dataclass(slots=True)
class Device:
    """A station over an inbox, that can be started again at any time."""

    home: Path
    predictors: tuple[Predictor, ...] = field(default_factory=lambda: (DigestPredictor(),))
    slices_per_step: int = 2
    px_per_cm: str | None = PX_PER_CM
    top: Literal["up", "left", "right"] | None = None
    patterns: tuple[NamePattern, ...] = ()
    settle_s: float = SETTLE_S
    limits: Limits = field(default_factory=Limits)
    on_step: OnStep | None = None
    clock: HandClock = field(default_factory=HandClock)
    composition_config: CompositionConfig | None = None
    doubts: DoubtRules = field(default_factory=DoubtRules)
    """Nothing is asked by default: most of the cores here are narrower than any."""
    open_learned: Callable[[Path], Predictor] | None = None
    _store: Store | None = None
    _scheduler: Scheduler | None = None

    def __enter__(self) -> Self:
        self.inbox.mkdir(exist_ok=True)
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @property
    def database(self) -> Path:
        return self.home / "record.db"

    @property
    def scheduler(self) -> Scheduler:
        assert self._scheduler is not None, "expected a device that is started"
        return self._scheduler

    @property
    def station(self) -> Station:
        assert self._store is not None, "expected a device that is started"
        return Station(
            inbox=self.inbox,
            store=self._store,
            predictors=self.predictors,
            rules=SliceRules(),
            reading=Reading(px_per_cm=self.px_per_cm, top=self.top, limits=self.limits),
            patience=Patience(settle_s=self.settle_s, give_up_s=GIVE_UP_S),
            patterns=self.patterns,
            slices_per_step=self.slices_per_step,
            clock=self.clock,
            composition_config=self.composition_config,
            doubts=self.doubts,
            open_learned=self.open_learned,
        )

    def start(self) -> None:
        self._store = Store.open(self.database, clock=self.clock, announce=payloads)
        self._store.begin_run(Run("0", "0", "none", "none"))
        for predictor in self.predictors:
            self._store.record_bundle(predictor.manifest, manifest_text(predictor.manifest))
        if self.composition_config is not None:
            self._store.record_composer(
                self.composition_config.composer_id, self.composition_config.description
            )
        self._scheduler = Scheduler(self.station, self.on_step)

    def stop(self) -> None:
        """End without a word to the scans that are under way, as a crash does."""
        if self._scheduler is not None:
            self._scheduler.close()
        if self._store is not None:
            self._store.close()
        self._scheduler = self._store = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def round(self, *closed: Path, after_s: float = 1.0) -> RemainingWork:
        """Look at the inbox once, and let every scan have its turn."""
        self.clock.now_s += after_s
        return self.scheduler.run_once(
            list_inbox(self.inbox, limits=ListingLimits()), frozenset(closed)
        )

    def rest(self, *closed: Path) -> None:
        """Look until nothing is left to do but to wait for bytes."""
        self.round(*closed)
        n_idle = 0
        for _ in range(400):
            n_idle = 0 if self.round(after_s=SETTLE_S).has_more else n_idle + 1
            if n_idle == N_IDLE_LOOKS:
                return
        raise AssertionError(f"expected an end, still at {self.scans('path', 'state', 'reason')}")

    def until_given_up(self) -> None:
        """Look until scans that lack bytes are set aside."""
        self.rest()
        self.round(after_s=2 * GIVE_UP_S)
        self.rest()

    def all(self, sql: str, *arguments: object) -> list[Any]:
        """Return what the record answers, through a connection of its own."""
        connection = sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)
        try:
            return connection.execute(sql, arguments).fetchall()
        finally:
            connection.close()

    def scans(self, *columns: str) -> list[Any]:
        """Return columns of every scan in the order in which they were opened."""
        return self.all(f"SELECT {', '.join(columns)} FROM scan ORDER BY scan_no")  # noqa: S608 - the columns are constants

    def log_of(self, scan_id: str) -> Log:
        """Return every row of a scan."""
        slices = self.all(
            f"SELECT {', '.join(SLICE_COLUMNS)} FROM slice WHERE scan_id = ? ORDER BY slice_index",  # noqa: S608 - the columns are constants
            scan_id,
        )
        estimates = self.all(
            f"SELECT slice_index, {', '.join(ESTIMATE_COLUMNS)} FROM estimate WHERE scan_id = ?"  # noqa: S608 - the columns are constants
            " ORDER BY slice_index, property, bundle_id",
            scan_id,
        )
        return Log(tuple(slices), tuple(estimates))

    def only_log(self) -> Log:
        """Return the rows of the one scan there is; no rows where there is none yet."""
        found = self.scans("scan_id")
        assert len(found) <= 1, f"expected one scan, got {self.scans('scan_id', 'path', 'state')}"
        return self.log_of(found[0][0]) if found else Log((), ())

    def reasons(self) -> dict[str, str]:
        """Return why files were set aside, by name."""
        rows = self.all("SELECT path, reason FROM quarantine WHERE identity NOT LIKE 'attempt:%'")
        return {Path(path).name: reason for path, reason in rows}
