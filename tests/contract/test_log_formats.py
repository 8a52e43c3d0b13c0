"""What every log format promises, on the samples that ``log_samples`` writes."""

import hashlib
import importlib
import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_samples import PLAIN, ROWS, Sample, variants

from downcore.loggers import (
    CREDIBLE,
    HEAD_BYTES,
    CoreLog,
    LogError,
    LogFlag,
    log_format_of,
    log_formats,
    read_log,
)

VARIANTS = tuple(variants())
every_variant = pytest.mark.parametrize(
    "sample", VARIANTS, ids=[f"{one.format}-{one.label}" for one in VARIANTS]
)
every_plain = pytest.mark.parametrize(
    "sample", PLAIN, ids=[f"{one.format}-{one.label}" for one in PLAIN]
)


def written(sample: Sample, folder: Path) -> Path:
    path = folder / "LAKE21-1A.csv"
    path.write_bytes(sample.content)
    return path


def with_cell(sample: Sample, field: str, text: str) -> bytes:
    """Return the sample with one more row, whose cell of a field is ``text``."""
    cells = [text if column.field == field else column.cell(ROWS[0]) for column in sample.columns]
    return replace(sample, extra=(sample.delimiter.join(cells),)).content


def values_of(log: CoreLog, field: str) -> np.ndarray:
    return {
        "section_depth": log.section_depth_cm,
        "core_depth": log.core_depth_cm,
        "density": log.density,
        "vp": log.vp,
        "ms": log.ms,
    }[field]


def test_every_format_has_a_sample_and_is_named_as_its_module() -> None:
    assert set(log_formats()) == {sample.format for sample in PLAIN}
    for name, fmt in log_formats().items():
        assert importlib.import_module(f"downcore.loggers.{name}").LOG_FORMAT is fmt


@every_variant
def test_a_log_is_of_its_own_format_and_of_no_other(sample: Sample) -> None:
    head = sample.content[:HEAD_BYTES]

    claims = [name for name, fmt in log_formats().items() if fmt.looks_like(head)]

    assert claims == [sample.format]


@every_variant
def test_numbers_are_those_that_were_written_whatever_the_layout(
    sample: Sample, tmp_path: Path
) -> None:
    log = read_log(written(sample, tmp_path))

    assert log.format == sample.format
    assert len(log) == len(ROWS)
    for field in ("section_depth", "core_depth", "density", "vp", "ms"):
        np.testing.assert_allclose(
            values_of(log, field), sample.expected(field), rtol=1e-12, err_msg=field
        )
    if "section" in sample.fields:
        assert log.section == tuple(row[0] for row in ROWS)


@every_plain
def test_every_other_format_refuses_to_read_it(sample: Sample, tmp_path: Path) -> None:
    path = written(sample, tmp_path)
    for name, fmt in log_formats().items():
        if name != sample.format:
            with pytest.raises(LogError, match="expected"):
                fmt.read(path)


@every_plain
def test_out_of_range_is_flagged_and_not_changed(sample: Sample, tmp_path: Path) -> None:
    log = read_log(written(sample, tmp_path))

    for k, credible in enumerate(CREDIBLE):
        values = np.array(sample.expected(credible.property))
        outside = (values < credible.lowest) | (values > credible.highest)
        flagged = (log.flags[:, k] & LogFlag.OUT_OF_RANGE) > 0
        assert flagged.tolist() == outside.tolist(), credible.property


@every_plain
@pytest.mark.parametrize("text", ["void", "1.2.3", "inf", "1e999", "0x10", "\uff11"])
def test_text_in_place_of_a_number_is_flagged_and_nan(
    sample: Sample, text: str, tmp_path: Path
) -> None:
    for k, credible in enumerate(CREDIBLE):
        if credible.property in sample.fields:
            path = tmp_path / "odd.csv"
            path.write_bytes(with_cell(sample, credible.property, text))
            log = read_log(path)
            assert np.isnan(log.values[-1, k])
            assert log.flags[-1, k] == LogFlag.UNREADABLE
            assert any(credible.property in text for text in log.warnings)


@every_plain
def test_a_decimal_comma_is_told_and_not_mended(sample: Sample, tmp_path: Path) -> None:
    semicolons = tuple(line.replace(",", ";") for line in sample.before)
    delimiter = ";" if sample.delimiter == "," else sample.delimiter
    sample = replace(sample, delimiter=delimiter, before=semicolons)
    for k, credible in enumerate(CREDIBLE):
        if credible.property in sample.fields:
            path = tmp_path / "comma.csv"
            path.write_bytes(with_cell(sample, credible.property, "1,25"))
            log = read_log(path)
            assert log.flags[-1, k] == LogFlag.UNREADABLE
            assert any("decimal comma" in text for text in log.warnings)


