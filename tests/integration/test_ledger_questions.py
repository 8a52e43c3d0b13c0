"""A scan that is not as long as the depth ledger says waits; one that is, is never asked about."""

import os
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from core_store import StoppedClock
from played_device import Device, core_lines, job_of

from downcore.commands.correct import request_of
from downcore.commands.correction_targets import find_targets
from downcore.commands.depths import import_depths
from downcore.service.questions import ledger_lengths_cm
from downcore.service.scan_evidence import facts_of
from downcore.simulator.scanner import pattern_named
from downcore.sources import Reading, format_of, head_of
from downcore.sources.inbox.section_names import section_name
from downcore.store import Reader, Store
from downcore.store.requests import hand_over
from downcore.strata.depth_ledger import CoreName, DepthSource, Draft, SectionEntry
from downcore.strata.scan_corrections import AskedReading, Verb
from downcore.strata.scan_doubts import Cause, DoubtRules, ScanFacts, doubts_of

ASK = DoubtRules(ask=True)
REAL = os.environ.get("DOWNCORE_REAL_DATA", "")
CORE = CoreName("145", "887A-1H")
LENGTHS_CM = {"1": 16.0, "2": 12.8, "3": 9.6, "4": 9.6}


def typed(lengths_cm: dict[str, float]) -> Draft:
    return Draft(
        DepthSource.TYPED,
        "anna",
        sections=tuple(
            SectionEntry(CORE, section, curated_length_um=round(cm * 10_000))
            for section, cm in lengths_cm.items()
        ),
    )


def write(folder: Path, section: str, length_cm: float) -> Path:
    pixels = core_lines(int(section), length_cm=length_cm, width_cm=7.0)
    job = job_of(pixels, folder, f"145-887A-1H-{section}", lines_per_step=999)
    return [step.path for step in pattern_named("growing-tiff").write(job)][-1]


def asked_by(device: Device) -> dict[str, str]:
    with Reader.open(device.database) as reader:
        return {one.scan.section_id: one.status.reason for one in reader.questioned()}


def test_sections_that_were_exchanged_wait_and_the_others_are_read(tmp_path: Path) -> None:
    with Device(tmp_path, doubts=ASK) as device:
        device.station.store.add_depths(typed(LENGTHS_CM))
        for section, length_cm in {**LENGTHS_CM, "1": 9.6, "3": 16.0}.items():
            write(device.inbox, section, length_cm)
        device.rest()
        asked = asked_by(device)

        assert set(asked) == {"145-887A-1H-1", "145-887A-1H-3"}
        first = asked["145-887A-1H-1"]
        assert "section 1 is 16 cm long in the depth ledger, this scan 9.6 cm" in first
        assert "as section 3 or 4 is" in first
        assert "`downcore rename 145-887A-1H-1 SECTION`" in first
        assert "as section 1 is" in asked["145-887A-1H-3"]
        assert device.all("SELECT count(DISTINCT scan_id) FROM slice") == [(2,)]


def test_a_rename_answers_where_the_new_name_fits(tmp_path: Path) -> None:
    with Device(tmp_path, doubts=ASK) as device:
        device.station.store.add_depths(typed(LENGTHS_CM))
        write(device.inbox, "1", 12.8)
        device.rest()
        assert set(asked_by(device)) == {"145-887A-1H-1"}

        targets = find_targets(device.database, Verb.RENAME, "145-887A-1H-1")
        to = AskedReading(section="145-887A-1H-2")
        hand_over(device.database, request_of(Verb.RENAME, "145-887A-1H-1", targets, reading=to))
        device.rest()

        assert asked_by(device) == {}
        with Reader.open(device.database) as reader:
            standing = reader.standing_scan("145-887A-1H-2")
        assert standing is not None
        assert standing.status.n_slices == 13


def test_a_core_that_the_ledger_does_not_name_is_not_asked_about(tmp_path: Path) -> None:
    with Device(tmp_path, doubts=ASK) as device:
        device.station.store.add_depths(typed({"7": 30.0}))
        write(device.inbox, "1", 12.8)
        device.rest()
        assert asked_by(device) == {}


@pytest.mark.skipif(not REAL, reason="DOWNCORE_REAL_DATA is not set")
def test_sections_of_odp_887a_fit_their_summary_and_exchanged_ones_do_not(tmp_path: Path) -> None:
    folder = Path(REAL) / "odp887"
    db = tmp_path / "a.db"
    Store.open(db, clock=StoppedClock(), announce=None).close()
    import_depths(db, [folder / "logs/odp887A_section_summary.csv"], StoppedClock())
    with Reader.open(db) as reader:
        seen = {path: facts(path, reader) for path in sorted(folder.glob("*.png"))}
    assert len(seen) == 14
    assert {path.name: why for path, one in seen.items() if (why := doubts_of(one, ASK))} == {}

    told = 0
    for one, other in permutations(seen.values(), 2):
        if one.ledger_cm != other.ledger_cm or not is_tellable(one, other):
            continue
        told += 1
        exchanged = replace(one, n_lines=other.n_lines)
        assert Cause.LEDGER in {doubt.cause for doubt in doubts_of(exchanged, ASK)}
    assert told >= 30


def facts(path: Path, reader: Reader) -> ScanFacts:
    fmt = format_of(path, head_of(path))
    assert fmt is not None
    lines = fmt.open((path,), Reading(px_per_cm="17.4", top="up"))
    n_lines, is_complete = lines.refresh(is_still=True)
    found = facts_of(lines, path, ASK, n_lines=n_lines, is_complete=is_complete)
    lines.close()
    name = section_name(path)
    return replace(found, section=name.section, ledger_cm=ledger_lengths_cm(reader, name))


def is_tellable(one: ScanFacts, other: ScanFacts) -> bool:
    """Return whether two sections differ by more than a scan and its curated length do."""
    first, second = one.length_cm or 0.0, other.length_cm or 0.0
    return abs(first - second) > 0.25 * max(first, second)
