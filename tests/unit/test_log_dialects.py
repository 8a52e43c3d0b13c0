"""One table of a core logger in the dialects that laboratories write, and its numbers."""

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from downcore.loggers import (
    CoreLog,
    Decimal,
    LogError,
    LogFlag,
    in_our_unit,
    numbers_of,
    read_log,
    usable,
    why_not_a_log,
)

NAMES = ("sb_depth_cm", "density", "pwave_vel", "mag_sus")
TRUTH = tuple(
    (i + 0.5, round(1.45 + 0.001 * i, 4), round(1520 + 0.3 * i, 2), round(40 + 0.1 * i, 2))
    for i in range(30)
)
GEOTEK = ("SB DEPTH", "SECT NUM", "SECT DEPTH", "PWVel", "Den1", "MS1")


def table(
    names: tuple[str, ...] = NAMES, *, scale: tuple[float, ...] = (1, 1, 1, 1), units: str = ""
) -> str:
    """Return the table as text, each column multiplied by a factor."""
    rows = [
        ",".join(f"{value * by:.10g}" for value, by in zip(row, scale, strict=True))
        for row in TRUTH
    ]
    return "\n".join([",".join(names), *([units] if units else []), *rows]) + "\n"


def read(folder: Path, content: str | bytes, name: str = "GC01.csv") -> CoreLog:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_log(path)


def is_the_table(log: CoreLog) -> bool:
    got = np.column_stack([log.core_depth_cm, log.values])
    return got.shape == (30, 4) and np.allclose(got, TRUTH, rtol=1e-6)


# -- F3, F4: units ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "per_cm"),
    [
        *[(text, 1.0) for text in ("cm", "cm.", "centimetres", "Centimeters", "cmbsf", "cm bsf")],
        *[(text, 0.01) for text in ("m", "metres", "meters", "mbsf", "m bsf", "mcd", "m blf")],
        *[(text, 0.01) for text in ("m CSF-A", "m CCSF-D", "mblf", "meters below sea floor")],
        *[(text, 1 / 30.48) for text in ("ft", "feet", "Ft.")],
        *[(text, 1 / 2.54) for text in ("in", "inches")],
        ("mm", 10.0),
    ],
)
def test_depth_is_in_centimetres_whatever_unit_the_name_or_the_units_row_says(
    unit: str, per_cm: float, tmp_path: Path
) -> None:
    scale = (per_cm, 1, 1, 1)

    assert is_the_table(read(tmp_path, table((f"sb_depth ({unit})", *NAMES[1:]), scale=scale)))
    below = f"{unit},g/cm3,m/s,"
    assert is_the_table(read(tmp_path, table(("sb_depth", *NAMES[1:]), scale=scale, units=below)))


@pytest.mark.parametrize(("sign", "per_cm"), [("'", 1 / 30.48), ('"', 1 / 2.54), ("″", 1 / 2.54)])
def test_signs_of_feet_and_inches_are_units(sign: str, per_cm: float, tmp_path: Path) -> None:
    names = (f"sb_depth {sign}", *NAMES[1:])
    rows = [[f"{row[0] * per_cm:.10g}", *row[1:]] for row in TRUTH]
    written = io.StringIO()
    csv.writer(written).writerows([names, *rows])

    assert is_the_table(read(tmp_path, written.getvalue()))


@pytest.mark.parametrize("below", ["m", "mbsf", "ft"])
def test_a_depth_of_two_units_is_refused_with_both(below: str, tmp_path: Path) -> None:
    with pytest.raises(LogError, match=f"cm in its name, {below} below it"):
        read(tmp_path, table(units=f"{below},g/cm3,m/s,"))


def test_a_property_of_two_units_is_left_out_with_both(tmp_path: Path) -> None:
    names = (NAMES[0], "density (kg/m3)", *NAMES[2:])
    log = read(tmp_path, table(names, units="cm,g/cm3,m/s,"))

    assert not usable(log, use_doubtful=True)[:, 0].any()
    assert usable(log)[:, 1].all()
    assert any("kg/m3 in its name, g/cm3 below it" in text for text in log.warnings)


def test_si_alone_leaves_the_power_of_ten_to_the_other_place(tmp_path: Path) -> None:
    names = (*NAMES[:3], "mag_sus (10^-6 SI)")
    log = read(tmp_path, table(names, scale=(1, 1, 1, 10), units="cm,g/cm3,m/s,SI"))

    assert is_the_table(log)


