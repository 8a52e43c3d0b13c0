"""One inbox with many scanners in it: init proposes settings that need no edit."""

import time
from pathlib import Path

import pytest
from mixed_inbox import FEW, MANY, Written, core_pixels, write_mixed_inbox, write_tiff

from downcore.clock import SystemClock
from downcore.commands.inbox_survey import survey
from downcore.commands.init import look_around, write_settings
from downcore.service.daemon import Daemon
from downcore.service.station_setup import scan_settings
from downcore.settings import Settings, load_settings
from downcore.store import Reader
from downcore.store.stored_values import StoredScan

MAX_S_PER_SCAN = 0.1


def proposed(inbox: Path) -> Settings:
    """Return the settings that init writes, as they are."""
    out = inbox.parent / "edge.toml"
    write_settings(look_around(inbox), out, may_overwrite=True)
    return load_settings(out)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes a run short and changes neither scale, nor top, nor name."""
    monkeypatch.setenv("DOWNCORE_PREDICT__BUNDLES", '["boosted-colour"]')
    monkeypatch.setenv("DOWNCORE_PREDICT__MODE", "backlog")
    monkeypatch.setenv("DOWNCORE_COMPOSITION__ENABLED", "false")
    monkeypatch.setenv("DOWNCORE_MQTT__ENABLED", "false")
    monkeypatch.setenv("DOWNCORE_TERMINAL__ENABLED", "false")
    monkeypatch.setenv("DOWNCORE_INBOX__SETTLE_S", "0.4")


def stored_after_a_run(inbox: Path) -> tuple[dict[str, StoredScan], dict[str, str]]:
    """Run to the end with what init proposes; return scans by place, and what was set aside."""
    settings = proposed(inbox)
    daemon = Daemon(settings, clock=SystemClock())
    daemon.run(ends_when_idle=True)
    with Reader.open(settings.store.path) as reader:
        found = {
            Path(stored.scan.path).relative_to(inbox).as_posix(): stored
            for stored in reader.scans()
        }
    return found, daemon.refused


def test_init_places_each_of_600_mixed_scans_in_a_tenth_of_a_second_and_asks_nothing(
    tmp_path: Path,
) -> None:
    inbox = tmp_path / "inbox"
    written = write_mixed_inbox(inbox, MANY)
    assert len(written) == 600
    began_s = time.process_time()

    settings = proposed(inbox)

    took_s = time.process_time() - began_s
    found = survey(inbox, scan_settings(settings))
    assert {
        Written(scan.place.as_posix(), scan.name.section_id, scan.scale, scan.top)
        for scan in found.scans
        if scan.scale is not None
    } == set(written)
    assert not found.unplaced
    assert not found.collisions()
    assert took_s < MAX_S_PER_SCAN * len(written), f"{took_s / len(written):.3f} s a scan"


def test_a_run_with_the_proposed_settings_stores_every_scan_under_its_name_scale_and_top(
    tmp_path: Path, quick: None
) -> None:
    del quick
    inbox = tmp_path / "inbox"
    written = write_mixed_inbox(inbox, FEW)

    found, refused = stored_after_a_run(inbox)

    assert not refused
    assert {
        Written(place, one.scan.section_id, one.scan.px_per_cm, one.scan.top)
        for place, one in found.items()
    } == set(written)
    assert {one.status.state.value for one in found.values()} == {"done"}
    assert {one.status.superseded_by for one in found.values()} == {None}


def test_init_names_every_scan_that_it_cannot_place(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    write_mixed_inbox(inbox, FEW)
    for n in range(25):
        write_tiff(inbox / "unknown scanner" / f"ZZ{n:02d}_01.tif", core_pixels(n, 30, 77))

    findings = look_around(inbox)

    said = [one for one in findings.sentences if one.startswith("cannot place")]
    for n in range(25):
        assert f"ZZ{n:02d}_01.tif" in "".join(said), said
    assert "got none" in said[0]
    assert findings.is_scale_missing


def test_init_leaves_one_ready_rule_for_each_scanner_whose_scale_nothing_says(
    tmp_path: Path,
) -> None:
    inbox = tmp_path / "inbox"
    for n in range(3):
        write_tiff(inbox / f"A{n}_01.tif", core_pixels(n, 30, 77))
        write_tiff(inbox / "other [2]" / f"GC{n}_01.tif", core_pixels(10 + n, 30, 90 + n))
    findings = look_around(inbox)
    out = tmp_path / "edge.toml"
    write_settings(findings, out, may_overwrite=False)
    text = out.read_text()

    assert text.count("# [[inbox.rule]]") == 2, text
    assert text.count("# For 3 scans:") == 2, text
    assert load_settings(out).inbox.rule == (), "what only a person can say is a comment"
    # A person fills in both scales and takes the marks away.
    lines = text.splitlines()
    for _ in range(2):
        start = lines.index("# [[inbox.rule]]")
        end = lines.index("", start)
        lines[start:end] = [line.removeprefix("# ") for line in lines[start:end]]
    filled = "\n".join(lines)
    for px_per_cm in ("20", "10"):
        filled = filled.replace('\npx_per_cm = "..."', f'\npx_per_cm = "{px_per_cm}"', 1)
    out.write_text(filled)
    found = survey(inbox, scan_settings(load_settings(out)))
    assert not found.unplaced
    assert {scan.folder: scan.scale for scan in found.scans} in (
        {".": 20, "other [2]": 10},
        {".": 10, "other [2]": 20},
    )


def test_a_rule_that_is_proposed_for_one_scan_fits_it(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    write_tiff(inbox / "2026_005_FA_GC01_01.tif", core_pixels(1, 30, 77))
    write_tiff(inbox / "other" / "GC02_01.png.tif", core_pixels(2, 30, 77))

    found = look_around(inbox)

    for place in ("2026_005_FA_GC01_01.tif", "other/GC02_01.png.tif"):
        assert sum(rule.rule.fits(Path(place)) for rule in found.rules) == 1, found.rules


def test_a_scale_is_asked_for_inside_the_rule_that_names_the_folder(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    for folder in ("Exp401", "Exp402"):
        write_tiff(inbox / folder / "GC77_01.tif", core_pixels(int(folder[-1]), 30, 77))

    (one, other) = look_around(inbox).rules

    assert one.lines[1:] == [
        "[[inbox.rule]]",
        'folder = "Exp401"',
        'expedition = "Exp401"',
        '# px_per_cm = "..."',
    ]
    assert other.effect.expedition == "Exp402"


def test_init_says_additions_to_names_and_unknown_names_once_a_kind(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    for n in range(30):
        write_tiff(inbox / f"GC{n:02d}_01_final.tif", core_pixels(n, 30, 77))
        write_tiff(inbox / f"core {n} B.tif", core_pixels(100 + n, 30, 77))

    said = [one for one in look_around(inbox).sentences if one.startswith("name")]

    assert len(said) == 2, said
    (unknown, addition) = said
    assert unknown.startswith("names: no pattern fits 30 scans: core 0 B.tif")
    assert addition.startswith("names: 'final' is taken for an addition")
    for one in said:
        assert "and 10 more" in one, one


def test_init_says_where_the_top_is_in_one_line_whatever_the_scanners(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    write_mixed_inbox(inbox, FEW)

    (said,) = [one for one in look_around(inbox).sentences if one.startswith("core top")]

    assert "up in " in said
    assert "left in " in said


@pytest.mark.parametrize(
    "kind", ["recycle bins", "snapshots", "thumbnails", "conflict copies", "backups"]
)
def test_init_says_once_what_kinds_of_leftovers_it_leaves_out(tmp_path: Path, kind: str) -> None:
    inbox = tmp_path / "inbox"
    write_mixed_inbox(inbox, FEW)

    said = [one for one in look_around(inbox).sentences if one.startswith("left out:")]

    assert sum(kind in one for one in said) == 1, said


def test_names_that_two_folders_share_are_proposed_apart_and_said_loudly(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    write_mixed_inbox(inbox, FEW)

    findings = look_around(inbox)

    said = [one for one in findings.sentences if one.startswith("COLLISION")]
    assert len(said) == 1, "the same two folders are said once"
    for n in (1, 2, 3):
        assert f"Exp401/GC77_0{n}.tif, Exp402/GC77_0{n}.tif" in said[0]
    assert {rule.effect.expedition for rule in findings.rules} >= {"Exp401", "Exp402"}


@pytest.mark.parametrize("by", ["rule", "store"])
def test_the_same_names_in_two_folders_are_two_sections_with_and_without_rules(
    tmp_path: Path, quick: None, by: str
) -> None:
    del quick
    inbox = tmp_path / "inbox"
    for folder in ("Exp401", "Exp402"):
        pixels = core_pixels(int(folder[-1]), 50, 110)
        write_tiff(inbox / folder / "GC03_01_linescan_20ppcm.tif", pixels)
    if by == "store":
        # The second folder appears after init, so that no rule knows it.
        (inbox / "Exp402").rename(tmp_path / "later")
        settings = proposed(inbox)
        (tmp_path / "later").rename(inbox / "Exp402")
    else:
        settings = proposed(inbox)
    Daemon(settings, clock=SystemClock()).run(ends_when_idle=True)

    with Reader.open(settings.store.path) as reader:
        sections = {one.scan.section_id for one in reader.sections()}
        superseded = [one for one in reader.scans() if one.status.superseded_by]
    assert len(sections) == 2, sections
    assert "Exp402-GC03_01" in sections
    assert not superseded
