"""What the files beside an image say of it: Geotek XML, Itrax documents, raw headers."""

import contextlib
import os
import re
import tempfile
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from downcore.ports import ScanDescription
from downcore.sources import Reading, format_of, formats, head_of
from downcore.strata.errors import (
    DowncoreError,
    GrowingError,
    HostileFileError,
    SegmentError,
    UnknownScaleError,
)

LINES = np.full((24, 9, 3), 77, dtype=np.uint8)
REAL = Path(
    os.environ.get("DOWNCORE_REAL_DATA", Path(__file__).parents[2].parent / "shared/data/real")
)


def geotek_section(folder: Path, number: int, **tags: str) -> Path:
    path = folder / f"GC01_{number:02}.tif"
    tifffile.imwrite(path, LINES, photometric="rgb", metadata=None)
    tags = {"coreID": "GC01", "section-number": str(number), "pixels-per-CM": "20"} | tags
    body = "".join(f"<{tag}> {text}</{tag}>\n" for tag, text in tags.items())
    path.with_suffix(".xml").write_text(f"<geotek-image>{body}</geotek-image>")
    return path


def described(path: Path, reading: Reading | None = None) -> ScanDescription:
    fmt = format_of(path, head_of(path))
    assert fmt is not None
    with closing(fmt.open((path,), reading or Reading())) as scan:
        return scan.description


def top_tags(top: str, height: str = "150") -> dict[str, str]:
    return {"physical-top": top, "physical-height": height}


@pytest.mark.parametrize(
    "tag", ["pixels-per-CM", "Pixels-Per-cm", "pixelsPerCM", "pixels_per_cm", "PIXELS-PER-CM"]
)
def test_the_scale_is_found_however_its_tag_is_spelt(tmp_path: Path, tag: str) -> None:
    path = geotek_section(tmp_path, 1)
    path.with_suffix(".xml").write_text(f"<geotek-image><{tag}>  99,25 </{tag}></geotek-image>")

    says = described(path)

    assert (says.px_per_cm, says.px_per_cm_from) == ("99.25", "GC01_01.xml")


@pytest.mark.parametrize("tag", ["Section-ID", "section-id", "sectionID", "section-number"])
def test_the_section_is_found_however_its_tag_is_spelt(tmp_path: Path, tag: str) -> None:
    path = geotek_section(tmp_path, 1)
    path.with_suffix(".xml").write_text(
        f"<geotek-image><{tag}> 7 </{tag}><pixels-per-CM>20</pixels-per-CM></geotek-image>"
    )

    assert described(path).section == "7"


@pytest.mark.parametrize(("top", "expected_um"), [("226.5", 2_265_000), ("22650", 2_265_000)])
def test_the_tops_unit_is_decided_by_the_section_above(
    tmp_path: Path, top: str, expected_um: int
) -> None:
    above = "76.5" if "." in top else "7650"
    geotek_section(tmp_path, 2, **top_tags(above))
    path = geotek_section(tmp_path, 3, **top_tags(top))

    says = described(path)

    assert says.section_top_um == expected_um
    assert not [words for words in says.warnings if "physical-top" in words]


@pytest.mark.parametrize(("top", "expected_um"), [("140", 1_400_000), ("14000", 1_400_000)])
def test_without_a_section_above_the_top_must_be_within_reach(
    tmp_path: Path, top: str, expected_um: int
) -> None:
    assert described(geotek_section(tmp_path, 2, **top_tags(top))).section_top_um == expected_um


@pytest.mark.parametrize("top", ["7", "999999"])
def test_a_top_that_fits_neither_unit_is_left_open_with_a_warning(tmp_path: Path, top: str) -> None:
    says = described(geotek_section(tmp_path, 2, **top_tags(top)))

    assert says.section_top_um is None
    assert any("left open" in words for words in says.warnings)


def test_the_top_of_the_first_section_is_zero_in_any_unit(tmp_path: Path) -> None:
    assert described(geotek_section(tmp_path, 1, **top_tags("0"))).section_top_um == 0


def test_a_length_that_contradicts_the_scale_is_told(tmp_path: Path) -> None:
    says = described(geotek_section(tmp_path, 1, **{"physical-height": "150"}))

    assert any("3000 lines; the image has 24" in words for words in says.warnings)