@pytest.mark.parametrize(
    ("column", "name"),
    [(1, "WetBulkDens"), (1, "GRA"), (2, "P wave"), (2, "Vp1"), (3, "Volume susceptibility"),
     (3, "kLF"), (3, "mag. susc.")],
)  # fmt: skip
def test_a_column_that_may_be_a_property_and_is_not_read_is_named(
    column: int, name: str, tmp_path: Path
) -> None:
    names = tuple(name if i == column else known for i, known in enumerate(NAMES))
    log = read(tmp_path, table(names))

    assert np.isnan(log.values[:, column - 1]).all()
    assert any(f"{name!r} may be it" in text for text in log.warnings)
    assert not any("may be it" in text for text in read(tmp_path, table()).warnings)


def test_composite_depth_is_read_and_said(tmp_path: Path) -> None:
    log = read(tmp_path, table(("sb_depth (mcd)", *NAMES[1:]), scale=(0.01, 1, 1, 1)))

    assert any("composite depth" in text for text in log.warnings)


def test_a_unit_of_depth_that_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="fathoms"):
        read(tmp_path, table(("sb_depth (fathoms)", *NAMES[1:])))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        *[(text, 1.0) for text in ("10^-5 SI", "x10-5 SI", "SI x 10^-5", "1e-5 SI", "10⁻⁵ SI")],
        *[(text, 1.0) for text in ("SI (x10^-5)", "\u00d710⁻⁵ SI", "10e-5 SI", "E-5 SI", "*10^-5")],
        *[(text, 10.0) for text in ("10^-6 SI", "x10-6 SI", "1e-6 SI", "µSI", "10⁻⁶ SI")],
        *[(text, 1e-5) for text in ("SI", "SI units", "dimensionless")],
        *[(text, 10 / (4 * math.pi)) for text in ("10^-6 cgs", "10^-6 emu/cm3", "x10-6 cgs")],
    ],
)
def test_susceptibility_is_in_1e_5_si_whatever_unit_the_name_or_the_units_row_says(
    unit: str, factor: float, tmp_path: Path
) -> None:
    scale = (1, 1, 1, factor)
    named = read(tmp_path, table((*NAMES[:3], f"mag_sus ({unit})"), scale=scale))
    below = read(tmp_path, table(scale=scale, units=f"cm,g/cm3,m/s,{unit}"))

    for log in (named, below):
        assert is_the_table(log)
        assert log.ms_unit == "1e-5 SI"
        assert usable(log)[:, 2].all()


@pytest.mark.parametrize("unit", ["10^-8 m3/kg", "x10-8 m3/kg", "emu/g", "furlongs"])
def test_susceptibility_by_mass_or_in_an_unknown_unit_is_left_out_with_its_unit(
    unit: str, tmp_path: Path
) -> None:
    log = read(tmp_path, table((*NAMES[:3], f"mag_sus ({unit})")))

    assert log.ms_unit == "other"
    assert set(log.flags[:, 2]) == {LogFlag.OTHER_UNIT}
    assert not usable(log, use_doubtful=True)[:, 2].any()
    assert usable(log)[:, :2].all()
    assert any(unit in text for text in log.warnings)


def test_instrument_units_of_any_table_are_left_out_and_said(tmp_path: Path) -> None:
    log = read(tmp_path, table(units="cm,g/cm3,m/s,instr. units"))

    assert (log.ms_unit, "ms" in log.excluded) == ("instrument units", True)


@pytest.mark.parametrize(
    "unit", ["kg/m3", "kg m-3", "kg/m³", "kg m⁻³", "kilograms per cubic metre"]
)
@pytest.mark.parametrize("speed", ["km/s", "km s-1", "mm/µs", "km/sec"])
def test_density_in_kilograms_and_velocity_in_kilometres_are_converted(
    unit: str, speed: str, tmp_path: Path
) -> None:
    scale = (1, 1e3, 1e-3, 1)
    names = (NAMES[0], f"density ({unit})", f"pwave_vel [{speed}]", NAMES[3])

    assert is_the_table(read(tmp_path, table(names, scale=scale)))
    assert is_the_table(read(tmp_path, table(scale=scale, units=f"cm,{unit},{speed},")))
    assert is_the_table(read(tmp_path, table(scale=scale))), "the numbers allow no other unit"


