"""A broker for the demo: mosquitto where it is installed, else one inside this process."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

START_S = 15.0
"""Longest wait for a broker to listen."""


@contextlib.contextmanager
def demo_broker(folder: Path) -> Iterator[tuple[str, int]]:
    """
    Run a broker on a free port of 127.0.0.1, for as long as the block lasts.

    Parameters
    ----------
    folder : Path
        Where mosquitto's settings go.

    Yields
    ------
    name : str
        Which broker it is.
    port : int
        Where it listens.

    Raises
    ------
    TimeoutError
        If it does not listen in time.
    """
    port = _free_port()
    program = _mosquitto()
    if program is not None:
        with _mosquitto_running(program, folder, port):
            yield "mosquitto", port
    else:
        with _amqtt_running(port):
            yield "amqtt", port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _mosquitto() -> str | None:
    # Debian puts it in /usr/sbin, which is not on an ordinary user's PATH.
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which("mosquitto", path=path)


@contextlib.contextmanager
def _mosquitto_running(program: str, folder: Path, port: int) -> Iterator[None]:
    settings = folder / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the broker found on PATH
            [program, "-c", str(settings)], stdout=log, stderr=log
        )
        try:
            _wait_until_listening(port, lambda: process.poll() is None)
            yield
        finally:
            process.terminate()
            process.wait(timeout=10)


@contextlib.contextmanager
def _amqtt_running(port: int) -> Iterator[None]:
    from amqtt.broker import Broker  # noqa: PLC0415 - belongs to the extra 'demo'

    loop = asyncio.new_event_loop()
    settings = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
        },
    }
    broker = Broker(settings, loop=loop)
    thread = threading.Thread(target=loop.run_forever, name="downcore-demo-broker", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(broker.start(), loop).result(START_S)
        _wait_until_listening(port, thread.is_alive)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(START_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_S)
        loop.close()


def _wait_until_listening(port: int, is_alive: Callable[[], bool]) -> None:
    """Return once a connection succeeds."""
    patience = threading.Event()
    for _ in range(int(START_S / 0.05)):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        if not is_alive():
            break
        patience.wait(0.05)
    raise TimeoutError(f"expected a broker on 127.0.0.1:{port}, none listened in {START_S:g} s")