def test_a_sidecar_that_is_not_whole_yet_is_waited_for(tmp_path: Path) -> None:
    path = geotek_section(tmp_path, 1)
    sidecar = path.with_suffix(".xml")
    sidecar.write_text(sidecar.read_text()[:-20])

    with pytest.raises(GrowingError, match=r"GC01_01\.xml"):
        described(path)
    says = described(path, Reading(px_per_cm="20"))
    assert any("was not read" in words for words in says.warnings)


def test_a_section_without_its_sidecar_asks_for_the_scale_and_finds_it_later(
    tmp_path: Path,
) -> None:
    path = geotek_section(tmp_path, 1)
    sidecar = path.with_suffix(".xml")
    hidden = sidecar.rename(tmp_path / "elsewhere.txt")
    with pytest.raises(UnknownScaleError):
        described(path)

    hidden.rename(sidecar)

    assert described(path).format_name == "geotek"


def test_section_1_does_not_take_the_sidecar_of_section_10(tmp_path: Path) -> None:
    path = geotek_section(tmp_path, 1)
    path.with_suffix(".xml").rename(tmp_path / "GC01_010.xml")

    fmt = format_of(path, head_of(path))

    assert fmt is not None
    assert fmt.name == "plain_tiff"


def test_an_xml_that_defines_entities_is_refused(tmp_path: Path) -> None:
    path = geotek_section(tmp_path, 1)
    path.with_suffix(".xml").write_text(
        '<!DOCTYPE geotek-image [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        "<geotek-image><coreID>&b;</coreID></geotek-image>"
    )

    with pytest.raises(HostileFileError, match="entities"):
        described(path)


XML = "<geotek-image><coreID>GÜ01</coreID><pixels-per-CM>20</pixels-per-CM></geotek-image>"


