import pytest

from downcore.strata import quality

CLEAN = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def flags(
    fractions: tuple[float, ...] = CLEAN,
    *,
    is_short: bool = False,
    px_per_cm: float = 200.0,
    lightness: float | None = 45.0,
    saturated: float = 0.0,
) -> tuple[str, ...]:
    return quality.flags_of(
        fractions,
        is_short=is_short,
        px_per_cm=px_per_cm,
        lightness=lightness,
        saturated_fraction=saturated,
    )


def test_a_clean_centimetre_carries_no_flag() -> None:
    assert flags() == ()


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (flags(is_short=True), quality.SHORT),
        (flags((0.4, 0.0, 0.0, 0.6, 0.0, 0.0, 0.0)), quality.MOSTLY_MASKED),
        (flags((0.85, 0.0, 0.15, 0.0, 0.0, 0.0, 0.0)), quality.CRACKED),
        (flags((0.93, 0.0, 0.0, 0.0, 0.0, 0.07, 0.0)), quality.GLARE),
        (flags(saturated=0.2), quality.OVER_EXPOSED),
        (flags(lightness=4.0), quality.DARK),
        (flags(px_per_cm=20.0), quality.LOW_RESOLUTION),
    ],
)
def test_each_fault_raises_its_own_flag_alone(got: tuple[str, ...], expected: str) -> None:
    assert got == (expected,)


def test_tray_beside_the_core_is_no_fault_of_the_core() -> None:
    assert flags((0.5, 0.4, 0.0, 0.0, 0.0, 0.0, 0.1)) == ()


def test_a_slice_without_sediment_is_mostly_masked_too() -> None:
    got = flags((0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0), lightness=None)

    assert got == (quality.NO_SEDIMENT, quality.MOSTLY_MASKED)


def test_flags_come_in_the_order_in_which_they_are_documented() -> None:
    got = flags(is_short=True, px_per_cm=2.0, lightness=3.0, saturated=0.5)

    assert list(got) == [flag for flag in quality.FLAGS if flag in got]
    assert len(got) == 4
