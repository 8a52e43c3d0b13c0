"""The files that make downcore a service are ones that systemd and mosquitto accept."""

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from programs import program

from downcore import exit_codes

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd" / "downcore.service"
FRAGMENT = ROOT / "systemd" / "mosquitto-downcore.conf"

pytestmark = pytest.mark.system


def values_of(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def test_systemd_accepts_the_unit_without_a_word(tmp_path: Path) -> None:
    verifier = shutil.which("systemd-analyze")
    if verifier is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / UNIT.name
    # The program is installed at the station, not here.
    unit.write_text(UNIT.read_text().replace("/opt/downcore/bin/downcore", "/bin/true"))

    ran = subprocess.run(
        [verifier, "verify", "--man=no", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.stderr == "", ran.stderr
    assert ran.returncode == 0


def test_systemd_does_not_repeat_what_only_a_person_can_mend() -> None:
    stays = {int(code) for code in values_of("RestartPreventExitStatus")[0].split()}
    rows = re.findall(
        r"^\| (\d+) \|.*\| (stays stopped|started again) \|$",
        (ROOT / "docs" / "reference" / "exit-codes.md").read_text(),
        re.MULTILINE,
    )

    assert stays == {int(code) for code, told in rows if told == "stays stopped"} - {exit_codes.OK}
    assert exit_codes.BAD_SETTINGS in stays
    assert exit_codes.INTERNAL not in stays


def test_the_unit_keeps_openvino_working_and_the_inbox_read_only() -> None:
    assert values_of("Type") == ["notify"]
    assert not values_of("MemoryDenyWriteExecute"), "OpenVINO writes machine code at run time"
    assert not values_of("CPUQuota"), "OpenVINO ignores the quota and is throttled"
    assert values_of("ReadOnlyPaths"), "the inbox must be read-only"
    assert "run --config /etc/downcore/edge.toml" in values_of("ExecStart")[0]


def test_mosquitto_accepts_the_fragment(tmp_path: Path) -> None:
    mosquitto = program("mosquitto")
    (tmp_path / "conf.d").mkdir()
    shutil.copy(FRAGMENT, tmp_path / "conf.d")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    # As Debian's own settings include it.
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
        f"persistence_location {tmp_path}/\ninclude_dir {tmp_path}/conf.d\n"
    )
    with subprocess.Popen([mosquitto, "-c", str(settings)], stderr=subprocess.PIPE) as broker:
        try:
            assert _listens(port, broker), "mosquitto does not start with the fragment"
        finally:
            broker.terminate()


def _listens(port: int, broker: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline and broker.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
    return False
