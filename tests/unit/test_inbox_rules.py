"""Whom a rule fits, what it says, and what it leaves to the sidecar."""

from contextlib import closing
from pathlib import Path

import pytest
from mixed_inbox import core_pixels, write_tiff, write_xml

from downcore.service.station_setup import scan_settings
from downcore.settings import load_settings
from downcore.sources.format import Reading
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder
from downcore.sources.inbox.listing import ListingLimits, list_inbox
from downcore.sources.inbox.naming import name_of_scan
from downcore.sources.inbox.rules import InboxRule, InboxRules
from downcore.strata.errors import SettingsError

INBOX = Path("/inbox")


@pytest.mark.parametrize(
    ("folder", "name", "place", "fits"),
    [
        ("itrax", "", "itrax/LP1/optical.tif", True),
        ("Itrax/LP*", "", "itrax/lp161b/optical.tif", True),
        ("itrax/LP*", "", "itrax/Kite1/optical.tif", False),
        ("itrax", "", "old/itrax/LP1/optical.tif", False),
        ("**/itrax", "", "old/itrax/LP1/optical.tif", True),
        ("it*", "", "italy/GC01.tif", True),
        ("it?", "", "italy/GC01.tif", False),
        (".", "", "GC01.tif", True),
        (".", "", "a/GC01.tif", False),
        ("", "*_test.tif", "a/b/GC01_TEST.tif", True),
        ("a[[]1]", "", "a[1]/GC01.tif", True),
        ("", "", "anywhere/GC01.tif", True),
        ("Bohrungen/Kern ä", "", "Bohrungen/Kern ä/GC01.tif", True),
    ],
)
def test_a_rule_fits_the_files_of_its_folder_and_name(
    folder: str, name: str, place: str, *, fits: bool
) -> None:
    assert InboxRule(1, folder=folder, name=name).fits(Path(place)) is fits


def test_the_first_rule_that_fits_a_scan_counts() -> None:
    rules = InboxRules(
        INBOX, (InboxRule(1, name="GC01*", px_per_cm="20"), InboxRule(2, px_per_cm="30"))
    )

    scales = [
        rules.reading_of(INBOX / name, Reading()).px_per_cm_otherwise
        for name in ("GC01_01.tif", "GC02_01.tif")
    ]

    assert scales == ["20", "30"]


def only_scan(inbox: Path) -> ScanFiles:
    (found,), _ = ScanFilesFinder().find(list_inbox(inbox, limits=ListingLimits()).files)
    return found


@pytest.mark.parametrize(
    ("insists", "sidecar", "expected"),
    [(False, 25, "25"), (True, 25, "20"), (False, None, "20"), (False, 9999, "20")],
)
def test_a_rules_scale_gives_way_to_a_good_sidecar_unless_it_says_that_it_does_not(
    tmp_path: Path, sidecar: int | None, expected: str, *, insists: bool
) -> None:
    image = tmp_path / "GC01_01.tif"
    write_tiff(image, core_pixels(1, 40, 60))
    if sidecar is not None:
        xml = image.with_suffix(".xml")
        write_xml(xml, core="GC01", section=1, px_per_cm=sidecar, n_lines=40)
    rule = InboxRule(1, px_per_cm="20", overrides_sidecar=insists)
    scan = only_scan(tmp_path)

    reading = InboxRules(tmp_path, (rule,)).reading_of(image, Reading(px_per_cm_otherwise="77"))

    with closing(scan.format.open(scan.paths, reading)) as lines:
        assert lines.description.px_per_cm == expected
        assert (lines.description.px_per_cm_from == "rule 1 of the settings") == (expected == "20")


@pytest.mark.parametrize(
    ("stem", "core", "section", "expected"),
    [
        ("GC01_01", "GC01", " 1", "GC01_01"),
        ("GC01_01", "GC01", "1.0", "GC01_01"),
        ("gc01-1", "GC01", "1", "GC01-1"),
        ("2026_005_FA_GC01_02", "GC01", "2", "2026_005_FA_GC01_02"),
        ("2026_005_FA_GC01_02", "2026-005-FA-GC01", "2", "2026_005_FA_GC01_02"),
        ("2026_005_FA_GC01_02", "2026_005_FA_GC01_02", "1", "2026_005_FA_GC01_02"),
        ("IMG_0007", "GC01", "3", "GC01_03"),
        ("2026_005_FA_GC01_02", "GC01", "3", "2026_005_FA_GC01_03"),
        ("GC01_01", "GC02", "1", "GC02_01"),
        ("mud", "", "1", "mud"),
    ],
)
def test_a_geotek_sidecar_names_core_and_section_in_the_spelling_of_the_file(
    tmp_path: Path, stem: str, core: str, section: str, expected: str
) -> None:
    image = tmp_path / f"{stem}.tif"
    write_tiff(image, core_pixels(1, 40, 60))
    image.with_suffix(".xml").write_text(
        f"<geotek-image><coreID>{core}</coreID><section-number>{section}</section-number>"
        "<pixels-per-CM>20</pixels-per-CM></geotek-image>"
    )
    scan = only_scan(tmp_path)
    with closing(scan.format.open(scan.paths, Reading())) as lines:
        name = name_of_scan(scan, lines.description, InboxRules(tmp_path))

    assert name.section_id == expected


def test_a_rule_names_expedition_core_and_section_whatever_file_and_sidecar_say(
    tmp_path: Path,
) -> None:
    write_tiff(tmp_path / "Exp401" / "GC01_01.tif", core_pixels(1, 40, 60))
    scan = only_scan(tmp_path)

    def named(rule: InboxRule) -> tuple[str, str, str, str]:
        name = name_of_scan(scan, None, InboxRules(tmp_path, (rule,)))
        return name.expedition, name.core, name.section, name.section_id

    assert named(InboxRule(1, expedition="Exp401")) == ("Exp401", "GC01", "01", "Exp401-GC01_01")
    assert named(InboxRule(1, core="PC9")) == ("", "PC9", "01", "PC9-01")
    assert named(InboxRule(1, expedition="X", core="A", section="7")) == ("X", "A", "7", "X-A-7")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('px_per_cm = "0"\n', "pixels per centimetre|1 to 2000"),
        ('folder = "a"\n', "inbox.rule 1: expected px_per_cm, top"),
        ('format = "itraks"\n', "inbox.rule 1: format: expected one of .*itrax"),
        ("overrides_sidecar = true\n", "overrides_sidecar: expected px_per_cm"),
        ('exclude = true\ntop = "up"\n', "exclude: expected nothing beside it, got top"),
        ('name_pattern = "x"\n', "inbox.rule 1: name_pattern: .*named group"),
        ('pxpercm = "200"\n', r"unknown key inbox\.rule\.0\.pxpercm; did you mean .*px_per_cm"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_by_its_number(
    tmp_path: Path, rule: str, message: str
) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(f"[[inbox.rule]]\n{rule}")

    with pytest.raises(SettingsError, match=message):
        scan_settings(load_settings(path))