@pytest.mark.parametrize(
    "names",
    [
        ("sb_depth_cm", "density_g/cc", "Vp_m_s", "MS (10^-5 SI)"),
        ("sb_depth, cm", "Density [g/cm³]", "pwave_vel (m/s)", "κ (10⁻⁵ SI)"),
        ("SB_DEPTH (CM)", "density {g cm-3}", "P-wave velocity, m/s", "Magnetic susceptibility"),
    ],
)
def test_names_carry_units_in_brackets_or_behind_them(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    rows = list(csv.reader(io.StringIO(table())))[1:]
    written = io.StringIO()
    csv.writer(written).writerows([names, *rows])

    assert is_the_table(read(tmp_path, written.getvalue()))


def test_a_column_of_deviations_is_not_the_property(tmp_path: Path) -> None:
    text = (
        table()
        .replace("sb_depth_cm,density", "sb_depth_cm,density (sd),density")
        .replace(",1.4", ",0.01,1.4")
    )

    assert read(tmp_path, text).density[0] == 1.45


@given(
    power=st.integers(-8, -3),
    style=st.sampled_from(
        ["10^{0} SI", "1e{0} SI", "x 10{0} SI", "SI x 10^{0}", "E{0} SI", "10{0} mks"]
    ),
    value=st.floats(1.0, 900.0),
)
def test_any_power_of_ten_of_si_gives_the_same_susceptibility(
    power: int, style: str, value: float
) -> None:
    written = np.full(5, value * 10.0 ** (-5 - power))
    got, _ = in_our_unit("ms", f"mag_sus ({style.format(power)})", written)

    np.testing.assert_allclose(got, value, rtol=1e-9)


# -- F2: fill values ---------------------------------------------------------------------

FILLS = (
    *("-999", "-999.0", "-999.25", "-9999", "-9999.99", "-99999", "9999", "99999", "1E+30"),
    *("1e35", "-1e30", "-32768"),
)
BLANKS = (
    *("", "NaN", "N/A", "nd", "n.d.", "-", "--", "*", "******", "...", "#N/A", "#VALUE!"),
    *("#DIV/0!", "BDL", "No Data", "1.#QNAN", "-1.#IND", "missing"),
)


@pytest.mark.parametrize("column", [1, 2, 3])
@pytest.mark.parametrize("fill", [*FILLS, *BLANKS, "0"])
def test_a_fill_value_is_a_blank_and_the_other_values_count(
    fill: str, column: int, tmp_path: Path
) -> None:
    if fill == "0" and column == 3:
        pytest.skip("susceptibility can be 0")
    rows = list(csv.reader(io.StringIO(table())))
    for i, row in enumerate(rows[1:]):
        row[column] = row[column] if i % 3 == 0 else fill
    log = read(tmp_path, "\n".join(map(",".join, rows)))

    kept = np.arange(30) % 3 == 0
    truth = np.array(TRUTH)[:, column]
    np.testing.assert_allclose(log.values[kept, column - 1], truth[kept])
    assert np.isnan(log.values[~kept, column - 1]).all()
    assert not log.flags.any()
    assert log.excluded == frozenset()
    is_told = any(f"20 fill values ({fill})" in text for text in log.warnings)
    assert is_told == (fill not in BLANKS), "blanks need no word"


def test_nines_among_numbers_of_their_size_are_measurements() -> None:
    got = numbers_of(["850.5", "999", "1020.0", "-999.25"])

    assert got.values[:3].tolist() == [850.5, 999.0, 1020.0]
    assert (got.n_fills, got.fills) == (1, ("-999.25",))


# -- F5 to F7: dialects ------------------------------------------------------------------


def dialect(delimiter: str, point: str, thousands: str, *, is_quoted: bool) -> str:
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    writer.writerow(NAMES)
    for depth, density, vp, ms in TRUTH:
        cells = [f"{depth:.2f}", f"{density:.4f}", f"{vp:,.2f}", f"{ms:.2f}"]
        swap = str.maketrans({".": point, ",": thousands})
        writer.writerow([cell.translate(swap) for cell in cells])
    return out.getvalue()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    point=st.sampled_from([".", ","]),
    thousands=st.sampled_from(["", " ", "'", ",", "."]),
    is_quoted=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"]),
    n_titles=st.integers(0, 30),
    tail=st.sampled_from(["", "\n\n", "Mean of the core\n"]),
)
def test_any_encoding_line_end_and_decimal_sign_gives_the_same_rows(
    delimiter: str, point: str, thousands: str, *, is_quoted: bool, newline: str, encoding: str,
    n_titles: int, tail: str, tmp_path: Path,
) -> None:  # fmt: skip
    if thousands == point:
        thousands = ""
    titles = "".join(f"# Kernstück {i}, 21 °C\n" for i in range(n_titles))
    text = titles + dialect(delimiter, point, thousands, is_quoted=is_quoted) + tail
    log = read(tmp_path, text.replace("\n", newline).encode(encoding))

    got = np.column_stack([log.core_depth_cm, log.values])[:30]
    np.testing.assert_allclose(got, TRUTH)


