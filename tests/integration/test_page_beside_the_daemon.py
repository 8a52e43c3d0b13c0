"""The page that ``downcore run`` starts: it comes and goes with the daemon, however that ends."""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def is_answered(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/sections", timeout=5) as answer:
            return bool(answer.read() == b"[]")
    except (urllib.error.URLError, OSError):
        return False


def comes_true(condition: Callable[[], bool], within_s: float) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if condition():
            return True
    return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_page_comes_and_goes_with_the_daemon(tmp_path: Path, how: signal.Signals) -> None:
    port = free_port()
    (tmp_path / "inbox").mkdir()
    settings = tmp_path / "edge.toml"
    settings.write_text(
        f"[inbox]\npx_per_cm = '20'\n[mqtt]\nenabled = false\n"
        f"[predict]\nbundles = ['resnet-18']\n[page]\nenabled = true\nport = {port}\n"
    )
    command = [sys.executable, "-m", "downcore", "run", "--config", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        try:
            assert comes_true(lambda: is_answered(port), 90)
        finally:
            daemon.send_signal(how)
    assert comes_true(lambda: not is_answered(port), 10)


def test_a_page_for_others_without_a_token_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    settings = tmp_path / "edge.toml"
    settings.write_text("[page]\nenabled = true\nhost = '0.0.0.0'\n")
    command = [sys.executable, "-m", "downcore", "run", "--config", str(settings)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert "token" in ended.stderr
