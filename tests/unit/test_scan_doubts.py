"""A scan that cannot be right is doubted, with the reason; one like any other is not."""

from dataclasses import replace
from fractions import Fraction

import pytest

from downcore.strata.scan_claims import (
    LengthClaim,
    ScaleClaim,
    ScanClaims,
    TopClaim,
    believable_tag,
    scales_in_name,
    upside_down_in,
)
from downcore.strata.scan_doubts import (
    NEVER_ASK,
    Cause,
    DoubtRules,
    OtherScan,
    ScanFacts,
    SedimentSpan,
    doubts_of,
    question,
)

ASK = DoubtRules(ask=True)

PLAIN = ScanFacts(
    px_per_cm=Fraction(200),
    top="up",
    n_across=1400,
    n_lines=30_000,
    span=SedimentSpan(1240, has_sides=True),
    claims=ScanClaims(),
)
"""A section of 150 cm, the sediment 6.2 cm wide in an image of 7 cm."""


def causes(facts: ScanFacts, rules: DoubtRules = ASK) -> set[Cause]:
    return {doubt.cause for doubt in doubts_of(facts, rules)}


def saying(**claims: object) -> ScanFacts:
    return replace(PLAIN, claims=ScanClaims(**claims))  # type: ignore[arg-type]


def scaled(factor: Fraction | int) -> ScanFacts:
    return replace(PLAIN, px_per_cm=PLAIN.px_per_cm * factor)


def test_a_plain_section_is_not_asked_about() -> None:
    assert causes(PLAIN) == set()


def test_a_station_that_does_not_ask_asks_about_nothing() -> None:
    assert causes(scaled(10), NEVER_ASK) == set()


@pytest.mark.parametrize("factor", [10, Fraction(1, 10), 4, Fraction(1, 4)])
def test_a_core_wider_or_narrower_than_cores_are_is_asked_about(factor: Fraction) -> None:
    assert Cause.WIDTH in causes(scaled(factor))


def test_an_image_tells_the_width_where_no_sediment_is_seen() -> None:
    assert causes(replace(PLAIN, span=None)) == set()
    assert causes(replace(scaled(Fraction(1, 10)), span=None)) >= {Cause.WIDTH}


def test_a_wide_tray_around_a_core_as_usual_is_not_asked_about() -> None:
    assert causes(replace(PLAIN, n_across=8000, n_lines=30_000)) == set()


def test_an_image_wider_than_long_for_its_top_is_asked_about_and_the_other_side_is_named() -> None:
    turned = replace(PLAIN, top="left", n_across=30_000, n_lines=1400, span=None)
    doubts = doubts_of(turned, ASK)
    assert {doubt.cause for doubt in doubts} == {Cause.SIDE, Cause.WIDTH}
    assert "--top up" in question(doubts, "GC01_01")


def test_a_short_piece_whose_liner_shows_at_both_sides_lies_as_it_should() -> None:
    piece = replace(PLAIN, n_lines=1000)
    assert causes(piece) == set()
    assert causes(replace(piece, span=SedimentSpan(1400, has_sides=False))) == {Cause.SIDE}


def test_a_section_longer_than_two_metres_or_shorter_than_three_centimetres_is_asked_about() -> (
    None
):
    assert causes(replace(PLAIN, n_lines=41_000, n_across=1400)) == {Cause.LENGTH}
    assert Cause.LENGTH in causes(replace(PLAIN, n_lines=500))


def test_a_picture_of_a_whole_core_joined_of_sections_is_not_too_long() -> None:
    assert causes(replace(PLAIN, n_lines=62_400)) == set()


def test_a_scan_that_grows_is_not_asked_about_a_length_it_does_not_have_yet() -> None:
    assert causes(replace(PLAIN, n_lines=None)) == set()


def test_a_sidecar_with_another_length_is_named() -> None:
    (doubt,) = doubts_of(saying(lengths=(LengthClaim("a.xml", 75.0),)), ASK)
    assert doubt.cause is Cause.LENGTH
    assert "a.xml says 75 cm" in doubt.words
    assert causes(saying(lengths=(LengthClaim("a.xml", 148.0),))) == set()


@pytest.mark.parametrize("said", ["100", "400", "203"])
def test_settings_against_the_sidecar_are_asked_about_with_the_sidecars_scale(said: str) -> None:
    doubts = doubts_of(saying(sidecar_scales=(ScaleClaim("a.xml", Fraction(said)),)), ASK)
    assert [doubt.cause for doubt in doubts] == [Cause.SCALE]
    assert f"--px-per-cm {said}`" in question(doubts, "GC01_01")


def test_a_sidecar_that_says_the_same_but_for_rounding_is_not_asked_about() -> None:
    assert causes(saying(sidecar_scales=(ScaleClaim("a.xml", Fraction("200.4")),))) == set()


def test_a_scale_in_the_files_name_counts_and_confirms() -> None:
    assert causes(saying(name_scales=tuple(scales_in_name("GC01_98.4ppcm")))) == {Cause.SCALE}
    wide = replace(scaled(Fraction(1, 10)), claims=ScanClaims(
        name_scales=tuple(scales_in_name("GC01_20px_per_cm"))))  # fmt: skip
    assert causes(wide) == set()