def test_columns_may_be_set_apart_by_blanks(tmp_path: Path) -> None:
    assert is_the_table(read(tmp_path, table().replace(",", "   ")))
    assert is_the_table(read(tmp_path, table().replace(",", " ")))


def test_a_decimal_comma_between_commas_is_refused_with_the_way_out(tmp_path: Path) -> None:
    lines = table().splitlines()
    text = "\n".join([lines[0], *(line.replace(".", ",") for line in lines[1:])])

    with pytest.raises(LogError, match="semicolons or tabs"):
        read(tmp_path, text)


def test_a_line_break_within_quotes_is_no_new_row(tmp_path: Path) -> None:
    head = '"sb_depth_cm","density\n(g/cc)","pwave_vel\r\n(m/s)","mag_sus\n(SI)"'
    lines = table().splitlines()
    assert is_the_table(read(tmp_path, "\n".join([head, *lines[1:]])))
    lines[6] += ',"cracked,\nsee photo"'
    assert is_the_table(read(tmp_path, "\n".join(lines)))


def test_trailing_commas_and_blank_lines_change_nothing(tmp_path: Path) -> None:
    assert is_the_table(read(tmp_path, table().replace("\n", ",,,\n\n")))


def test_two_logs_joined_in_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="joined in one file"):
        read(tmp_path, table() + table())
    with pytest.raises(LogError, match="another header"):
        read(tmp_path, table() + table((NAMES[0], *NAMES[:0:-1])))


def test_joined_geotek_logs_of_two_cores_are_refused(tmp_path: Path) -> None:
    rows = [f"{i}.5\t1\t{i}.5\t1520\t1.45\t40" for i in range(20)]
    one = "\n".join(["\t".join(GEOTEK), "cm\t\tcm\tm/s\tgm/cc\tSI", *rows])

    with pytest.raises(LogError, match="joined in one file"):
        read(tmp_path, f"Core: A\n{one}\nCore: B\n{one}\n", "A.out")


def test_a_header_on_every_page_is_left_out(tmp_path: Path) -> None:
    lines = table().splitlines()
    assert is_the_table(read(tmp_path, "\n".join([*lines[:16], lines[0], *lines[16:]])))


def test_depth_that_is_negative_throughout_loses_its_sign_and_it_is_said(tmp_path: Path) -> None:
    log = read(tmp_path, table(scale=(-1, 1, 1, 1)))

    assert is_the_table(log)
    assert any("negative throughout" in text for text in log.warnings)


def test_rows_out_of_order_or_of_one_depth_are_said(tmp_path: Path) -> None:
    lines = table().splitlines()
    log = read(tmp_path, "\n".join([lines[0], *lines[10:], *lines[1:10], lines[5]]))

    assert any("goes back" in text for text in log.warnings)
    assert any("1 rows repeat a depth" in text for text in log.warnings)


def test_a_file_that_is_no_log_says_why(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for text, why in (
        ("Tiefe,Dichte\n1,1.5\n", "names no depth"),
        ("depth,colour\n1,5Y\n", "not both"),
        ("my depth,my density\n1,1.5\n", "my depth, my density"),
        ("", "empty"),
    ):
        path.write_text(text)
        assert why in why_not_a_log(path)


def test_without_any_decimals_a_comma_is_not_guessed() -> None:
    got = numbers_of(["1,520", "1,530"], Decimal.UNKNOWN)

    assert got.is_unreadable.all()
