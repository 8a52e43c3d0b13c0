"""The whole daemon, killed in the middle of a scan: nothing lost, nothing twice."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from programs import program

from downcore.simulator.generator import CoreRecipe, generate
from downcore.simulator.scanner import pattern_named, play, scan_job
from downcore.store import Reader

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

DEADLINE_S = 120.0
DRAIN_S = 10.0
"""Within which a daemon that is asked to stop has committed and said goodbye."""

PX_PER_CM = 60
LENGTH_CM = 24
SECTION = "2026_000_FA_SIM01_01"


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for a condition, with a deadline."""
    end_s = time.monotonic() + DEADLINE_S
    while not is_so():
        if time.monotonic() > end_s:
            pytest.fail(f"waited {DEADLINE_S:g} s for {what}")
        time.sleep(0.02)


@contextlib.contextmanager
def started(*command: str, out: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for as long as the block lasts, its output in a file."""
    with out.open("ab") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=30)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = int(probe.getsockname()[1])
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {free} 127.0.0.1\nallow_anonymous true\n")

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", free), 1.0):
            return True
        return False

    with started(program("mosquitto"), "-c", str(config), out=tmp_path / "mosquitto.log"):
        until(listens, "mosquitto")
        yield free


@pytest.fixture
def config(tmp_path: Path, port: int) -> Path:
    (tmp_path / "inbox").mkdir()
    path = tmp_path / "edge.toml"
    path.write_text(
        f"""
        [inbox]
        path = "inbox"
        px_per_cm = {PX_PER_CM}
        top = "up"
        settle_s = 0.5
        [store]
        path = "downcore.db"
        [predict]
        bundles = ["resnet-18"]
        [mqtt]
        port = {port}
        """
    )
    return path


def stored(db: Path) -> list[int]:
    """Return the slices in the store, in order."""
    if not db.exists():
        return []
    with contextlib.suppress(Exception), Reader.open(db) as reader:
        standing = reader.standing_scan(SECTION)
        if standing is not None:
            rows = reader.scan_log(standing.scan.scan_id)
            return [one.row.core_slice.index for one in rows]
    return []


def is_done(db: Path) -> bool:
    with Reader.open(db) as reader:
        return any(one.status.state == "done" for one in reader.scans(SECTION))


def composed(db: Path) -> list[int]:
    """Return the slices whose composition is in the store, in order."""
    with Reader.open(db) as reader:
        scan_id = reader.scans(SECTION)[0].scan.scan_id
        return [one.index for one in reader.composition_log(scan_id)]


def announced_compositions(db: Path) -> list[int]:
    """Return the slices whose composition was announced, in the order of seq."""
    with Reader.open(db) as reader:
        return [
            row["slice"]
            for entry in reader.entries(0, 10_000)
            if entry.kind.value == "composition"
            for row in json.loads(entry.payload)["rows"]
        ]


def daemon(config: Path) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    run = (sys.executable, "-m", "downcore", "run", "--config", str(config))
    return started(*run, out=config.parent / "daemon.log")


def listener(port: int, out: Path) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    topic = "downcore/v1/+/+/section/+/log"
    return started(
        program("mosquitto_sub"), "-p", str(port), "-q", "1", "-t", topic, "-F", "%p", out=out
    )


def test_a_killed_daemon_loses_no_centimetre_and_repeats_none(
    tmp_path: Path, config: Path, port: int
) -> None:
    db, heard = tmp_path / "downcore.db", tmp_path / "heard.jsonl"
    core = generate(CoreRecipe(seed=7, length_cm=LENGTH_CM, px_per_cm=PX_PER_CM, width_cm=4.0))
    job = scan_job(core, tmp_path / "inbox", SECTION, px_per_cm=PX_PER_CM, lines_per_step=40)
    scan = play(job, pattern_named("growing-tiff"))

    with listener(port, heard):
        for kill_at, how in ((5, signal.SIGKILL), (12, signal.SIGTERM), (18, signal.SIGKILL)):
            with daemon(config) as running:
                until(
                    lambda at=kill_at, daemon=running: _goes_on(scan, db, at, daemon),
                    f"{kill_at} cm in the store",
                )
                running.send_signal(how)
                code = running.wait(timeout=DRAIN_S if how is signal.SIGTERM else 30)
                assert code == (0 if how is signal.SIGTERM else -how), "the daemon ended otherwise"
        with daemon(config) as running:
            for _ in scan:
                pass
            until(lambda: is_done(db), "the scan to be done")
            until(lambda: len(_first_rows(heard)) == LENGTH_CM, "every row to be heard")
            running.send_signal(signal.SIGTERM)
            assert running.wait(timeout=30) == 0, (tmp_path / "daemon.log").read_text()

    assert stored(db) == list(range(LENGTH_CM)), "the store does not have each row once"
    assert _first_rows(heard) == list(range(LENGTH_CM)), "first occurrences are not in order"
    batches: dict[tuple[int, int], str] = {}
    for line in heard.read_text().splitlines():
        batch = json.loads(line)
        rows = json.dumps(batch["rows"])
        known = batches.setdefault((batch["epoch"], batch["seq"]), rows)
        assert known == rows, f"seq {batch['seq']} was used for two different batches"
    cells = [row["slice"] for rows in batches.values() for row in json.loads(rows)]
    assert len(cells) == len(set(cells)), "a row was announced under two seqs"
    assert composed(db) == list(range(LENGTH_CM)), "the store does not have each composition once"
    assert announced_compositions(db) == list(range(LENGTH_CM)), "expected each announced once"


def _goes_on(
    scan: Iterator[object], db: Path, n_rows: int, running: subprocess.Popen[bytes]
) -> bool:
    """Let the scanner write a little more; whether enough rows are kept by now."""
    if running.poll() is not None:
        pytest.fail((db.parent / "daemon.log").read_text())
    if len(stored(db)) >= n_rows:
        return True
    next(scan, None)
    return False


def _first_rows(heard: Path) -> list[int]:
    """Return the slices in the order in which each was heard first."""
    seen: dict[int, None] = {}
    for line in heard.read_text().splitlines():
        for row in json.loads(line)["rows"]:
            seen.setdefault(row["slice"])
    return list(seen)


def test_a_second_daemon_ends_with_75_and_changes_nothing(config: Path) -> None:
    db = config.parent / "downcore.db"
    with daemon(config) as first:
        until(db.exists, "the first daemon to open the store")
        until(lambda: "online" in (config.parent / "daemon.log").read_text(), "the first daemon")
        second = subprocess.run(
            (sys.executable, "-m", "downcore", "run", "--config", str(config)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert first.poll() is None, "the second daemon ended the first"

    assert second.returncode == 75, second.stderr
    assert "another" in second.stderr, f"the message does not say why: {second.stderr}"
