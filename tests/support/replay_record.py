"""
What the station made of every sample, written down once and compared ever since.

``python tests/support/replay_record.py`` writes ``tests/data/replay/expected.json`` anew. It
is run only by a change that is meant to change rows, payloads or exit codes, and its difference
is read line by line.
"""

import contextlib
import json
import math
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from opened_once import bundles_opened_once
from played_device import Device, DigestPredictor, core_lines, job_of
from small_config import small_config
from typer.testing import CliRunner

from downcore.cli import app
from downcore.ports import Predictor
from downcore.simulator.write_patterns import write_patterns
from downcore.strata.bundle import Manifest
from downcore.strata.estimates import TilePrediction

DATA = Path(__file__).parents[1] / "data"
EXPECTED = DATA / "replay" / "expected.json"
CORE = DATA / "replay" / "core.png"
"""Seven centimetres of a generated core, kept as pixels so that no library makes others of them."""

SIGNIFICANT = 9
"""Digits that are compared: the rest may differ between processors."""

Record = dict[str, Any]


class MeanPredictor:
    """A predictor that says the tiles' mean colours, in numbers that every processor gives."""

    def __init__(self) -> None:
        self._digests = DigestPredictor()
        self._waiting: list[tuple[Any, TilePrediction]] = []

    @property
    def manifest(self) -> Manifest:
        return self._digests.manifest

    def predict(self, slices: Sequence[NDArray[np.uint8]]) -> list[TilePrediction]:
        return [self._of(tiles) for tiles in slices]

    def submit(self, tag: object, tiles: NDArray[np.uint8]) -> None:
        self._waiting.append((tag, self._of(tiles)))

    def collect(self, *, wait: bool) -> list[tuple[Any, TilePrediction]]:
        n_held_back = 0 if wait else 2
        n = max(len(self._waiting) - n_held_back, 0)
        done, self._waiting = self._waiting[:n], self._waiting[n:]
        return done

    def _of(self, tiles: NDArray[np.uint8]) -> TilePrediction:
        sums = tiles.reshape(len(tiles), -1, 3).astype(np.int64).mean(axis=1) / 255
        alike = self._digests.predict([tiles])[0]
        return replace(
            alike,
            mean=np.stack([1.2 + sums[:, 0], 1 + sums[:, 1]], axis=1),
            sd=0.05 + 0.1 * sums[:, 1:],
            within_sd=0.05 * sums[:, :2],
            novelty=2.5 * sums[:, 2],
        )


def record() -> Record:
    """Return all that is compared, as JSON holds it."""
    return {
        "sample": {name: of_sample(folder) for name, folder in samples()},
        "pattern": dict(of_patterns()),
    }


