"""What holds for many files or rows is said once, with how often it holds."""

import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from played_device import DigestPredictor

from downcore.clock import SystemClock
from downcore.commands.log_table import write_table
from downcore.commands.process import FileOutcome, sentences
from downcore.publish.sinks._terminal_lines import lines_of
from downcore.store import Store
from downcore.strata.bundle import manifest_text
from downcore.strata.depthlog import Estimate, SliceRow, Status
from downcore.strata.record import OutboxEntry, OutboxKind, Run, Scan
from downcore.strata.slices import CoreSlice

UTC = "2026-01-31T23:59:59.123Z"


def payload_row(index: int, value: float | None, reason: str = "") -> dict[str, Any]:
    status = "abstained" if value is None else "predicted"
    estimates = [
        {
            "property": name,
            "bundle_id": "b",
            "value": value,
            "lower": None,
            "upper": None,
            "status": status,
            "reason": reason,
            "unit": unit,
        }
        for name, unit in (("density", "g/cm3"), ("vp", "m/s"), ("ms", "1e-5 SI"))
    ]
    top_um = 10_000 * index
    return {
        "top_um": top_um,
        "bottom_um": top_um + 10_000,
        "valid_fraction": 1.0,
        "estimates": estimates,
    }


def lines(*rows: dict[str, Any]) -> list[str]:
    payload = json.dumps({"rows": list(rows)})
    return lines_of(OutboxEntry(1, OutboxKind.LOG, "GC01", payload, UTC))


def test_rows_on_end_without_a_value_are_one_line_with_one_reason() -> None:
    said = lines(*(payload_row(n, None, "scale below 60 px/cm") for n in range(32)))

    assert said == ["GC01     0.00 - 32.00 cm  density, vp, ms abstained (scale below 60 px/cm)"]


def test_rows_with_values_keep_a_line_each_and_part_the_others() -> None:
    said = lines(
        payload_row(0, None, "tray"), payload_row(1, 1.5), payload_row(2, 1.6),
        payload_row(3, None, "tray"), payload_row(4, None, "foam"),
    )  # fmt: skip

    assert [one.split("  ")[-1] for one in said] == [
        "density, vp, ms abstained (tray)",
        "ms 1.5 1e-5 SI",
        "ms 1.6 1e-5 SI",
        "density, vp, ms abstained (tray)",
        "density, vp, ms abstained (foam)",
    ]
    assert said[1].startswith("GC01     1.00 - 2.00 cm  density 1.5 g/cm3  vp 1.5 m/s")


def test_a_reason_for_many_files_is_one_line_with_its_count() -> None:
    outcomes = [
        FileOutcome(
            is_stored=False, sentence=f"s{n}.tif: {n} px", path=f"s{n}.tif", reason=f"{n} px"
        )
        for n in range(1650)
    ]
    outcomes += [
        FileOutcome(is_stored=False, sentence="bad.tif: cut", path="bad.tif", reason="cut"),
        FileOutcome(is_stored=True, sentence="GC01: 4 cm"),
    ]

    assert list(sentences(outcomes)) == [
        (True, "GC01: 4 cm"),
        (False, "1650 files: 0 px (s0.tif, s1.tif, s2.tif and 1647 more)"),
        (False, "bad.tif: cut"),
    ]


def test_abstentions_of_many_sections_are_one_line() -> None:
    outcomes = [
        FileOutcome(
            is_stored=True, sentence=f"S{n}: 150 cm", abstained=((f"scale {n} below 60", 150),)
        )
        for n in range(11)
    ]

    assert list(sentences(outcomes))[-1] == (
        True,
        "1,650 cm of 11 sections abstained: scale 0 below 60",
    )


def test_the_log_of_an_abstained_section_says_a_reason_once_a_run_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "downcore.db"
    reasons = ["too coarse"] * 4 + ["in the tray"] + ["too coarse"] * 2
    with Store.open(path, clock=SystemClock(), announce=None) as store:
        store.begin_run(Run("0.1.0", "", "", ""))
        manifest = DigestPredictor().manifest
        store.record_bundle(manifest, manifest_text(manifest))
        store.open_scan(Scan("a", "GC01", "inbox/a.tif", "tiff", Fraction(200), "up"))
        rows = [row_at(n, why, manifest.bundle_id) for n, why in enumerate(reasons)]
        store.commit_slices("a", rows, n_lines_done=200 * len(rows), prefix_digest="p")
    out = io.StringIO()

    write_table(path, "GC01", out)

    text = out.getvalue()
    assert text.count("too coarse") == 2, text
    assert text.count("in the tray") == 1, text
    assert text.count("abstained, as above") == 4, text


def row_at(index: int, reason: str, bundle_id: str) -> SliceRow:
    estimates = tuple(
        Estimate(name, None, None, None, Status.ABSTAINED, reason, bundle_id)
        for name in ("density", "vp", "ms")
    )
    core_slice = CoreSlice(
        index=index,
        first_line=200 * index,
        n_lines=200,
        top_um=10_000 * index,
        bottom_um=10_000 * (index + 1),
        class_fractions=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        colour=None,
        flags=(),
    )
    return SliceRow(core_slice, estimates)