@every_plain
@pytest.mark.parametrize("text", ["", "NA", "NaN", " "])
def test_a_blank_is_nan_and_no_fault(sample: Sample, text: str, tmp_path: Path) -> None:
    for k, credible in enumerate(CREDIBLE):
        if credible.property in sample.fields:
            path = tmp_path / "blank.csv"
            path.write_bytes(with_cell(sample, credible.property, text))
            log = read_log(path)
            assert np.isnan(log.values[-1, k])
            assert log.flags[-1, k] == LogFlag.NONE


@every_plain
def test_a_short_row_lacks_what_it_lacks(sample: Sample, tmp_path: Path) -> None:
    first = sample.columns[0].cell(ROWS[0])
    path = tmp_path / "short.csv"
    path.write_bytes(replace(sample, extra=(first,)).content)

    log = read_log(path)

    assert len(log) == len(ROWS) + 1
    assert np.isnan(log.values[-1]).all()
    assert any("short" in text for text in log.warnings)


@every_plain
@pytest.mark.parametrize("text", ["cal", "Cal 1", "CALIBRATION"])
def test_rows_of_the_calibration_piece_are_left_out(
    sample: Sample, text: str, tmp_path: Path
) -> None:
    if "section" not in sample.fields:
        pytest.skip("this layout says no section")
    path = tmp_path / "cal.csv"
    path.write_bytes(with_cell(sample, "section", text))

    log = read_log(path)

    assert len(log) == len(ROWS)
    assert any("calibration" in text for text in log.warnings)


@every_plain
def test_a_header_repeated_further_down_is_no_data(sample: Sample, tmp_path: Path) -> None:
    if sample.is_header_split:
        pytest.skip("its halves are rows of text, which are flagged")
    title = sample.delimiter.join(column.title for column in sample.columns)
    path = tmp_path / "twice.csv"
    path.write_bytes(replace(sample, extra=(title,)).content)

    assert len(read_log(path)) == len(ROWS)


@every_plain
def test_a_log_says_where_it_comes_from_and_leaves_it_alone(sample: Sample, tmp_path: Path) -> None:
    path = written(sample, tmp_path)
    path.chmod(stat.S_IRUSR)

    log = read_log(path)

    assert log.source == path.name
    assert log.sha256 == hashlib.sha256(sample.content).hexdigest()
    assert path.read_bytes() == sample.content
    assert all(log.core), "every row names its core, by the file if need be"
    assert log.flags.shape == (len(log), 3)
    if "ms" not in sample.fields:
        assert "ms" not in log.excluded


@every_plain
def test_a_file_without_rows_is_refused(sample: Sample, tmp_path: Path) -> None:
    whole = sample.content.decode(sample.encoding).split(sample.newline)
    path = tmp_path / "empty.csv"
    path.write_bytes("\n".join(whole[: -len(ROWS) - 1]).encode(sample.encoding))

    with pytest.raises(LogError, match="expected"):
        read_log(path)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 4096,
        b"\xff\xfe",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8,
        b"sb_depth_cm,density\0,pwave_vel,mag_sus\n1,1.2,1500,30\n",
        b'sb_depth_cm,density,pwave_vel,mag_sus\n1,"1.2,1500,30\n2,1.3,1500,31\n',
        b"sb_depth_cm,density\n1," + b"9" * 200_000 + b"\n",
        b",,,,\n" * 100,
        b"<html><body>sb_depth_cm,density</body></html>",
    ],
    ids=["empty", "zeros", "mark", "picture", "NUL", "open quote", "long", "commas", "page"],
)
def test_what_is_no_log_is_refused(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "no.csv"
    path.write_bytes(raw)

    with pytest.raises(LogError, match="expected"):
        read_log(path)
    for fmt in log_formats().values():
        with pytest.raises(LogError, match="expected"):
            fmt.read(path)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path, tmp_path / "pipe.csv", tmp_path / "absent.csv"):
        with pytest.raises(LogError, match="expected"):
            log_format_of(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    which=st.integers(0, len(PLAIN) - 1),
    at=st.floats(0, 1),
    put=st.binary(max_size=12),
    drop=st.integers(0, 40),
)
def test_a_damaged_log_is_read_or_refused_and_nothing_else(
    which: int, at: float, put: bytes, drop: int, tmp_path: Path
) -> None:
    whole = PLAIN[which].content
    place = int(at * len(whole))
    path = tmp_path / "damaged.csv"
    path.write_bytes(whole[:place] + put + whole[place + drop :])

    refused, log = "", None
    try:
        log = read_log(path)
    except LogError as error:
        refused = str(error)

    assert log is not None or "expected" in refused
    assert log is None or (len(log) > 0 and not np.isinf(log.values).any())
