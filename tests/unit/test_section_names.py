import re
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.sources.formats._strip_names import strip_name
from downcore.sources.inbox.name_patterns import NamePattern
from downcore.sources.inbox.section_names import safe_id, section_name
from downcore.strata.errors import SettingsError

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")


def parts(path: str) -> tuple[str, str, str, str, str]:
    name = section_name(PurePosixPath(path))
    return name.expedition, name.core, name.section, name.half, name.section_id


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("2019_643_FA_GC01_01.tif", ("2019-643-FA", "GC01", "01", "", "2019_643_FA_GC01_01")),
        ("2019_643_fa_jpc40_12.TIF", ("2019-643-FA", "JPC40", "12", "", "2019_643_FA_JPC40_12")),
        (
            "x/2019_643_FA_GC01_01_left50_cropped.tif",
            ("2019-643-FA", "GC01", "01", "", "2019_643_FA_GC01_01"),
        ),
        ("M9907-25PC-6-image.bmp", ("M9907", "25PC", "6", "", "M9907-25PC-6")),
        ("OSU-M9907-25PC-6-image.bmp", ("M9907", "25PC", "6", "", "M9907-25PC-6")),
        ("RR0207-02TC-3.tif", ("RR0207", "02TC", "3", "", "RR0207-02TC-3")),
        ("M9907-12PC_linescan_4.7ppcm.png", ("M9907", "12PC", "", "", "M9907-12PC")),
        ("379-U1533B-12H-3-A.tif", ("379", "U1533B-12H", "3", "A", "379-U1533B-12H-3-A")),
        ("379-U1533B-12H-CC-W.png", ("379", "U1533B-12H", "CC", "W", "379-U1533B-12H-CC-W")),
        (
            "379-U1533B-12H-3-A_SHLF1105_20190320.tif",
            ("379", "U1533B-12H", "3", "A", "379-U1533B-12H-3-A"),
        ),
        (
            "PROJECT-LAKE21-1A-1L-1-A.tif",
            ("PROJECT-LAKE21", "1A-1L", "1", "A", "PROJECT-LAKE21-1A-1L-1-A"),
        ),
        ("LP16/LP161B/optical.tif", ("", "", "LP161B", "", "LP161B")),
        ("YAN8B1_2mm/optical.tif", ("", "", "YAN8B1_2mm", "", "YAN8B1_2mm")),
        ("LP16/LP161B/optical0.tif", ("", "", "LP161B", "", "LP161B")),
        ("LP161B/Optical0.tif", ("", "", "LP161B", "", "LP161B")),
        ("LP161B/OPTICAL0.TIF", ("", "", "LP161B", "", "LP161B")),
        ("LP161B/OPTICAL.TIFF", ("", "", "LP161B", "", "LP161B")),
        ("LP161B/optical_12.tif", ("", "", "LP161B", "", "LP161B")),
        (
            "2019_643_FA_GC01_01_strip_0007.tif",
            ("2019-643-FA", "GC01", "01", "", "2019_643_FA_GC01_01"),
        ),
    ],
)
def test_names_of_known_schemes_say_which_section_it_is(
    path: str, expected: tuple[str, str, str, str, str]
) -> None:
    assert parts(path) == expected


def test_what_was_appended_to_a_name_is_tolerated_and_told() -> None:
    cropped = section_name(PurePosixPath("2019_643_FA_GC01_01_left50_cropped.tif"))
    plain = section_name(PurePosixPath("2019_643_FA_GC01_01.tif"))
    assert cropped.section_id == plain.section_id
    assert "left50_cropped" in cropped.warning
    assert plain.warning == ""


@pytest.mark.parametrize("name", ["M9907-25PC-6A.tif", "2019_643_FA_GC01_01_02.tif"])
def test_a_section_with_a_further_number_is_not_mistaken_for_its_neighbour(name: str) -> None:
    assert section_name(PurePosixPath(name)).pattern == ""


def test_an_unknown_name_becomes_a_section_of_its_own_with_a_warning() -> None:
    name = section_name(PurePosixPath("muddy core.tif"))
    assert name.pattern == ""
    assert name.section_id.startswith("muddy_core-")
    assert "muddy core.tif" in name.warning
    assert name.section_id in name.warning
    assert section_name(PurePosixPath("mud7.tif")).section_id == "mud7"


def test_the_same_unknown_name_in_two_folders_is_two_sections() -> None:
    ids = {
        section_name(PurePosixPath(p)).section_id
        for p in ("a/scan1.tif", "b/scan1.tif", "scan1.tif", "a_scan1.tif")
    }
    assert len(ids) == 4
    assert section_name(PurePosixPath("/elsewhere/scan1.tif")).section_id == "scan1"


