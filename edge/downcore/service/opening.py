"""Opens a station: bundles that prove themselves first, then the store."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2

from downcore import __version__
from downcore.inference import (
    BundlePredictor,
    GuardedPredictor,
    Mode,
    describe_device,
    find_bundle,
    guard_folder,
    open_guarded,
)
from downcore.ports import Clock, Predictor
from downcore.service.composition_setup import composition_config_of
from downcore.service.kernel_warm_up import warm_up
from downcore.service.outlets import enabled_sinks
from downcore.service.station import Station, patience_of, patterns_of, reading_of, rules_of
from downcore.settings import Settings
from downcore.store import Announcer, Store
from downcore.strata.bundle import Manifest
from downcore.strata.errors import SettingsError
from downcore.strata.record import Run

logger = logging.getLogger(__name__)


@contextmanager
def open_station(
    settings: Settings,
    *,
    clock: Clock,
    announce: Announcer | None,
    slices_per_step: int,
    on_commit: Callable[[], None] | None = None,
) -> Iterator[Station]:
    """
    Open everything that scans need, for as long as the block lasts.

    Parameters
    ----------
    settings : Settings
        Of the device.
    clock : Clock
        Time.
    announce : Announcer or None
        Writes the announcements; ``None`` where nothing is announced.
    slices_per_step : int
        Slices that one scan may take before the others get their turn.
    on_commit : callable, optional
        Called after each commit that announced something.

    Raises
    ------
    BundleError, StoreError, SettingsError
        If a bundle, the store or a setting cannot be used.
    """
    # The cores belong to the networks; OpenCV's own threads would only take turns with them.
    cv2.setNumThreads(1)
    patience, patterns = patience_of(settings), patterns_of(settings)
    predictors = open_predictors(settings)
    composition_config = composition_config_of(settings, predictors)
    path = settings.store.path
    if not path.parent.is_dir():
        raise SettingsError(
            f"store.path: expected a folder that exists, got {path.parent}; make it first"
        )
    with Store.open(path, clock=clock, announce=announce, on_commit=on_commit) as store:
        guard = guard_of(predictors)
        store.begin_run(run_of(settings, guard))
        folders = [find_bundle(name) for name in settings.predict.bundles]
        manifests = [predictor.manifest for predictor in predictors]
        if guard is not None:
            folders.append(guard_folder())
            manifests.append(guard)
        for folder, manifest in zip(folders, manifests, strict=True):
            text = (folder / "manifest.json").read_text(encoding="utf-8")
            store.record_bundle(manifest, text)
        if composition_config is not None:
            store.record_composer(composition_config.composer_id, composition_config.description)
            warm_up(composition_config)
        # One thread: what regions are made with serves one section at a time.
        regions = ThreadPoolExecutor(max_workers=1, thread_name_prefix="downcore-regions")
        station = Station(
            inbox=settings.inbox.path,
            store=store,
            predictors=predictors,
            rules=rules_of(settings),
            reading=reading_of(settings),
            patience=patience,
            patterns=patterns,
            slices_per_step=slices_per_step,
            clock=clock,
            composition_config=composition_config,
            submit_regions=regions.submit,
        )
        try:
            yield station
        finally:
            # What nobody waits for any more is not begun.
            regions.shutdown(wait=True, cancel_futures=True)
            # An inference that the end of the process cuts off takes the process down with it.
            for predictor in predictors:
                predictor.collect(wait=True)


def check_settings(settings: Settings) -> None:
    """
    Check what the types of the settings cannot: patterns, times, places, and the sinks.

    Raises
    ------
    SettingsError
        If something cannot be used; names the key.
    """
    patience_of(settings)
    patterns_of(settings)
    for sink, section in enabled_sinks(settings):
        sink.check(section)
    inbox, store = settings.inbox.path.resolve(), settings.store.path.resolve()
    if store.is_relative_to(inbox):
        raise SettingsError(
            f"store.path: expected a place outside the inbox {inbox}, got {store}; "
            "nothing is written to the inbox"
        )


def open_predictors(settings: Settings) -> tuple[BundlePredictor | GuardedPredictor, ...]:
    """
    Load, verify and test every bundle of the settings, with its guard where it needs one.

    Raises
    ------
    BundleError
        If one is missing, damaged, or fails its golden test.
    """
    mode = Mode(settings.predict.mode)
    return tuple(
        open_guarded(find_bundle(name), mode=mode, n_threads=settings.predict.threads)
        for name in settings.predict.bundles
    )


def guard_of(predictors: Sequence[Predictor]) -> Manifest | None:
    """Return the manifest of the guard in force; ``None`` where no bundle has one."""
    guarded = (one for one in predictors if isinstance(one, GuardedPredictor))
    return next((one.guard for one in guarded), None)


def run_of(settings: Settings, guard: Manifest | None) -> Run:
    """Return what this start of the program runs with, for the provenance of its rows."""
    device = describe_device()
    return Run(
        code_version=__version__,
        settings_sha256=hashlib.sha256(settings.model_dump_json().encode()).hexdigest(),
        cpu_flags=" ".join(device.cpu_flags),
        openvino_version=device.openvino_version,
        novelty_guard_id="" if guard is None else guard.bundle_id,
    )
