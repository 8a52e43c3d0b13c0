"""``downcore compose``: one image it has never seen, to a picture and JSON, or a clear refusal."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from downcore.exit_codes import BAD_INPUT, BAD_SETTINGS
from downcore.simulator.generator import CoreRecipe, generate
from downcore.simulator.scanner import pattern_named, play, scan_job
from downcore.strata.mask.classes import MaskClass

PX_PER_CM = 70


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scan")
    core = generate(CoreRecipe(seed=9, length_cm=19.5, px_per_cm=PX_PER_CM, width_cm=4.0))
    *_, last = play(
        scan_job(core, folder, "X1", px_per_cm=PX_PER_CM), pattern_named("whole-by-rename")
    )
    return last.path


@pytest.fixture(scope="module")
def coarse(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same core at 10 px/cm, too coarse for any bundle."""
    small = tmp_path_factory.mktemp("coarse") / "small.png"
    picture = cv2.imread(str(image))
    assert picture is not None
    size = (picture.shape[1] // 7, picture.shape[0] // 7)
    cv2.imwrite(str(small), cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    return small


def compose(image: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "downcore", "compose", str(image), "--top", "up", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


def told(image: Path, out: Path, *words: str, px_per_cm: float = PX_PER_CM) -> dict[str, Any]:
    scale = ("--px-per-cm", str(px_per_cm), "--bundle", "resnet-18")
    done = compose(image, *scale, "--json", str(out), *words)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(out.read_text())
    return answer


def check_slice(one: dict[str, Any]) -> None:
    fractions = [share["fraction"] for share in one["groups"]]
    for share in (*one["groups"], *one["joined"]):
        if share["fraction"] is None:
            assert share["status"] in {"masked", "abstained"}, share
            assert share["reason"], "expected a reason where nothing is said"
        else:
            assert 0 <= share["lower"] <= share["fraction"] <= share["upper"] <= 1, share
    if None in fractions:
        assert set(fractions) == {None}, "expected all of a slice or nothing"
        assert one["sum"] is None
    else:
        assert one["sum"] == pytest.approx(1.0)
        assert one["guard"]["refusal"] == ""


def test_an_image_becomes_groups_with_intervals_statuses_and_a_guard(
    image: Path, tmp_path: Path
) -> None:
    png = tmp_path / "out.png"

    answer = told(image, tmp_path / "out.json", "--out", str(png))

    assert [one["slice"] for one in answer["slices"]] == list(range(20))
    for one in answer["slices"]:
        check_slice(one)
    known = [one for one in answer["slices"] if one["sum"] is not None]
    assert known, "expected a composition somewhere"
    assert {one["table"] for one in known} == {"marine"}
    assert known[0]["guard"]["observed"] == ["density", "vp", "ms", "red", "green", "blue"]
    assert all(one["regions"]["count"] >= 1 for one in known)
    picture = cv2.imread(str(png))
    assert picture is not None
    assert picture.shape[0] > 1000, "expected a picture to look at"


def test_superpixels_by_a_graph_give_another_composer_and_the_same_groups(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = told(image, tmp_path / "plain.json")
    monkeypatch.setenv("DOWNCORE_COMPOSITION__SUPERPIXELS", "openvino")

    graph = told(image, tmp_path / "graph.json")

    assert graph["composer"]["superpixel_backend"] == "openvino"
    assert graph["composer_id"] != plain["composer_id"]
    for one, other in zip(graph["slices"], plain["slices"], strict=True):
        assert one["groups"] == other["groups"], "expected groups that no region changes"
        assert abs(one["regions"]["count"] - other["regions"]["count"]) <= 2


def test_the_same_image_gives_the_same_answer(image: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"

    told(image, one)
    told(image, other)

    assert one.read_bytes() == other.read_bytes()


def test_a_scan_too_coarse_for_the_bundle_is_composed_by_its_colour(
    coarse: Path, tmp_path: Path
) -> None:
    answer = told(coarse, tmp_path / "out.json", px_per_cm=PX_PER_CM / 7)

    known = [one for one in answer["slices"] if one["sum"] is not None]
    assert known
    assert {one["table"] for one in known} == {"marine-colour"}
    assert known[0]["guard"]["observed"] == ["red", "green", "blue"]
    assert known[0]["porosity"] is None, "expected no porosity from colour alone"


def test_measured_rows_are_observed_where_there_are_any(image: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("depth_cm,density,vp,ms\n" + "".join(f"{d}.5,2.4,1700,20\n" for d in range(7)))

    answer = told(image, tmp_path / "out.json", "--measured", str(rows))

    plain = told(image, tmp_path / "plain.json")
    pairs = list(zip(answer["slices"], plain["slices"], strict=True))
    both = [(a["porosity"], b["porosity"]) for a, b in pairs[:7]]
    porosity = [pair for pair in both if None not in pair]
    assert porosity
    assert all(a < b - 0.1 for a, b in porosity), "expected denser sediment to have fewer pores"


def rows_of_known_composition(depths: range) -> str:
    """Return what X-ray diffraction might say: per cent by weight, varying down the core."""
    lines = ["depth_cm,quartz,calcite,illite,magnetite"]
    lines += [f"{d}.5,40,{30 - d},{29.9 + d},0.1" for d in depths]
    return "\n".join(lines)


def test_known_slices_calibrate_the_intervals_and_say_so(image: Path, tmp_path: Path) -> None:
    rows = tmp_path / "xrd.csv"
    rows.write_text(rows_of_known_composition(range(1, 19)))

    answer = told(image, tmp_path / "out.json", "--known", str(rows))

    table = answer["composer"]["tables"][0]
    assert table["known_slices"] >= 10
    assert len(table["known_sha256"]) == 64
    known = [one for one in answer["slices"] if one["sum"] is not None]
    said = {share["reason"] for one in known for share in one["groups"]}
    assert not any("not calibrated" in one for one in said), said
    for one in answer["slices"]:
        check_slice(one)


def test_too_few_known_slices_are_refused_with_how_many_it_takes(
    image: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "xrd.csv"
    rows.write_text(rows_of_known_composition(range(2, 6)))

    done = compose(image, "--px-per-cm", "70", "--bundle", "resnet-18", "--known", str(rows))

    assert done.returncode == BAD_INPUT, done.stderr
    assert "expected 10 observed slices" in done.stderr


def test_a_table_of_your_own_is_used_and_its_digest_kept(image: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    source = Path(__file__).resolve().parents[2] / "edge/downcore/endmember_presets/carbonate.toml"
    own.write_text(source.read_text().replace('name = "carbonate"', 'name = "atoll"'))

    answer = told(image, tmp_path / "out.json", "--table", str(own))

    assert {one["table"] for one in answer["slices"]} == {"atoll"}
    assert answer["composer"]["tables"][0]["name"] == "atoll"


def test_one_colour_and_no_sediment_are_no_reason_to_fail(tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    cv2.imwrite(str(plain), np.full((400, 200, 3), (70, 90, 110), np.uint8))

    answer = told(plain, tmp_path / "out.json", px_per_cm=40)

    assert len(answer["slices"]) == 10
    for one in answer["slices"]:
        check_slice(one)
        assert one["sum"] is None, "expected nothing of one colour in every pixel"


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("--table", "mars"), "expected one of carbonate", BAD_SETTINGS),
        (("--table", "./none.toml"), "expected an end-member table", BAD_SETTINGS),
        (("--out", "picture.jpg"), "expected a file that ends in .png", BAD_SETTINGS),
        (("--json", "no/such/folder/out.json"), "expected a folder that exists", BAD_SETTINGS),
    ],
    ids=["no table", "no file", "no png", "no folder"],
)
def test_what_cannot_be_used_is_said_before_the_image_is_read(
    image: Path, words: tuple[str, ...], said: str, code: int
) -> None:
    done = compose(image, "--px-per-cm", str(PX_PER_CM), "--bundle", "resnet-18", *words)

    assert said in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_image_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    bad = tmp_path / "bad.tif"
    bad.write_bytes(b"II*\0" + bytes(200))
    out = tmp_path / "out.json"

    done = compose(bad, "--px-per-cm", "70", "--bundle", "resnet-18", "--json", str(out))

    assert done.returncode == BAD_INPUT, done.stderr
    assert not out.exists()


@pytest.fixture(scope="module")
def listed(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the CSV and the JSON of one image, in two classes."""
    folder = tmp_path_factory.mktemp("listed")
    words = ("--regions", str(folder / "regions.csv"), "--classes", "2")
    told(image, folder / "out.json", *words)
    return folder


def test_every_region_is_listed_with_size_colour_and_shape(listed: Path) -> None:
    answer = json.loads((listed / "out.json").read_text())
    rows = list(csv.DictReader(io.StringIO((listed / "regions.csv").read_text())))

    assert [int(row["label"]) for row in rows] == list(range(1, len(rows) + 1))
    assert sum(one["regions"]["count"] for one in answer["slices"]) >= len(rows)
    area_cm2 = sum(float(row["area (mm2)"]) for row in rows) / 100
    core = generate(CoreRecipe(seed=9, length_cm=19.5, px_per_cm=PX_PER_CM, width_cm=4.0))
    is_sediment = core.classes(0, core.n_lines) == MaskClass.SEDIMENT
    sediment_cm2 = is_sediment.sum() / PX_PER_CM**2
    assert 0.85 * sediment_cm2 < area_cm2 < 1.05 * sediment_cm2, "its sediment, and no more"
    for row in rows:
        top, depth, bottom = (float(row[f"{name} (cm)"]) for name in ("top", "depth", "bottom"))
        assert 0 <= top < depth < bottom <= 19.6
        assert float(row["length (mm)"]) < np.hypot(10 * (bottom - top), 40) + 0.01
        for share in ("sphericity", "eccentricity", "solidity", "roundness", "linear red"):
            assert 0 <= float(row[share]) <= 1
        assert float(row["perimeter (mm)"]) > 0
    spans_cm = [(float(row["top (cm)"]), float(row["bottom (cm)"])) for row in rows]
    assert any(top < 9.5 and bottom > 10.5 for top, bottom in spans_cm), (
        "expected a bed across the border of two windows to be one region"
    )


def test_regions_and_classes_are_composed_as_slices_are(listed: Path) -> None:
    answer = json.loads((listed / "out.json").read_text())
    rows = list(csv.DictReader(io.StringIO((listed / "regions.csv").read_text())))

    assert {int(row["class"]) for row in rows} == {1, 2}
    assert sum(one["share"] for one in answer["classes"]) == pytest.approx(1.0)
    assert sum(one["n_regions"] for one in answer["classes"]) == len(rows) == answer["n_regions"]
    dark, light = (one["linear_rgb"] for one in answer["classes"])
    assert sum(dark) < sum(light)
    large = {int(row["label"]) for row in rows if float(row["area (mm2)"]) >= 100}
    assert {one["label"] for one in answer["regions"]} == large
    for one in (*answer["classes"], *answer["regions"]):
        fractions = [share["fraction"] for share in one["groups"]]
        if None not in fractions:
            assert sum(fractions) == pytest.approx(1.0)
    known = [row for row in rows if row["status"] == "predicted"]
    names = [n for n in known[0] if f"{n} lower 90 %" in known[0]]
    for row in known:
        told_apart = [float(row[n]) for n in names if row[n]]
        assert sum(told_apart) == pytest.approx(1.0, abs=1e-3)


def test_the_largest_region_is_composed_like_the_slices_it_fills(listed: Path) -> None:
    answer = json.loads((listed / "out.json").read_text())
    largest = max(answer["regions"], key=lambda one: float(one["area_mm2"]))
    inside = [
        one
        for one in answer["slices"]
        if largest["top_um"] <= one["top_um"] and one["bottom_um"] <= largest["bottom_um"]
    ]

    for i, share in enumerate(largest["groups"]):
        of_slices = [one["groups"][i] for one in inside if one["sum"] is not None]
        mean = float(np.mean([one["fraction"] for one in of_slices]))
        assert share["fraction"] == pytest.approx(mean, abs=0.1), share["group"]


def test_the_guard_is_told_whole(image: Path, tmp_path: Path) -> None:
    answer = told(image, tmp_path / "out.json")

    guard = next(one["guard"] for one in answer["slices"] if one["sum"] is not None)
    assert set(guard["groups"]) == {
        share["group"] for one in answer["slices"] for share in one["groups"]
    }
    assert all(0 <= ratio <= 1 for ratio in guard["members"].values())
    assert guard["ties"], "expected minerals that nothing tells apart, such as quartz and feldspar"
    assert "generated cores" in answer["caveat"], "expected to hear what the network saw"


def test_what_is_said_at_the_end_marks_what_the_prior_says(coarse: Path) -> None:
    done = compose(coarse, "--px-per-cm", "10", "--bundle", "resnet-18")

    assert done.returncode == 0, done.stderr
    assert "light minerals" in done.stdout
    assert ", by the prior" in done.stdout, done.stdout


def test_what_is_read_is_never_written_over(image: Path, tmp_path: Path) -> None:
    rows = tmp_path / "xrd.csv"
    rows.write_text(rows_of_known_composition(range(1, 19)))
    before = rows.read_bytes()

    done = compose(image, "--px-per-cm", "70", "--known", str(rows), "--json", str(rows))

    assert done.returncode == BAD_SETTINGS
    assert "expected a file of its own for --json, got an input" in done.stderr
    assert rows.read_bytes() == before
    one = str(tmp_path / "out.png")
    twice = compose(image, "--px-per-cm", "70", "--json", one, "--out", one)
    assert "got the file of --out" in twice.stderr, twice.stderr


def test_only_its_own_files_are_replaced(image: Path, tmp_path: Path) -> None:
    sidecar = tmp_path / "scan.xml"
    sidecar.write_text("<scan/>")
    own = tmp_path / "out.json"
    told(image, own)

    told(image, own, "--out", str(tmp_path / "a.png"), "--regions", str(tmp_path / "a.csv"))
    told(image, own, "--out", str(tmp_path / "a.png"), "--regions", str(tmp_path / "a.csv"))
    done = compose(image, "--px-per-cm", "70", "--json", str(sidecar))

    assert done.returncode == BAD_SETTINGS
    assert "expected a new file for --json" in done.stderr
    assert sidecar.read_text() == "<scan/>"


def test_a_measured_value_that_no_core_has_is_refused(image: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("depth_cm,density\n2.5,0.2\n")

    done = compose(image, "--px-per-cm", "70", "--bundle", "resnet-18", "--measured", str(rows))

    assert done.returncode == BAD_INPUT
    assert "row at 2.5 cm: expected density of 1 to 3.2 g/cm3, got 0.2" in done.stderr


def test_the_image_is_never_written_over(image: Path) -> None:
    before = image.read_bytes()

    done = compose(image, "--px-per-cm", "70", "--json", str(image))

    assert done.returncode == BAD_SETTINGS
    assert "expected a file of its own for --json" in done.stderr
    assert image.read_bytes() == before
