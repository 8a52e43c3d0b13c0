"""The reference of the store names every table and column, and no other."""

import re
from pathlib import Path

from downcore.publish import payloads
from downcore.store import Store

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "store.md"


class StoppedClock:
    def monotonic_s(self) -> float:
        return 0.0

    def utc_rfc3339(self) -> str:
        return "2026-01-31T23:59:59.123Z"


def test_the_reference_names_every_table_and_column_and_no_other(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db", clock=StoppedClock(), announce=payloads) as store:
        connection = store._database.conn
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        columns = {
            table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for table in tables
        }

    described = {
        section.split("\n", 1)[0]: {
            name
            for line in re.findall(r"^\| (`.*?) \|", section, flags=re.MULTILINE)
            for name in re.findall(r"`(\w+)`", line)
        }
        for section in REFERENCE.read_text().split("\n## ")[1:]
    }
    assert described == columns
