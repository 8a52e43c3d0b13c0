"""From the settings to a station: bundles that pass their golden tests, the store, the sinks."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from downcore import __version__
from downcore.composing import CompositionConfig, SectionComposer
from downcore.composing.section_regions import RegionThreads
from downcore.inference import (
    BundlePredictor,
    GuardedPredictor,
    Mode,
    describe_device,
    find_bundle,
    guard_folder,
    open_guarded,
)
from downcore.pipeline import SliceRules
from downcore.ports import Clock, Predictor
from downcore.publish import Feed, RunningSink, Sink, SinkSettings, Wake
from downcore.publish.payloads import Birth
from downcore.publish.sinks import sinks
from downcore.service.allocator import keep_freed_memory
from downcore.service.composition_setup import composition_config_of
from downcore.service.inbox_rules import inbox_rules
from downcore.service.logger_patterns import logger_patterns
from downcore.service.station import Station
from downcore.settings import Settings
from downcore.sources import Limits, Reading
from downcore.sources.inbox.completeness import Patience
from downcore.sources.inbox.leaving_out import LeaveOut
from downcore.sources.inbox.name_patterns import NamePattern
from downcore.sources.inbox.rules import InboxRules
from downcore.store import Announcer, Reader, Store
from downcore.strata.bundle import Manifest
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import SliceRow
from downcore.strata.errors import SettingsError
from downcore.strata.record import Run
from downcore.strata.scan_doubts import Cause, DoubtRules
from downcore.strata.section import SliceLines
from downcore.strata.slices import measure_slice


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """What the settings say of scans, as the values that the stages take."""

    reading: Reading
    rules: SliceRules
    patience: Patience
    patterns: tuple[NamePattern, ...]
    """The user's own name patterns."""
    inbox_rules: InboxRules
    """What is true of the scans of each scanner, by folder or name."""
    leave_out: LeaveOut
    """Which names are left out of the inbox."""
    doubts: DoubtRules


def scan_settings(settings: Settings) -> ScanSettings:
    """
    Return what the settings say of scans.

    Raises
    ------
    SettingsError
        If a file would be given up before it could settle, or a name pattern is not a regular
        expression that may be used; names the key.
    """
    inbox, predict = settings.inbox, settings.predict
    try:
        patience = Patience(settle_s=inbox.settle_s, give_up_s=inbox.give_up_s)
    except ValueError as error:
        raise SettingsError(f"inbox.settle_s, inbox.give_up_s: {error}") from None
    try:
        patterns = tuple(
            NamePattern(f"settings-{n}", regex)
            for n, regex in enumerate(inbox.name_patterns, start=1)
        )
    except SettingsError as error:
        raise SettingsError(f"inbox.name_patterns: {error}") from None
    return ScanSettings(
        reading=Reading(
            px_per_cm=inbox.px_per_cm if inbox.overrides_sidecar else None,
            px_per_cm_otherwise=inbox.px_per_cm,
            top=inbox.top,
            limits=Limits(max_pixels=inbox.max_pixels),
        ),
        inbox_rules=inbox_rules(inbox),
        leave_out=LeaveOut(inbox.leave_out),
        rules=SliceRules(
            tiles_per_slice=predict.tiles_per_slice,
            allow_low_resolution=predict.allow_low_resolution,
        ),
        patience=patience,
        patterns=patterns,
        doubts=DoubtRules(
            ask=settings.doubts.ask,
            min_width_cm=settings.doubts.min_width_cm,
            max_width_cm=settings.doubts.max_width_cm,
            max_length_cm=settings.doubts.max_length_cm,
            not_asked=frozenset(map(Cause, settings.doubts.not_asked)),
        ),
    )


