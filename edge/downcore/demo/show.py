"""The demo itself: what happens, in which order, and what it says at the end."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from downcore.clock import SystemClock
from downcore.commands.plate import stored_plate
from downcore.demo.broker import demo_broker
from downcore.demo.choosing import TRIAL_CM, choose
from downcore.demo.listener import Listener
from downcore.demo.place import CORE_NAME, prepare
from downcore.demo.waiting import wait_until_done, wait_while_rows_come
from downcore.inference import Mode, find_bundle, open_guarded
from downcore.inference.reference import reference_bundles
from downcore.plate import SIMULATED_CAVEAT, Plate, check_can_draw, draw_plate
from downcore.ports import Predictor
from downcore.publish.sinks.mqtt import MqttSettings
from downcore.service.daemon import Daemon
from downcore.settings import Settings, load_settings
from downcore.settings.sections import InboxSettings
from downcore.simulator.generator import CoreRecipe, GeneratedCore, generate
from downcore.simulator.scanner import pattern_named, play, scan_job
from downcore.sources import Limits
from downcore.store import Reader
from downcore.strata.bundle import parse_manifest
from downcore.strata.depth import LineScale
from downcore.strata.record import ScanState

PX_PER_CM = 200
MAX_SECTION_CM = 104
PLAIN_EVERY = 10
"""Rows between two lines where there is no terminal."""


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What is to be shown."""

    folder: Path
    metres_per_min: float
    length_cm: int
    """Length of the core; cut into sections of 104 cm at most."""
    seed: int
    ends_by_itself: bool
    """End after the core, rather than keep the station running for others to look at."""


def run_demo(plan: DemoPlan) -> bool:
    """
    Scan a simulated core; return whether every centimetre was stored and received once.

    Raises
    ------
    SettingsError
        If the folder cannot be used.
    ModuleNotFoundError
        If the extra ``demo`` is not installed.
    """
    check_can_draw()  # now rather than after the scan
    inbox = prepare(plan.folder)
    console = Console()
    with demo_broker(plan.folder) as (broker, port):
        settings, silent = with_chosen_bundles(demo_settings(plan, inbox, port), plan, console)
        console.print(f"broker: {broker} on 127.0.0.1:{port}, topics downcore/v1/demo/scanner/...")
        console.print(
            f"scanner: a simulated core of {plan.length_cm} cm at {PX_PER_CM} px/cm, "
            f"{plan.metres_per_min:g} m/min, written to {inbox}",
            soft_wrap=True,
        )
        with _rows_shown(console, plan) as show, _daemon(settings) as faults:
            with contextlib.closing(Listener(port, show)) as listener:
                for name, core in sections_of(plan):
                    job = scan_job(core, inbox, name, px_per_cm=PX_PER_CM)
                    pattern = pattern_named("growing-tiff")
                    for _step in play(job, pattern, metres_per_min=plan.metres_per_min):
                        if faults:
                            raise faults[0]
                _wait_for_the_end(plan, listener, settings.store.path, faults)
                received = listener.received
            if not plan.ends_by_itself:
                _stay(console, settings)
    with Reader.open(settings.store.path) as reader:
        stored = reader.counts().slices
        plate = draw_core(reader, plan.folder / "plate.png", silent)
    if plate is None:
        console.print("no plate: no centimetre had rows")
    else:
        console.print(f"plate: {plan.folder / 'plate.png'}")
        if (n_drawn := len(plate.slices)) < plan.length_cm:
            console.print(
                f"{n_drawn} of {plan.length_cm} cm had rows when the plate was drawn; "
                "the others are not on it",
                highlight=False,
            )
    console.print(
        "A simulated core and networks trained on simulated cores: these numbers measure nothing. "
        "Next: downcore init FOLDER, with the folder your scanner writes to.",
        soft_wrap=True,
    )
    console.print(
        f"{stored} of {plan.length_cm} cm stored, {len(received.rows)} received, "
        f"{received.duplicates} duplicates",
        highlight=False,
    )
    return stored == len(received.rows) == plan.length_cm and received.duplicates == 0


def with_chosen_bundles(
    settings: Settings, plan: DemoPlan, console: Console
) -> tuple[Settings, tuple[str, ...]]:
    """
    Return the settings with the bundles whose guard knows the core, and why others do not answer.

    Where the environment names bundles, those run.
    """
    if "bundles" in settings.predict.model_fields_set:
        return settings, ()
    _, core = next(iter(sections_of(plan)))
    lines = core.lines(0, min(TRIAL_CM * PX_PER_CM, core.n_lines))
    chosen = choose(
        bundles_to_try(settings.predict.bundles), lines, LineScale.of(str(PX_PER_CM)), _open_bundle
    )
    console.print(chosen.sentence, soft_wrap=True, highlight=False)
    names = chosen.names or settings.predict.bundles
    predict = settings.predict.model_copy(update={"bundles": names})
    return settings.model_copy(update={"predict": predict}), chosen.reasons