def as_text(made: Record) -> str:
    """Return a record as a file holds it: a line for each sample's part, so that changes show."""
    parts = [
        f"{json.dumps(f'{kind}: {name}: {part}')}: {json.dumps(value)}"
        for kind, named in made.items()
        for name, of_one in named.items()
        for part, value in of_one.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def of_patterns() -> Iterator[tuple[str, Record]]:
    """Yield what each way of writing gives; rows that are those of the first are not repeated."""
    first: Record = {}
    for name in write_patterns():
        made = of_pattern(name)
        first = first or made
        rows = ("slices", "estimates", "announced")
        repeats = {
            part: "as above" for part in rows if made is not first and made[part] == first[part]
        }
        yield name, made | repeats


def samples() -> Iterator[tuple[str, Path]]:
    """Yield every sample of a scanner format."""
    for described in sorted((DATA / "segments").glob("*/*/sample.json")):
        yield f"{described.parent.parent.name}/{described.parent.name}", described.parent


def of_sample(folder: Path) -> Record:
    """Return what a station makes of a sample, whole and cut, by itself and at the prompt."""
    says = json.loads((folder / "sample.json").read_text())
    return {
        "whole": _followed(folder, says, cut=False),
        "cut": _followed(folder, says, cut=True),
        "process": _processed(folder, says, cut=False),
        "process cut": _processed(folder, says, cut=True),
    }


def of_pattern(name: str) -> Record:
    """Return what a station makes of a core that a scanner writes in a certain way."""
    lines = cv2.imread(str(CORE))
    assert lines is not None, f"expected a core at {CORE}"
    predictors: tuple[Predictor, ...] = (MeanPredictor(),)
    with (
        tempfile.TemporaryDirectory() as home,
        Device(Path(home), predictors=predictors, composition_config=small_config()) as device,
    ):
        for step in write_patterns()[name].write(job_of(lines, device.inbox)):
            device.round(step.path)
        device.until_given_up()
        return _kept(device)


def _followed(folder: Path, says: Record, *, cut: bool) -> Record:
    predictors: tuple[Predictor, ...] = (MeanPredictor(),)
    with (
        tempfile.TemporaryDirectory() as home,
        Device(Path(home), predictors=predictors, px_per_cm=says["px_per_cm"]) as device,
    ):
        _copy(folder, says, device.inbox, cut=cut)
        device.until_given_up()
        return _kept(device)


def _processed(folder: Path, says: Record, *, cut: bool) -> Record:
    """Return exit code, section and rows of ``downcore process`` and ``downcore log``."""
    with tempfile.TemporaryDirectory() as home:
        inbox, db = Path(home) / "inbox", Path(home) / "core.db"
        _copy(folder, says, inbox, cut=cut)
        words = ["process", *(str(inbox / name) for name in says["files"]), "--db", str(db)]
        words += ["--bundle", "boosted-colour"]
        words += ["--px-per-cm", says["px_per_cm"]] if says["px_per_cm"] else []
        words += ["--top", says["top"]] if says["top"] else []
        # The samples are of a few pixels, and no core is as narrow.
        os.environ["DOWNCORE_DOUBTS__ASK"] = "false"
        with bundles_opened_once(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            processed = CliRunner().invoke(app, words)
            logged = CliRunner().invoke(app, ["log", "--db", str(db)])
        return {"exit": processed.exit_code, "log exit": logged.exit_code, "rows": _rows(db)}


def _rows(db: Path) -> list[Any]:
    """Return every estimate that a store holds, of whichever scan, without the bundle."""
    with contextlib.closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT slice_index, property, value, lower, upper, status, reason FROM estimate"
            " ORDER BY scan_id, slice_index, property"
        ).fetchall()
    made: list[Any] = _plain(rows, "")
    return made


def _copy(folder: Path, says: Record, inbox: Path, *, cut: bool) -> None:
    shutil.copytree(folder, inbox, dirs_exist_ok=True)
    for made in ("sample.json", "lines.npy"):
        (inbox / made).unlink()
    if cut:
        last = inbox / says["files"][-1]
        whole = last.read_bytes()
        last.write_bytes(whole[: len(whole) // 2])


def _kept(device: Device) -> Record:
    """Return rows and announcements; times, instances and folders are those of the run."""
    scans = device.scans(
        *("scan_id", "section_id", "path", "format", "px_per_cm", "top", "section_top_um"),
        *("header_digest", "content_digest", "state", "reason", "n_lines_done", "prefix_digest"),
        *("superseded_by", "duplicate_of"),
    )
    announced = device.all("SELECT kind, section_id, payload FROM outbox ORDER BY seq")
    return _plain(
        {
            "scans": scans,
            "slices": [device.log_of(row[0]).slices for row in scans],
            "estimates": [device.log_of(row[0]).estimates for row in scans],
            "announced": [
                (kind, section, _timeless(json.loads(text))) for kind, section, text in announced
            ],
            "set aside": device.reasons(),
        },
        str(device.home),
    )


def _timeless(payload: Record) -> Record:
    return {key: value for key, value in payload.items() if not key.endswith("_utc")}


def _plain(value: Any, home: str) -> Any:
    """Return a value as it comes back from JSON, with numbers of ``SIGNIFICANT`` digits."""
    match value:
        case dict():
            return {str(key): _plain(one, home) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one, home) for one in value]
        case float() if math.isfinite(value):
            return float(f"{value:.{SIGNIFICANT}g}")
        case str():
            return value.replace(home, "HOME") if home else value
        case _:
            return value


if __name__ == "__main__":
    if not CORE.exists():
        cv2.imwrite(str(CORE), core_lines())
    EXPECTED.write_text(as_text(record()))
    sys.stdout.write(f"wrote {EXPECTED}: {EXPECTED.stat().st_size} bytes\n")
