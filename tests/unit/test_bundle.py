"""The manifest: what may be written is what may be read, and nothing else."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.strata.bundle import (
    Manifest,
    OnnxFile,
    OutputScaling,
    Quantisation,
    manifest_text,
    parse_manifest,
)
from downcore.strata.errors import BundleError
from downcore.strata.properties import PROPERTIES
from downcore.strata.widening import Widening
from downcore.strata.window_colour import ColourLimits
from downcore.strata.windows import Window

DIGEST = "0" * 64
NUMBERS = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-6, 1e6)
WINDOWS = st.builds(
    Window, st.integers(0, 30), st.integers(1, 30), st.integers(0, 30), st.booleans()
)
SPANS = st.tuples(st.floats(-1, 0), st.floats(0, 10))
BY_PROPERTY = st.fixed_dictionaries({p.name: NUMBERS for p in PROPERTIES})


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    limit = draw(st.none() | POSITIVE)
    widening = st.builds(
        Widening,
        st.just(0.0 if limit is None else limit / 2),
        st.dictionaries(st.sampled_from([p.name for p in PROPERTIES]), st.floats(1, 9)),
    )
    return Manifest(
        network=draw(st.text()),
        title=draw(st.text()),
        created_utc="2026-01-01T00:00:00Z",
        precision=draw(st.sampled_from(["int8", "bf16", "f16", "f32"])),
        files=dict.fromkeys(["model.xml", "model.bin", "golden.npz", "recipe.toml"], DIGEST),
        outputs=tuple(
            OutputScaling(
                p.name, p.unit, p.is_log_scaled, draw(NUMBERS), *(draw(POSITIVE) for _ in range(3))
            )
            for p in PROPERTIES
        ),
        trained_px_per_cm=(60.0, draw(st.floats(60, 1000))),
        golden_tolerance=draw(POSITIVE),
        training_data=draw(st.text()),
        bundle_id="",
        quantisation=Quantisation(
            method="nncf-symmetric",
            n_calibration_tiles=draw(st.integers(0, 10_000)),
            n_checked_tiles=1,
            r2_loss=draw(BY_PROPERTY),
            p95_deviation=draw(BY_PROPERTY),
            reference_sha256=DIGEST,
        ),
        metrics=draw(st.dictionaries(st.text(), BY_PROPERTY, max_size=3)),
        code_version="0.1.0",
        recipe_sha256=DIGEST,
        novelty_threshold=limit,
        false_abstain_share=draw(st.floats(0, 1)),
        n_novelty_tiles=draw(st.integers(0, 10_000)),
        data_sha256={"training": DIGEST},
        extra_files={"model.onnx": DIGEST},
        onnx=draw(st.none() | st.builds(OnnxFile, st.just("int8"), POSITIVE, BY_PROPERTY)),
        golden_deviation_without_vnni=draw(st.none() | POSITIVE),
        window=draw(st.none() | WINDOWS),
        colour_limits=draw(st.none() | st.builds(ColourLimits, POSITIVE, SPANS, SPANS)),
        widening=None if limit is None else draw(st.none() | widening),
    )


A_WINDOW = {"above_cm": 1, "rows_cm": 3, "below_cm": 1, "needs_white_board": False}


def raw_manifest() -> dict[str, Any]:
    text = manifest_text(
        Manifest(
            network="small",
            title="Small",
            created_utc="2026-01-01T00:00:00Z",
            precision="int8",
            files=dict.fromkeys(["model.xml", "model.bin", "golden.npz"], DIGEST),
            outputs=tuple(
                OutputScaling(p.name, p.unit, p.is_log_scaled, 1.0, 1.0, 1.6, 0.1)
                for p in PROPERTIES
            ),
            trained_px_per_cm=(60.0, 400.0),
            golden_tolerance=0.05,
            training_data="nothing",
            bundle_id="",
        )
    )
    raw: dict[str, Any] = json.loads(text)
    return raw


@given(manifests())
def test_what_is_written_is_read_back(manifest: Manifest) -> None:
    got = parse_manifest(manifest_text(manifest))
    assert len(got.bundle_id) == 16
    assert dataclasses.replace(got, bundle_id="") == manifest


@given(manifests())
def test_the_same_manifest_gives_the_same_text_and_id(manifest: Manifest) -> None:
    text = manifest_text(manifest)
    assert manifest_text(parse_manifest(text)) == text
    assert parse_manifest(text).bundle_id == parse_manifest(text).bundle_id


def test_one_other_digit_gives_another_id() -> None:
    raw = raw_manifest()
    before = parse_manifest(json.dumps(raw)).bundle_id
    raw["golden_tolerance"] = 0.050001
    assert parse_manifest(json.dumps(raw)).bundle_id != before


@pytest.mark.parametrize(
    "key", sorted(raw_manifest().keys() - {"window", "colour_limits", "widening"})
)
def test_a_missing_key_is_named(key: str) -> None:
    raw = raw_manifest()
    del raw[key]
    with pytest.raises(BundleError, match=f"the key '{key}', got none"):
        parse_manifest(json.dumps(raw))


@pytest.mark.parametrize("key", sorted(A_WINDOW))
def test_a_missing_key_of_a_window_is_named(key: str) -> None:
    raw = raw_manifest()
    raw["window"] = {name: value for name, value in A_WINDOW.items() if name != key}
    with pytest.raises(BundleError, match=f"window: expected the key '{key}', got none"):
        parse_manifest(json.dumps(raw))


def test_a_bundle_older_than_windows_has_none() -> None:
    raw = raw_manifest()
    del raw["window"], raw["colour_limits"], raw["widening"]
    manifest = parse_manifest(json.dumps(raw))
    assert (manifest.colour_limits, manifest.widening) == (None, None)
    assert manifest.window is None
    assert (manifest.input_shape, manifest.rows_per_input) == ((200, 200, 3), 1)


def test_a_window_sets_the_shape_of_the_input() -> None:
    manifest = parse_manifest(json.dumps({**raw_manifest(), "window": A_WINDOW}))
    assert (manifest.input_shape, manifest.rows_per_input) == ((100, 200, 4), 3)


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(BundleError, match="unknown key colour"):
        parse_manifest(json.dumps({**raw_manifest(), "colour": 1}))


@pytest.mark.parametrize("version", [0, 1, "2", None])
def test_an_older_or_odd_version_is_refused_and_says_to_export_again(version: object) -> None:
    with pytest.raises(BundleError, match=r"bundle format 2, got .*export the bundle again"):
        parse_manifest(json.dumps({**raw_manifest(), "format_version": version}))


def test_a_newer_version_is_refused_and_says_to_update() -> None:
    with pytest.raises(BundleError, match=r"expected bundle format 2, got 3: .*newer downcore"):
        parse_manifest(json.dumps({**raw_manifest(), "format_version": 3}))


@pytest.mark.parametrize(
    "name", ["../model.bin", "/model.bin", "a/b", ".hidden", "manifest.json", "", "x" * 200, "a\0b"]
)
def test_a_file_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    raw = raw_manifest()
    raw["files"][name] = DIGEST
    with pytest.raises(BundleError, match="no plain file name"):
        parse_manifest(json.dumps(raw))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("network", 3, "network: expected a text, got 3"),
        ("precision", "int4", "'int4' is none of int8, bf16, f16, f32"),
        ("golden_tolerance", "0.1", "expected a number, got '0.1'"),
        ("golden_tolerance", True, "golden_tolerance: expected a number, got True"),
        ("golden_tolerance", 0, "a golden tolerance > 0"),
        ("golden_tolerance", 10**400, "wrong"),
        ("trained_px_per_cm", [60], "trained_px_per_cm: expected 2 values, got 1"),
        ("trained_px_per_cm", [400, 60], "lowest <= highest"),
        ("files", {"model.xml": DIGEST}, "files lack golden.npz, model.bin"),
        ("files", [], "files: expected a table"),
        ("novelty_threshold", 0, "a novelty threshold > 0"),
        ("novelty_threshold", "5", "novelty_threshold: expected a number, got '5'"),
        ("extra_files", {"../x": DIGEST}, "no plain file name"),
        ("data_sha256", {"training": 1}, "data_sha256.training: expected a text, got 1"),
        ("data_sha256", [], "expected a manifest"),
        ("onnx", {"precision": "int8"}, "onnx: .* key 'golden_deviation'"),
        ("outputs", [], "at least one output"),
        ("outputs", {}, "outputs: expected a list"),
        (
            "metrics",
            {"test": {"density.r2": None}},
            "metrics.test.density.r2: expected a number, got None",
        ),
        ("quantisation", {"method": "x"}, "key 'n_calibration_tiles'"),
        ("window", {"above_cm": 1, "rows_cm": 1}, "window: expected the key 'below_cm'"),
        ("window", {**A_WINDOW, "rows_cm": 0}, "a window of 1 row or more"),
        ("window", {**A_WINDOW, "above_cm": 0.5}, "above_cm: expected a whole number, got 0.5"),
        ("window", {**A_WINDOW, "below_cm": 100}, "a window of at most 100 cm, got 104"),
    ],
)
def test_a_value_of_a_wrong_kind_is_refused(key: str, value: object, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        parse_manifest(json.dumps({**raw_manifest(), key: value}))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("property", "porosity", "expected one of density, vp, ms"),
        ("unit", "kg/m3", "density is in g/cm3"),
        ("is_log10", True, "with is_log10 False"),
        ("spread", 0, "expected finite scaling for density"),
        ("interval_floor", -1, "an interval of density >= 0"),
        ("centre", 10**400, "too many digits"),
        ("offset", 1, "unknown key offset"),
    ],
)
def test_an_output_that_cannot_be_scaled_is_refused(key: str, value: object, message: str) -> None:
    raw = raw_manifest()
    raw["outputs"][0][key] = value
    with pytest.raises(BundleError, match=message):
        parse_manifest(json.dumps(raw))


@pytest.mark.parametrize(
    ("threshold", "begins_at", "factor", "message"),
    [
        (None, 1.0, 2.0, "widen below the novelty threshold None"),
        (1.0, 1.0, 2.0, "widen below the novelty threshold 1.0"),
        (2.0, -1.0, 2.0, "from a novelty >= 0"),
        (2.0, 1.0, 0.5, "a factor >= 1 for density"),
    ],
)
def test_intervals_that_cannot_widen_so_are_refused(
    threshold: float | None, begins_at: float, factor: float, message: str
) -> None:
    raw = raw_manifest()
    raw["novelty_threshold"] = threshold
    raw["widening"] = {"begins_at": begins_at, "at_limit": {"density": factor}}
    with pytest.raises(BundleError, match=message):
        parse_manifest(json.dumps(raw))


def test_a_property_that_stands_twice_is_refused() -> None:
    raw = raw_manifest()
    raw["outputs"].append(raw["outputs"][0])
    with pytest.raises(BundleError, match="stands twice among density, vp, ms, density"):
        parse_manifest(json.dumps(raw))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", '"text"', "NaN", "[" * 100_000, '{"format_version": NaN}']
)
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(BundleError, match="expected a manifest"):
        parse_manifest(text)


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(BundleError):
        parse_manifest(text)
