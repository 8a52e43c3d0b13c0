"""Which files of a release are used, and that any other is named with its reason."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from downcore_training.datasets.matching import match
from downcore_training.datasets.matching_rules import MatchingRules
from downcore_training.datasets.release import find_release
from downcore_training.datasets.section_image import section_key

HEADER = "SB_DEPTH_cm,SECT_NUM_cm,SECT_DEPTH_cm,PWVel_m/s,Den_gm/cc,MS"
RULES = MatchingRules(px_per_cm="20")


def release_in(folder: Path, section: str, *, header: str = HEADER) -> Path:
    """Write a scan of 20 cm of section 1 of a core, and its log."""
    image = np.full((400, 80, 3), 120, np.uint8)
    cv2.imwrite(str(folder / "2026_001_FA_GC01_01.png"), image)
    rows = [f'{i}.5,"{section}",{i}.5,1500,1.4,30' for i in range(20)]
    (folder / "2026_001_FA_GC01.csv").write_text("\n".join([header, *rows]))
    return folder


@pytest.mark.parametrize(
    "spelling",
    [
        *("1", "01", "001", "1.0", "1.00", "1,0", "S1", "s01", "Sec 1", "Sect. 1", "Section 1"),
        *("1 of 2", "1of2", "1/2", "1 (of 2)", "Section 1 of 3", "1W", "1-A", "1 W", "01A", "#1"),
        *("12H-1", "379-U1533B-12H-1-A", "GC01_01", "I"),
    ],
)
def test_a_section_is_the_same_however_it_is_spelled(spelling: str) -> None:
    assert section_key(spelling) == "1"


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("CC", "CC"),
        ("12H-CC", "CC"),
        ("core catcher", "CC"),
        ("1.5", "1.5"),
        ("2/3", "2"),
        ("10", "10"),
    ],
)
def test_other_sections_stay_others(spelling: str, key: str) -> None:
    assert section_key(spelling) == key


@pytest.mark.parametrize("spelling", ["1.0", "1 of 2", "1/2", "Sec 1", "1W"])
def test_slices_have_the_labels_of_their_depth_however_the_section_is_spelled(
    spelling: str, tmp_path: Path
) -> None:
    (core,) = find_release(release_in(tmp_path, spelling), RULES).cores
    matched = match(core, RULES)

    assert np.isfinite(matched.labels[:, 0]).sum() == 20


def test_a_section_of_the_log_without_an_image_is_named(tmp_path: Path) -> None:
    folder = release_in(tmp_path, "1")
    log = folder / "2026_001_FA_GC01.csv"
    log.write_text(f"{log.read_text()}\n25.5,2.5,5.5,1500,1.4,30\n")
    (core,) = find_release(folder, RULES).cores

    assert any("no image shows section 2.5" in text for text in match(core, RULES).warnings)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Tiefe,Dichte\n1,1.5\n", "GC02.csv is not read as a log: it names no depth"),
        ("sb_depth (fathoms),density,pwave_vel,mag_sus\n1,1.4,1500,30\n", "fathoms"),
        ("sb_depth_cm,density\n", "GC02.csv is not used: expected rows of data"),
        ("", "GC02.csv is not read as a log: it is empty"),
    ],
)
def test_a_table_that_is_not_used_is_named_with_its_reason(
    text: str, why: str, tmp_path: Path
) -> None:
    folder = release_in(tmp_path, "1")
    (folder / "GC02.csv").write_text(text)

    assert any(why in warning for warning in find_release(folder, RULES).warnings)


def test_a_log_that_labels_nothing_says_why(tmp_path: Path) -> None:
    folder = release_in(tmp_path, "1")
    rows = [f"{i}.5,1,{i}.5,1080" for i in range(20)]
    header = "SB_DEPTH_cm,SECT_NUM_cm,SECT_DEPTH_cm,MS (10^-8 m3/kg)"
    (folder / "2026_001_FA_GC01_mass.csv").write_text("\n".join([header, *rows]))
    (core,) = find_release(folder, RULES).cores

    assert any("labels nothing" in text and "m3/kg" in text for text in match(core, RULES).warnings)
