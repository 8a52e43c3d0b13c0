"""
From the last byte that a row needs to the row on MQTT, while a core is scanned.

A scanner writes a growing TIFF at a line rate; the daemon follows; a subscriber
notes when each row arrives. A row needs its own scan lines and the mask's halo below
them; the clock starts when the last of these was written. With a bundle that has a window, a row
also needs the rest of the rows that are answered with it and the centimetres that the window
declares below those: the time is what comes on top of the declared context. Such a bundle is made
to answer every row (``answering.py``); rows of bare bed, which wait for no window, are left out.
"""

import contextlib
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from answering import answering, window_of
from paho.mqtt.enums import CallbackAPIVersion
from reporting import arguments, report

from downcore.clock import SystemClock
from downcore.demo.broker import demo_broker
from downcore.service.daemon import Daemon
from downcore.settings import load_settings
from downcore.simulator.generator import CoreRecipe, generate
from downcore.simulator.scanner import pattern_named, play, scan_job
from downcore.strata.mask.masker import MASK_HALO_UM
from downcore.strata.windows import Window

PX_PER_CM = 200
LINES_PER_STEP = 10


def listen(port: int, arrived_s: dict[int, float]) -> mqtt.Client:
    """Note when each slice's row arrives."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)

    def note(_client: mqtt.Client, _data: object, message: Any) -> None:
        now_s = time.monotonic()
        for row in json.loads(message.payload)["rows"]:
            arrived_s.setdefault(row["slice"], now_s)

    client.on_message = note
    client.on_connect = lambda c, *_: c.subscribe("downcore/v1/+/+/section/+/log", qos=1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


@contextlib.contextmanager
def running(daemon: Daemon) -> Any:
    """Run the daemon in a thread for as long as the block lasts."""
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        yield
    finally:
        daemon.stop()
        thread.join()


def latencies_s(folder: Path, *, length_cm: int, rate_m_per_min: float, bundle: str) -> list[float]:
    """Return the seconds from last byte to message of every slice but the last ones."""
    inbox = folder / "inbox"
    inbox.mkdir()
    core = generate(CoreRecipe(seed=7, length_cm=length_cm, px_per_cm=PX_PER_CM))
    job = scan_job(core, inbox, "s", px_per_cm=PX_PER_CM, lines_per_step=LINES_PER_STEP)
    written_s: dict[int, float] = {}
    arrived_s: dict[int, float] = {}
    with demo_broker(folder) as (broker, port):
        print(f"broker: {broker}")
        settings = load_settings(
            None,
            inbox={"path": inbox, "px_per_cm": str(PX_PER_CM), "settle_s": 1.0},
            predict={"bundles": (answering(bundle, folder),), "mode": "live"},
            store={"path": folder / "latency.db"},
            mqtt={"port": port},
            terminal={"enabled": False},
        )
        client = listen(port, arrived_s)
        with running(Daemon(settings, clock=SystemClock())):
            time.sleep(5.0)  # the daemon compiles its bundle first
            for step in play(job, pattern_named("growing-tiff"), metres_per_min=rate_m_per_min):
                written_s.setdefault(step.n_scanned, time.monotonic())
            end_s = time.monotonic() + 60
            while len(arrived_s) < length_cm and time.monotonic() < end_s:
                time.sleep(0.05)
        client.disconnect()
        client.loop_stop()
    window = window_of(bundle)
    needed = {
        i: core.scale.first_line_of_slice(stop_of(i, window)) + halo_lines(core) for i in arrived_s
    }
    found = [
        arrived_s[i] - min(t for n, t in written_s.items() if n >= needed[i])
        for i in sorted(arrived_s)
        if needed[i] <= core.n_lines
    ]
    # Bare bed is answered before its window is there.
    return found if window is None else [latency_s for latency_s in found if latency_s >= 0]


def stop_of(index: int, window: Window | None) -> int:
    """Return the slice after the last one that row ``index`` needs."""
    if window is None:
        return index + 1
    return window.first_row(index) + window.rows_cm + window.below_cm


def halo_lines(core: Any) -> int:
    """Return the scan lines below a slice that its mask looks at."""
    return int(core.scale.lines_in(MASK_HALO_UM))


def main() -> None:
    """Play one section at a line rate and report the quantiles."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--length-cm", type=int, default=60)
    parser.add_argument("--rate", type=float, default=4.0, help="m/min")
    parser.add_argument("--bundle", default="hrnet-deeplabv3plus")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = latencies_s(
            Path(name),
            length_cm=options.length_cm,
            rate_m_per_min=options.rate,
            bundle=options.bundle,
        )
    found.sort()
    metrics = {
        "rows": float(len(found)),
        "p50 ms": 1000 * statistics.median(found),
        "p95 ms": 1000 * found[int(0.95 * (len(found) - 1))],
        "most ms": 1000 * found[-1],
    }
    title = "last byte to message"
    if (window := window_of(options.bundle)) is not None:
        context_cm = window.rows_cm + window.below_cm
        metrics["declared context, cm at most"] = float(context_cm)
        metrics["declared context, s at most"] = 60 * context_cm / 100 / options.rate
        title = "last byte to message, beyond the declared context,"
    report(f"{title} at {options.rate:g} m/min", metrics, options.json)


if __name__ == "__main__":
    main()
