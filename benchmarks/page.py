"""
Times what the live page asks of a long record: ``python benchmarks/page.py --slices 1000000``.

The record is made of generated numbers, three properties a slice, in one
endless section. Times are those of the answers, without a browser.
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from starlette.testclient import TestClient

from downcore.clock import SystemClock
from downcore.publish import payloads
from downcore.sources import Limits
from downcore.store import Store
from downcore.strata.record import Run
from downcore.web.server import Page

PROPERTIES = ("density", "vp", "ms")


def make_record(path: Path, n_slices: int) -> None:
    """Write one section of ``n_slices`` centimetres into a new record, past the store's door."""
    with Store.open(path, clock=SystemClock(), announce=payloads) as store:
        store.begin_run(Run("0", "0" * 64, "", "0"))
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO bundle VALUES ('b', 'generated', 'int8', '{}', '2026')")
        database.execute(
            "INSERT INTO scan (scan_id, section_id, expedition, core, section, half, path, format,"
            " px_per_cm, top, header_digest, content_digest, state, reason, created_utc,"
            " updated_utc) VALUES ('s', 'long', '', '', '', '', 'x.png', 'png', '20', 'up', '', '',"
            " 'done', '', '2026', '2026')"
        )
        numbers = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        database.execute(
            f"{numbers} INSERT INTO slice SELECT 's', i, i * 10000, (i + 1) * 10000, i * 20, 20,"  # noqa: S608 - a constant
            " 1, 50, 0, 0, 1, 1, 1, 0.2, 0.2, 0.2, 1, 0, 0, 0, 0, 0, 0, '', 1 FROM n",
            (n_slices - 1,),
        )
        for name in PROPERTIES:
            database.execute(
                f"{numbers} INSERT INTO estimate SELECT 's', i, ?, 'b', 1.5 + (i * 7919 % 1000)"  # noqa: S608 - a constant
                " / 1000.0, 1, 3, NULL, 'predicted', '', 1 FROM n",
                (n_slices - 1, name),
            )


def main() -> None:
    """Print the median and the longest time of each request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.db"
        make_record(path, asked.slices)
        app = Page(path, Limits()).app("")
        page = TestClient(app, base_url="http://127.0.0.1")
        whole_um = asked.slices * 10_000
        requests = {"sections": "/api/sections", "station": "/api/station"}
        for share in (1, 10, 100, 1000):
            span = f"top_um={whole_um // 3 if share > 1 else 0}"
            bottom = whole_um // 3 + whole_um // share if share > 1 else whole_um
            name = f"log, {asked.slices // share} slices"
            requests[name] = f"/api/log?scan=s&{span}&bottom_um={bottom}&steps=800"
        for name, url in requests.items():
            times_ms = []
            for _ in range(asked.repeats):
                began = time.perf_counter()
                answer = page.get(url)
                times_ms.append(1000 * (time.perf_counter() - began))
                answer.raise_for_status()
            print(f"{name:24} median {statistics.median(times_ms):8.1f} ms"
                  f"   longest {max(times_ms):8.1f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
