"""A finished scan in a notebook gives what the station would keep; the documents' code runs."""

import doctest
import inspect
import shutil
from pathlib import Path
from types import FunctionType

import numpy as np
import pandas as pd
import pytest
from how_to_runner import follow
from notebook_folder import BUNDLE, fill, process, scan_core, settings_of

import downcore
from downcore.commands.mask import write_mask
from downcore.commands.process import process_files
from downcore.strata.errors import BundleError, GrowingError, SegmentError, UnknownScaleError

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scan of a simulated core and the database made of it; only read."""
    folder = tmp_path_factory.mktemp("notebook")
    fill(folder)
    return folder


@pytest.fixture
def folder(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(filled)
    return filled


def examples() -> dict[str, doctest.DocTest]:
    """Return the examples of every name of the door, and of the public parts of its classes."""
    finder = doctest.DocTestFinder(recurse=False)
    found: dict[str, doctest.DocTest] = {}
    for name in downcore.__all__:
        thing = getattr(downcore, name)
        parts = {name: thing}
        if inspect.isclass(thing):
            parts |= {
                f"{name}.{one}": part
                for one, part in vars(thing).items()
                if not one.startswith("_")
                and isinstance(getattr(part, "__wrapped__", part), FunctionType | property)
            }
        for full, part in parts.items():
            (test,) = finder.find(part, full, globs={"downcore": downcore}) or [None]
            found[full] = test
    return found


EXAMPLES = examples()


def test_every_name_of_the_door_shows_an_example() -> None:
    assert [name for name, test in EXAMPLES.items() if not (test and test.examples)] == []


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_what_it_says(name: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    said: list[str] = []

    doctest.DocTestRunner(optionflags=flags).run(EXAMPLES[name], out=said.append)

    assert not said, "".join(said)


def test_a_prediction_is_bit_for_bit_what_process_keeps(folder: Path) -> None:
    scan = downcore.read_scan(folder / "GC01_01.tif", px_per_cm=200, top="up")

    predicted = downcore.predict(scan, bundle=BUNDLE)

    kept = downcore.open(folder / "downcore.db")["GC01_01"]
    assert predicted.rows == kept.rows
    assert predicted.scan_id == kept.scan_id
    pd.testing.assert_frame_equal(predicted.to_pandas(), kept.to_pandas(), check_exact=True)
    assert {"predicted", "abstained"} == set(predicted.to_pandas()["status"])
    assert scan.slices() == kept.slices


@pytest.mark.parametrize("is_allowed", [False, True])
def test_a_prediction_of_a_coarse_scan_abstains_where_process_does(
    folder: Path, tmp_path: Path, *, is_allowed: bool
) -> None:
    settings = settings_of(tmp_path / "downcore.db", allow_low_resolution=is_allowed)
    settings = settings.model_copy(
        update={
            "inbox": settings.inbox.model_copy(update={"px_per_cm": "40"}),
            "composition": settings.composition.model_copy(update={"enabled": False}),
        }
    )
    image = folder / "GC01_01.tif"
    process_files([image], settings, on_slices=lambda *_: None)
    scan = downcore.read_scan(image, px_per_cm=40, top="up")

    predicted = downcore.predict(scan, bundle=BUNDLE, allow_low_resolution=is_allowed)

    assert predicted.rows == downcore.open(tmp_path / "downcore.db")["GC01_01"].rows
    statuses = predicted.to_pandas()["status"]
    assert "abstained" in set(statuses)


def test_a_mask_is_that_of_the_command_and_stands_core_top_first(
    folder: Path, tmp_path: Path
) -> None:
    from PIL import Image  # noqa: PLC0415 - matplotlib brings it

    settings = settings_of(tmp_path / "unused.db")
    write_mask(folder / "GC01_01.tif", tmp_path / "mask.png", settings)
    with Image.open(tmp_path / "mask.png") as picture:
        expected = np.asarray(picture)

    mask = downcore.read_scan(folder / "GC01_01.tif", px_per_cm=200, top="up").mask()

    assert np.array_equal(mask.classes, expected)
    assert len(mask.labels) == len(mask.colours) == 7
    assert sum(map(mask.share, mask.labels)) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="expected one of sediment"):
        mask.share("mud")


def test_a_scale_that_nothing_says_is_asked_for_in_python(folder: Path) -> None:
    with pytest.raises(UnknownScaleError, match=r"downcore\.read_scan\('GC01_01\.tif', px_per_cm"):
        downcore.read_scan("GC01_01.tif")
    assert folder.is_dir()


def test_a_scale_is_taken_from_a_sidecar(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "GC01_01.tif", tmp_path / "GC01_01.tif")
    samples = ROOT / "tests" / "data" / "segments" / "geotek"
    sidecar = next(iter(sorted(samples.rglob("*.xml"))))
    shutil.copy(sidecar, tmp_path / "GC01_01.xml")

    scan = downcore.read_scan(tmp_path / "GC01_01.tif")
    with pytest.warns(UserWarning, match="GC01_01.xml says"):
        other = downcore.read_scan(tmp_path / "GC01_01.tif", px_per_cm="1000/3")

    assert scan.description.px_per_cm_from == "GC01_01.xml"
    assert other.length_cm == pytest.approx(2.4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"px_per_cm": 0}, "expected px_per_cm from 1 to 2000"),
        ({"px_per_cm": "300 dpi"}, "got '300 dpi'"),
        ({"px_per_cm": float("nan")}, "got nan"),
        ({"px_per_cm": 200, "top": "down"}, "expected top 'up', 'left' or 'right', got 'down'"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_an_argument_that_cannot_be_used_is_refused(
    arguments: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        downcore.read_scan("GC01_01.tif", **arguments)  # type: ignore[arg-type] # wrong on purpose


def test_an_image_that_is_missing_cut_short_or_none_says_so(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "GC01_01.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "notes.txt").write_text("no core")

    with pytest.raises(SegmentError, match=r"missing\.tif: cannot read it"):
        downcore.read_scan(tmp_path / "missing.tif", px_per_cm=200)
    with pytest.raises(GrowingError, match="wait until it is written"):
        downcore.read_scan(tmp_path / "cut.tif", px_per_cm=200)
    with pytest.raises(SegmentError, match="no scanner format reads it"):
        downcore.read_scan(tmp_path / "notes.txt", px_per_cm=200)


def test_an_image_that_was_replaced_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    image = scan_core(tmp_path, "GC02_01", length_cm=2.0)
    scan = downcore.read_scan(image, px_per_cm=200, top="up")
    scan_core(tmp_path, "GC02_01", length_cm=3.0)

    with pytest.raises(SegmentError, match="it was replaced"):
        scan.mask()


@pytest.mark.usefixtures("folder")
def test_a_bundle_that_is_not_there_names_those_there_are() -> None:
    scan = downcore.read_scan("GC01_01.tif", px_per_cm=200, top="up")

    for bundle in ("resnet-81", Path("mine")):
        with pytest.raises(BundleError, match="resnet-18"):
            downcore.predict(scan, bundle=bundle)


def test_a_core_that_is_scanned_again_shows_both_scans(tmp_path: Path) -> None:
    db = tmp_path / "downcore.db"
    process(scan_core(tmp_path, "GC02_01", length_cm=1.0), db)
    process(scan_core(tmp_path, "GC02_01", length_cm=1.0, seed=7), db)
    log = downcore.open(db)

    old, new = log["GC02_01"].scans

    assert (old.state, new.state) == ("superseded", "done")
    assert log["GC02_01"].scan_id == new.scan_id
    before = log.section("GC02_01", scan=old.scan_id)
    assert before.rows != log["GC02_01"].rows
    assert len(before.composition.slices) == 1


def test_the_how_to_runs_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")

    follow(ROOT / "docs" / "how-to" / "analyse-in-python.md", tmp_path)

    assert (tmp_path / "analyse-in-python.png").stat().st_size > 10_000