def check_settings(settings: Settings) -> None:
    """
    Check what the types of the settings cannot: patterns, times, places and sinks.

    Raises
    ------
    SettingsError
        If something cannot be used; names the key.
    """
    scan_settings(settings)
    try:
        logger_patterns(settings)
    except SettingsError as error:
        raise SettingsError(f"loggers.name_patterns: {error}") from None
    for sink, section in enabled_sinks(settings):
        sink.check(section)
    inbox, store = settings.inbox.path.resolve(), settings.store.path.resolve()
    if store.is_relative_to(inbox):
        raise SettingsError(
            f"store.path: expected a place outside the inbox {inbox}, got {store}; "
            "nothing is written to the inbox"
        )
    loggers = settings.loggers.path
    if loggers is not None and store.is_relative_to(loggers.resolve()):
        raise SettingsError(
            f"store.path: expected a place outside the logger's folder {loggers}, got {store}; "
            "nothing is written there"
        )


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
    # The processor belongs to the networks; OpenCV's own threads would only compete with them.
    cv2.setNumThreads(1)
    keep_freed_memory()
    scans = scan_settings(settings)
    predictors = open_predictors(settings)
    composition_config = composition_config_of(settings, predictors)
    path = settings.store.path
    if not path.parent.is_dir():
        raise SettingsError(
            f"store.path: expected a folder that exists, got {path.parent}; make it first"
        )
    with Store.open(path, clock=clock, announce=announce, on_commit=on_commit) as store:
        _record_run(store, settings, predictors, composition_config)
        if composition_config is not None:
            compile_kernels(composition_config)
        # One thread each: they work on one section at a time, in order.
        threads = {
            name: ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"downcore-{name}")
            for name in ("reading", "superpixels", "regions")
        }
        station = Station(
            inbox=settings.inbox.path,
            store=store,
            predictors=predictors,
            rules=scans.rules,
            reading=scans.reading,
            patience=scans.patience,
            patterns=scans.patterns,
            inbox_rules=scans.inbox_rules,
            doubts=scans.doubts,
            slices_per_step=slices_per_step,
            clock=clock,
            composition_config=composition_config,
            region_threads=RegionThreads(threads["superpixels"].submit, threads["regions"].submit),
            submit_reading=threads["reading"].submit,
            open_learned=partial(
                open_guarded, mode=Mode(settings.predict.mode), n_threads=settings.predict.threads
            ),
        )
        try:
            yield station
        finally:
            # What nobody waits for any more is not begun.
            for thread in reversed(threads.values()):
                thread.shutdown(wait=True, cancel_futures=True)
            # An inference that the end of the process cuts off takes the process down with it.
            for predictor in predictors:
                predictor.collect(wait=True)


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
    guards = (p.guard for p in predictors if isinstance(p, GuardedPredictor))
    return next(guards, None)


def _record_run(
    store: Store,
    settings: Settings,
    predictors: Sequence[Predictor],
    composition_config: CompositionConfig | None,
) -> None:
    """Record what this start of the program runs with, for the provenance of its rows."""
    device, guard = describe_device(), guard_of(predictors)
    store.begin_run(
        Run(
            code_version=__version__,
            settings_sha256=hashlib.sha256(settings.model_dump_json().encode()).hexdigest(),
            cpu_flags=" ".join(device.cpu_flags),
            openvino_version=device.openvino_version,
            novelty_guard_id="" if guard is None else guard.bundle_id,
        )
    )
    folders = [find_bundle(name) for name in settings.predict.bundles]
    manifests = [predictor.manifest for predictor in predictors]
    if guard is not None:
        folders.append(guard_folder())
        manifests.append(guard)
    for folder, manifest in zip(folders, manifests, strict=True):
        store.record_bundle(manifest, (folder / "manifest.json").read_text(encoding="utf-8"))
    if composition_config is not None:
        store.record_composer(composition_config.composer_id, composition_config.description)


def compile_kernels(composition_config: CompositionConfig) -> None:
    """
    Compose two slices of a pattern, so that every kernel is compiled by now.

    Where kernels are not stored, that takes the better part of a minute, and neither a scan nor
    the end of the program should have to wait for it.
    """
    scale, n_lines, n_across = LineScale.of("50"), 50, 60
    composer = SectionComposer(composition_config, scale)
    down, across = np.indices((n_lines, n_across))
    classes = np.zeros((n_lines, n_across), np.uint8)
    for index in range(2):
        grey = 80 + 40 * (down // 16 % 2) + (7 * down + 13 * across + 5 * index) % 31
        pixels = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
        composer.add_lines(SliceLines(index, n_lines * index, pixels, 0, n_lines), classes)
        core_slice = measure_slice(pixels, classes, scale, index, n_lines * index)
        composer.add_rows([SliceRow(core_slice, ())])
    composer.finish()


@contextmanager
def open_sinks(
    settings: Settings, station: Station, wake: Wake, *, without: frozenset[str] = frozenset()
) -> Iterator[dict[str, RunningSink]]:
    """
    Start every sink that the settings enable, and give them by name; stop them at the end.

    Those named in ``without`` are left out.

    Raises
    ------
    SettingsError
        If a sink cannot be started with the settings.
    """
    path = station.store.path
    feed = Feed(
        open_outbox=lambda: Reader.open(path),
        acks=station.store,
        wake=wake,
        clock=station.clock,
        birth=Birth(
            version=__version__,
            started_utc=station.clock.utc_rfc3339(),
            bundles=tuple(predictor.manifest for predictor in station.predictors),
        ),
        vessel=settings.station.vessel,
        station=settings.station.station,
    )
    running: dict[str, RunningSink] = {}
    try:
        wanted = ((s, section) for s, section in enabled_sinks(settings) if s.name not in without)
        for sink, section in wanted:
            running[sink.name] = sink.open(section, feed)
        yield running
    finally:
        for running_sink in running.values():
            running_sink.stop()


def enabled_sinks(settings: Settings) -> list[tuple[Sink, SinkSettings]]:
    """Return the sinks that the settings enable, each with its section."""
    sections = [(sink, settings.sink(name)) for name, sink in sinks().items()]
    return [(sink, section) for sink, section in sections if section.enabled]