def bundles_to_try(default: Sequence[str]) -> list[str]:
    """Return the reference bundles, those that learned from real cores first, then the default."""
    known = reference_bundles()
    real = [name for name, folder in known.items() if not _is_of_generated_cores(folder)]
    return list(dict.fromkeys([*real, *default, *known]))


def _is_of_generated_cores(folder: Path) -> bool:
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    return parse_manifest(text).saw_generated_cores_only


def _open_bundle(name: str) -> Predictor:
    return open_guarded(find_bundle(name), mode=Mode.BACKLOG)


def draw_core(reader: Reader, out: Path, silent: tuple[str, ...] = ()) -> Plate | None:
    """
    Draw the stored sections of the demo's core, top first; ``None`` if none has a row.

    ``silent`` says which bundles do not answer, and why.
    """
    sections = sorted(
        stored.scan.section_id
        for stored in reader.sections()
        if stored.scan.section_id.startswith(CORE_NAME) and stored.status.n_slices
    )
    if not sections:
        return None
    stored = stored_plate(reader, sections, Limits()).plate
    plate = replace(stored, caveat=SIMULATED_CAVEAT, silent=(*stored.silent, *silent))
    draw_plate(plate, out)
    return plate


def sections_of(plan: DemoPlan) -> Iterator[tuple[str, GeneratedCore]]:
    """Yield the sections of the simulated core, top first, with their names."""
    left_cm = plan.length_cm
    number = 1
    while left_cm > 0:
        length_cm = min(left_cm, MAX_SECTION_CM)
        recipe = CoreRecipe(
            seed=plan.seed * 100 + number, length_cm=float(length_cm), px_per_cm=float(PX_PER_CM)
        )
        yield f"{CORE_NAME}_{number:02d}", generate(recipe)
        left_cm -= length_cm
        number += 1


def demo_settings(plan: DemoPlan, inbox: Path, port: int) -> Settings:
    """Return the demo's settings; of the environment only ``[predict]`` and ``[log]`` count."""
    return load_settings(
        None,
        # Given in full, so that a station's own variables cannot turn the demo to another broker.
        inbox=InboxSettings(
            path=inbox, px_per_cm=str(PX_PER_CM), top="up", settle_s=2.0
        ).model_dump(),
        station={"vessel": "demo", "station": "scanner"},
        store={"path": plan.folder / "downcore.db"},
        mqtt=MqttSettings(host="127.0.0.1", port=port).model_dump(),
        terminal={"enabled": False},
    )


@contextlib.contextmanager
def _daemon(settings: Settings) -> Iterator[list[BaseException]]:
    """Run the daemon beside the demo; what stopped it is in the list, and raised at the end."""
    daemon = Daemon(settings, clock=SystemClock())
    faults: list[BaseException] = []

    def work() -> None:
        try:
            daemon.run()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            faults.append(error)

    thread = threading.Thread(target=work, name="downcore-demo-daemon")
    thread.start()
    try:
        yield faults
    finally:
        daemon.stop()
        thread.join()
    if faults:
        raise faults[0]


def _wait_for_the_end(
    plan: DemoPlan, listener: Listener, store: Path, faults: list[BaseException]
) -> None:
    """Wait until every row was received and every scan is done."""

    def is_done() -> bool:
        with Reader.open(store) as reader:
            return all(one.status.state is ScanState.DONE for one in reader.sections())

    clock = SystemClock()
    if wait_while_rows_come(listener, plan.length_cm, clock=clock, has_ended=lambda: bool(faults)):
        wait_until_done(is_done, clock=clock, has_ended=lambda: bool(faults))


@contextlib.contextmanager
def _rows_shown(console: Console, plan: DemoPlan) -> Iterator[Any]:
    """Show rows as they arrive: a bar with the newest row, or a plain line now and then."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("cm"),
        console=console, disable=not console.is_terminal,
    )  # fmt: skip
    task = bar.add_task("waiting for the first row", total=plan.length_cm)
    n_shown = 0

    def show(section_id: str, row: dict[str, Any]) -> None:
        nonlocal n_shown
        n_shown += 1
        text = f"{section_id} {row['top_um'] // 10_000:3d} cm  {_values(row)}"
        bar.update(task, advance=1, description=text)
        if not console.is_terminal and n_shown % PLAIN_EVERY == 0:
            console.print(text, highlight=False)

    with bar:
        yield show


def _values(row: dict[str, Any]) -> str:
    parts = [
        f"{one['property']} {one['value']:.4g} {one['unit']}"
        if one["value"] is not None
        else f"{one['property']} {one['status']}"
        for one in row["estimates"]
    ]
    return ", ".join(parts)


def _stay(console: Console, settings: Settings) -> None:
    console.print(
        f"The station keeps running; drop images into {settings.inbox.path}. Ctrl-C ends it."
    )
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