@pytest.mark.parametrize("dpi", [72, 96, 300, 600])
def test_a_resolution_that_programs_write_anyway_says_nothing(dpi: int) -> None:
    assert believable_tag(Fraction(dpi * 100, 254)) is None


def test_a_resolution_tag_that_is_no_constant_counts_unless_a_sidecar_confirms_the_scale() -> None:
    tag = believable_tag(Fraction(508, 1) / Fraction(254, 100) * Fraction(1, 2) + 1)
    assert tag == 101
    assert causes(saying(tag_px_per_cm=tag)) == {Cause.SCALE}
    same = (ScaleClaim("a.xml", Fraction(200)),)
    assert causes(saying(tag_px_per_cm=tag, sidecar_scales=same)) == set()


def test_pixels_that_are_not_square_are_asked_about() -> None:
    assert causes(saying(pixel_aspect=Fraction(2))) == {Cause.ASPECT}
    assert causes(saying(pixel_aspect=Fraction(1))) == set()


@pytest.mark.parametrize("said", ["down", "left", "right"])
def test_a_top_against_a_sidecar_is_asked_about(said: str) -> None:
    assert causes(saying(tops=(TopClaim("document.txt", said),))) == {Cause.TOP}
    assert causes(saying(tops=(TopClaim("document.txt", "up"),))) == set()


@pytest.mark.parametrize(
    "label", ["scanned upside down", "GC03_01_bottom-up", "HEAD DOWN", "core reversed"]
)
def test_a_label_that_says_upside_down_is_asked_about(label: str) -> None:
    assert causes(saying(upside_down=tuple(upside_down_in("a.xml", label)))) == {Cause.TOP}


@pytest.mark.parametrize("label", ["", "top up", "irreversible", "bottom section"])
def test_a_label_that_does_not_is_not(label: str) -> None:
    assert not list(upside_down_in("a.xml", label))


OTHERS = (OtherScan(Fraction(200), 1400, 1240), OtherScan(Fraction(200), 1420, 1300))


@pytest.mark.parametrize("factor", [2, Fraction(1, 2), Fraction(3, 2)])
def test_a_scale_that_accepted_scans_of_the_folder_do_not_have_is_asked_about(
    factor: Fraction,
) -> None:
    facts = replace(scaled(factor), others=OTHERS, n_lines=20_000)
    doubts = doubts_of(facts, ASK)
    assert Cause.OTHERS in {doubt.cause for doubt in doubts}
    assert "--px-per-cm 200`" in question(doubts, "GC01_01")
    assert Cause.OTHERS not in causes(facts, replace(ASK, not_asked=frozenset({Cause.OTHERS})))


def test_other_scans_of_the_same_scale_or_one_near_it_are_no_reason_to_ask() -> None:
    assert causes(replace(PLAIN, others=OTHERS)) == set()
    assert causes(replace(scaled(Fraction(105, 100)), others=OTHERS)) == set()


def test_a_core_of_another_width_is_asked_about_where_image_and_sediment_both_are() -> None:
    wide = (OtherScan(Fraction(200), 2800, 2500),)
    assert causes(replace(PLAIN, others=wide)) == {Cause.OTHERS}
    cropped = (OtherScan(Fraction(200), 2800, 1250),)
    assert causes(replace(PLAIN, others=cropped)) == set()


def test_a_sidecar_of_the_scan_itself_counts_more_than_its_neighbours() -> None:
    own = ScanClaims(scale_from="a.xml", sidecar_scales=(ScaleClaim("a.xml", Fraction(100)),))
    assert causes(replace(scaled(Fraction(1, 2)), n_lines=15_000, claims=own, others=OTHERS)) == (
        set()
    )


LEDGER = (("1", 150.0), ("2", 150.0), ("3", 104.0), ("4", 151.0), ("5", 44.0))


def test_sections_that_were_swapped_are_asked_about_where_their_lengths_tell() -> None:
    swapped = replace(PLAIN, section="5", ledger_cm=LEDGER)
    (doubt,) = doubts_of(swapped, ASK)
    assert doubt.cause is Cause.LEDGER
    assert "as section 1, 2 or 4 is" in doubt.words
    assert causes(replace(PLAIN, section="2", ledger_cm=LEDGER)) == set()
    assert causes(replace(PLAIN, section="9", ledger_cm=LEDGER)) == set()


@pytest.mark.parametrize(("length_cm", "expected"), [(16.2, set()), (17.5, {Cause.LEDGER})])
def test_the_end_of_the_tray_below_a_core_catcher_is_no_reason_to_ask(
    length_cm: float, expected: set[Cause]
) -> None:
    catcher = replace(
        PLAIN, section="CC", n_lines=round(200 * length_cm), ledger_cm=(("CC", 14.0),)
    )
    assert causes(catcher) == expected


def test_a_question_says_what_was_seen_what_was_expected_and_the_two_answers() -> None:
    asked = question(doubts_of(scaled(Fraction(1, 10)), ASK), "GC01_01")
    assert "at 20 px/cm the sediment is 62 cm wide, expected 2 cm to 20 cm" in asked
    assert "`downcore accept GC01_01`" in asked
    assert "`downcore redo GC01_01 --px-per-cm N`" in asked