@pytest.mark.parametrize("declared", ["ANSI", "Unicode", "no-such-encoding", "utf-16", "hex", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
def test_an_xml_is_read_whatever_encoding_it_claims(
    tmp_path: Path, declared: str, encoding: str
) -> None:
    path = geotek_section(tmp_path, 1)
    text = f'<?xml version="1.0" encoding="{declared}"?>\r\n{XML}\r\n'
    path.with_suffix(".xml").write_bytes(text.encode(encoding) + bytes(64))

    says = described(path)

    assert (says.px_per_cm, says.core) == ("20", "GÜ01")


def test_a_declared_encoding_that_is_right_is_believed(tmp_path: Path) -> None:
    path = geotek_section(tmp_path, 1)
    text = f'<?xml version="1.0" encoding="shift_jis"?>{XML}'.replace("GÜ01", "琵琶湖")
    path.with_suffix(".xml").write_bytes(text.encode("shift_jis"))

    assert described(path).core == "琵琶湖"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_entities_are_refused_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = geotek_section(tmp_path, 1)
    bomb = f'<!DOCTYPE g [<!ENTITY a "{"a" * 400}">]>' + XML.replace("GÜ01", "&a;" * 5000)
    path.with_suffix(".xml").write_bytes(bomb.encode(encoding))

    with pytest.raises(HostileFileError, match="entities"):
        described(path)


@pytest.mark.parametrize("name", ["x" * 5000, "a &#9; b"])
def test_a_core_name_that_no_person_wrote_is_left_out(tmp_path: Path, name: str) -> None:
    assert described(geotek_section(tmp_path, 1, coreID=name)).core is None


@pytest.mark.parametrize("number", ["1e9999999", "nan", "inf", "9" * 5000, "-20", ""])
def test_a_scale_that_is_no_number_is_asked_for(tmp_path: Path, number: str) -> None:
    path = geotek_section(tmp_path, 1, **{"pixels-per-CM": number})

    with pytest.raises(UnknownScaleError):
        described(path)


def itrax_scan(folder: Path, optical: str, n_columns: int = 240) -> Path:
    path = folder / "optical.tif"
    tifffile.imwrite(path, np.full((9, n_columns, 3), 77, np.uint8), photometric="rgb")
    (folder / "document.txt").write_text(
        f"Station no:\tCore no:\tSection name\nLake\tLP1A\tLP1A_XRF\nStep size\t2000\tmicrons\n"
        f"{optical}"
    )
    return path


@pytest.mark.parametrize("step", ["500\tmicrons", "0.5\tmicrons", "0,5\tmm"])
def test_an_itrax_scale_is_its_columns_over_the_optical_range(tmp_path: Path, step: str) -> None:
    optical = f"Optical Start\t0.5\tOptical End\t120.5\nStep size\t{step}\n"

    says = described(itrax_scan(tmp_path, optical))

    assert Fraction(says.px_per_cm) == 20
    assert (says.top, says.core, says.section) == ("left", "LP1A", "LP1A_XRF")


@pytest.mark.parametrize(
    "optical",
    [
        "Optical Start\t0.5\tOptical End\t240.5\nStep size\t500\tmicrons\n",
        "Optical Start\t0.5\tOptical End\t203.3\n",
    ],
    ids=["a step size that disagrees", "no step size and an odd ratio"],
)
def test_a_cropped_itrax_image_asks_for_its_scale(tmp_path: Path, optical: str) -> None:
    path = itrax_scan(tmp_path, optical)

    with pytest.raises(UnknownScaleError, match="cropped or resampled"):
        described(path)
    says = described(path, Reading(px_per_cm="20"))
    assert any("is lost" in words for words in says.warnings)


@pytest.mark.parametrize("name", ["optical.tif", "optical0.tif", "optical1.tif", "Optical.TIFF"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("words", ["Optical Start", "Optical start", "OPTICAL START"])
def test_an_itrax_scan_is_read_whatever_its_number_encoding_and_capitals(
    tmp_path: Path, name: str, encoding: str, words: str
) -> None:
    path = itrax_scan(tmp_path, "")
    text = f"a\tb\nc\tCore\tSection\n{words}\t0,5\tOptical End\t240.5\nStep size\t0.05\tmm\n"
    n_columns = 240 * 20
    image = np.full((20, n_columns, 3), 90, np.uint8)
    path.unlink()
    path = path.with_name(name)
    tifffile.imwrite(path, image, photometric="rgb", metadata=None)
    path.with_name("document.txt").write_bytes(text.encode(encoding))

    says = described(path)

    assert (says.format_name, says.px_per_cm, says.top) == ("itrax", "200", "left")


@pytest.mark.parametrize("apart", [";", "    ", " ; "])
def test_an_itrax_document_may_have_other_signs_than_tabs_between(
    apart: str, tmp_path: Path
) -> None:
    path = itrax_scan(tmp_path, "Optical Start\t0.5\tOptical End\t12.5\t\nStep size\t0.05\n")
    document = path.with_name("document.txt")
    document.write_text(document.read_text().replace("\t", apart))

    assert described(path).px_per_cm == "200"


def test_an_itrax_document_of_blanks_takes_no_time(tmp_path: Path) -> None:
    path = itrax_scan(tmp_path, "Optical Start" + " " * 60_000)

    with pytest.raises(SegmentError, match="no optical range"):
        described(path)


def test_an_itrax_range_that_runs_back_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownScaleError, match="run back, from 60 to 0"):
        described(itrax_scan(tmp_path, "Optical Start\t60.0\tOptical End\t0.0\t\n"))


def test_an_itrax_range_whose_last_digits_may_still_come_is_not_used(tmp_path: Path) -> None:
    path = itrax_scan(tmp_path, "Optical Start\t0.5\tOptical End\t12")

    with pytest.raises(UnknownScaleError, match="no optical range"):
        described(path)


@pytest.mark.parametrize(
    ("start", "end"),
    [("9" * 5000, "1" * 5000), ("0", "0." + "0" * 400 + "1")],
    ids=["5000 digits", "400 zeros"],
)
def test_itrax_numbers_of_absurd_length_are_refused_and_shown_in_short(
    tmp_path: Path, start: str, end: str
) -> None:
    path = itrax_scan(tmp_path, f"Optical Start\t{start}\tOptical End\t{end}\t\n")

    with pytest.raises(HostileFileError, match=r"at most 12 digits .* got '[0-9.]+\.\.\.'.*again"):
        described(path)
    assert "was not read" in described(path, Reading(px_per_cm="20")).warnings[0]


@pytest.mark.skipif(not REAL.is_dir(), reason="no real scans; set DOWNCORE_REAL_DATA")
@pytest.mark.parametrize(
    ("name", "px_per_cm"),
    [
        ("lago_pato_lp16/LP161B", 20),
        ("lago_pato_lp16/LP163A_500um", 20),
        ("fildes_kite/Kite2.1_top", 20),
        ("yanou_unlabelled/YAN8B1_200um", 20),
        ("lago_pato_lp16/LP162A", None),
        ("yanou_unlabelled/YAN8B1_2mm", None),
    ],
)
def test_real_itrax_scans_give_their_scale_or_ask_for_it(name: str, px_per_cm: int | None) -> None:
    path = REAL / name / "optical.tif"

    if px_per_cm is None:
        with pytest.raises(UnknownScaleError):
            described(path)
    else:
        assert Fraction(described(path).px_per_cm) == px_per_cm


def test_a_raw_scan_whose_header_gets_its_lines_at_the_end_grows_until_then(tmp_path: Path) -> None:
    header, raw = tmp_path / "a.hdr", tmp_path / "a.raw"
    text = "ENVI\nsamples = 9\nlines = {}\nbands = 3\ndata type = 1\npixels per cm = 20\n"
    header.write_text(text.format(0))
    raw.write_bytes(LINES[:10].tobytes())

    with closing(formats()["raw_header"].open((raw,), Reading())) as scan:
        assert scan.refresh() == (10, False)
        assert scan.n_lines_expected is None
        raw.write_bytes(LINES.tobytes())
        header.write_text(text.format(24))
        assert scan.refresh() == (24, True)
        assert scan.n_lines_expected == 24


@pytest.mark.parametrize(
    "wrong", ["bands = 1", "interleave = bsq", "data type = 4"], ids=["grey", "bsq", "float"]
)
def test_a_raw_scan_of_another_kind_is_refused(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "a.hdr").write_text(f"samples = 9\nlines = 24\nbands = 3\ndata type = 1\n{wrong}\n")
    (tmp_path / "a.raw").write_bytes(LINES.tobytes())

    with pytest.raises(SegmentError, match="expected 3 bands, interleave bip or bil"):
        formats()["raw_header"].open((tmp_path / "a.raw",), Reading(px_per_cm="20"))


SIDECARS = {
    "GC01_01.tif": (
        "GC01_01.xml",
        (
            '<?xml version="1.0" encoding="utf-8"?><geotek-image><coreID>GC01</coreID>'
            "<section-number>2</section-number><physical-top>150.5</physical-top>"
            "<physical-height>150</physical-height><pixels-per-CM>20</pixels-per-CM></geotek-image>"
        ),
    ),
    "optical.tif": (
        "document.txt",
        (
            "Station\tCore no:\tSection name\nLake\tLP1A\tLP1A_XRF\nStep size\t2000\tmicrons\n"
            "Optical Start\t0.5\tOptical End\t120.5\t\nStep size\t500\tmicrons\n"
        ),
    ),
    "lines.raw": (
        "lines.hdr",
        (
            "ENVI\nsamples = 9\nlines = 24\nbands = 3\nheader offset = 0\ndata type = 1\n"
            "interleave = bip\nbyte order = 0\npixels per cm = 20\n"
        ),
    ),
}

PIECES = st.sampled_from(
    [b"9" * 5000, b"1e999999999", b"0." + b"0" * 400 + b"1", b"-1", b"1/0", b"nan", b"\xff\xfe",
     b"\0", b"<", b">", b"&#0;", b"&#x10ffff;", b"\x1b[2J", "٣²".encode(), b"\xed\xa0\x80", b"\t",
     b"encoding='unicode_escape'", b"encoding='idna'", b"<!DOCTYPE", b"]]>", b"<a>" * 3000, b""]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, text: str) -> bytes:
    """Return a sidecar some of whose numbers, words or bytes were replaced."""
    words = re.split(rb"([0-9.]+|[A-Za-z-]+)", text.encode(draw(st.sampled_from(ENCODINGS))))
    for _ in range(draw(st.integers(1, 3))):
        i = draw(st.integers(0, len(words) - 1))
        words[i] = draw(st.one_of(PIECES, st.binary(max_size=6)))
    return b"".join(words)


ENCODINGS = ["utf-8", "utf-16", "utf-16-be", "utf-8-sig"]


@pytest.mark.parametrize("name", SIDECARS)
@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_sidecar_does_more_than_have_its_scan_refused(name: str, data: st.DataObject) -> None:
    beside, text = SIDECARS[name]
    content = data.draw(damaged(text))
    reading = data.draw(st.sampled_from([Reading(), Reading(px_per_cm="20")]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        if path.suffix == ".raw":
            path.write_bytes(bytes(24 * 9 * 3))
        else:
            tifffile.imwrite(path, np.full((9, 240, 3), 77, np.uint8), photometric="rgb")
        path.with_name(beside).write_bytes(content)
        fmt = format_of(path, head_of(path))
        with contextlib.suppress(DowncoreError):
            if fmt is not None:
                with closing(fmt.open((path,), reading)) as scan:
                    told = scan.description
                    assert len(told.core or "") <= 80
                    assert len(" ".join(told.warnings)) < 1500
                    scan.refresh(is_still=True)