def test_strips_of_one_section_share_its_identifier() -> None:
    names = [PurePosixPath(f"mud-strip{k:04d}.bmp") for k in range(3)]
    assert {section_name(name).section_id for name in names} == {"mud"}


@given(
    st.sampled_from(["mud", "M9907-25PC-6", "a strip", "b.7"]),
    st.sampled_from(["_strip_{}", ".strip{}", "-{}of012", " {} of 12", ".{}", "-part{}", "_{}"]),
    st.sampled_from(["1", "0001", "12345", "1234567"]),
)
def test_a_strip_is_named_after_its_section_only_where_strips_are_joined(
    section: str, suffix: str, number: str
) -> None:
    strip = PurePosixPath(section + suffix.format(number) + ".tif")
    other = PurePosixPath(section + suffix.format("0999") + ".tif")
    one, two = strip_name(Path(strip)), strip_name(Path(other))
    if one is None or two is None or one.group != two.group:
        return
    assert section_name(strip).section_id == section_name(other).section_id


def test_parts_that_are_not_joined_stay_sections_of_their_own() -> None:
    parts_of_it = [PurePosixPath(f"mud-part{k}.tif") for k in (1, 2)]
    assert [strip_name(Path(part)) for part in parts_of_it] == [None, None]
    assert len({section_name(part).section_id for part in parts_of_it}) == 2


HOSTILE = [
    "..",
    "...tif",
    "../../etc/passwd.tif",
    "a#b.tif",
    "a+b.tif",
    "+/#.tif",
    "nul\x00byte.tif",
    "line\nbreak.tif",
    "\u202egnp.tif",
    "core\udcff.tif",
    "\ud800.tif",
    "x" * 255,
    "-rf.tif",
    ".hidden.tif",
    "",
    "\u00e9cole.tif",
    "\U0001f30a.tif",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_gives_a_harmless_identifier(name: str) -> None:
    found = section_name(PurePosixPath(name))
    assert SAFE.fullmatch(found.section_id), found.section_id
    assert found.warning.isprintable()
    assert found.section_id not in (".", "..")


def test_hostile_names_stay_apart() -> None:
    ids = [safe_id(name) for name in HOSTILE]
    assert len(set(ids)) == len(ids)


@given(st.text(st.characters(), max_size=300))
def test_any_text_becomes_a_safe_identifier_that_is_its_own(text: str) -> None:
    found = safe_id(text)
    assert SAFE.fullmatch(found)
    assert safe_id(found) == found


@given(st.text("ab #/.-_\u00e9", max_size=6), st.text("ab #/.-_\u00e9", max_size=6))
def test_different_texts_become_different_identifiers(one: str, other: str) -> None:
    assert (safe_id(one) == safe_id(other)) == (one == other)


def test_a_declared_pattern_comes_before_the_known_ones() -> None:
    own = NamePattern("lake", r"(?P<core>[A-Z]+[0-9]+)_(?P<section>[0-9]+)_(?P<half>[AW])")
    name = section_name(PurePosixPath("gc7_12_w.tif"), patterns=(own,))
    assert (name.core, name.section, name.half) == ("GC7", "12", "W")
    assert (name.section_id, name.pattern) == ("GC7-12-W", "lake")


def test_a_declared_pattern_may_read_the_folder() -> None:
    own = NamePattern("folder", r"(?P<core>[a-z]+)/(?P<section>[0-9]+)", ignores_case=False)
    name = section_name(PurePosixPath("inbox/mud/3.tif"), patterns=(own,))
    assert (name.core, name.section, name.section_id) == ("mud", "3", "mud-3")


@pytest.mark.parametrize(
    ("regex", "message"),
    [
        ("(?P<core>[A-Z", "not a regular expression"),
        ("[A-Z]+", "named group 'core' or 'section'"),
        ("(?P<kern>[A-Z]+)", "expected groups among"),
        ("(?P<core>(a+)+)b", "no repeated group"),
        ("(?P<core>(?:a|aa)*)b", "no repeated group"),
        (r"(?P<core>a+)(?P=core)", "no back-reference"),
        (r"(?P<core>.*.*.*.*.*)", "nearly any character"),
        ("(?P<core>" + "a*" * 20 + ")", "at most 10 repeats"),
        ("(?P<core>" + "a" * 400 + ")", "at most 300 characters"),
    ],
)
def test_a_pattern_that_cannot_be_used_or_may_take_for_ever_is_refused(
    regex: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        NamePattern("mine", regex)


@given(
    st.sampled_from(["A-", "a_", "0", "GC01_", "-1A", "999-", "2019_643_FA_"]), st.integers(1, 90)
)
def test_a_long_name_is_matched_in_no_time(piece: str, n: int) -> None:
    found = section_name(PurePosixPath(piece * n + "!"))
    assert SAFE.fullmatch(found.section_id)
