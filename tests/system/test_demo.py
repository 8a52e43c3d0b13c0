"""The demo, as the README's first command runs it, with either broker."""

import subprocess
import sys
from pathlib import Path

import pytest
from programs import program

from downcore.store import Reader
from downcore.strata.record import ScanState

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

LENGTH_CM = 6
RUN = (
    "import sys, downcore.demo.broker as broker\n"
    "if sys.argv.pop(1) == 'amqtt': broker._mosquitto = lambda: None\n"
    "from downcore.cli import main\n"
    "main()\n"
)


@pytest.mark.parametrize("name", ["mosquitto", "amqtt"])
def test_the_demo_stores_and_hears_every_centimetre_once_and_ends_with_its_scan_done(
    name: str, tmp_path: Path
) -> None:
    if name == "mosquitto":
        program(name)
    folder = tmp_path / "demo"
    words = ["demo", "--once", "--folder", str(folder), "--length-cm", str(LENGTH_CM)]

    done = subprocess.run(
        [sys.executable, "-c", RUN, name, *words, "--metres-per-min", "0"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"broker: {name}" in done.stdout, done.stdout
    said = f"{LENGTH_CM} of {LENGTH_CM} cm stored, {LENGTH_CM} received, 0 duplicates"
    assert done.stdout.rstrip().endswith(said), done.stdout
    with Reader.open(folder / "downcore.db") as reader:
        assert [one.status.state for one in reader.scans()] == [ScanState.DONE]
    assert (folder / "plate.png").read_bytes()[:4] == b"\x89PNG", "no plate was drawn"
