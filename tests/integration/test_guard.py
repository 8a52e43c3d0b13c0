"""No bundle gives a value where its guard finds core unlike the training; forced rows say so."""

import csv
import io
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from opened_once import bundles_opened_once
from small_bundle import edit, some_tiles, write_bundle

from downcore.commands.doctor import examine
from downcore.commands.log_table import write_csv
from downcore.commands.process import process_files
from downcore.inference import (
    GuardedPredictor,
    Mode,
    guard_folder,
    load_bundle,
    open_guarded,
    open_predictor,
    reference_bundles,
)
from downcore.settings import load_settings
from downcore.strata.depthlog import Status

ROOT = Path(os.environ.get("DOWNCORE_REAL_DATA", Path(__file__).parents[3] / "shared/data/real"))
NETWORKS = ("resnet-18", "hrnet-deeplabv3plus")
BUNDLES = ("boosted-colour", *NETWORKS)
PX_PER_CM = 20
"""Of the coarse scans here."""
FORCED = "forced: scan has 20 px/cm, bundle trained on 60 to 400"
UNLIKE = "unlike the training cores: "


def mud(length_cm: int = 3) -> NDArray[np.uint8]:
    """
    Return a made-up scan, 20 px/cm, BGR: dull grey-green mud in faint layers.

    No natural core is here, and none of the training's: its colour hardly varies, as in mud
    that was scanned coarsely, while generated cores have pebbles, burrows and strong layers.
    """
    rng = np.random.default_rng(1)
    shape = (length_cm * PX_PER_CM, 3 * PX_PER_CM, 1)
    light = rng.normal(0, 6, (shape[0], 1, 1)) + rng.normal(0, 3, shape)
    colour = np.array([80.0, 96.0, 88.0]) + light + rng.normal(0, 2, (*shape[:2], 3))
    return np.clip(colour, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def opened_once() -> Iterator[None]:
    with bundles_opened_once():
        yield


def upsampled(scan: NDArray[np.uint8], px_per_cm: float) -> NDArray[np.uint8]:
    """Return a scan brought to 200 px/cm, as a lab might before it hands it on."""
    scale = 200 / px_per_cm
    big = cv2.resize(scan, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(big, np.uint8)


def process(
    folder: Path, image: NDArray[np.uint8], bundle: str, px_per_cm: float, **predict: Any
) -> sqlite3.Connection:
    """Run ``downcore process`` on an image and return the store."""
    path = folder / "GC01.png"
    assert cv2.imwrite(str(path), image)
    settings = load_settings(
        None,
        inbox={"px_per_cm": f"{px_per_cm:g}", "top": "up"},
        predict={"bundles": (bundle,), "mode": "backlog", **predict},
        composition={"enabled": False},
        store={"path": folder / "guard.db"},
    )
    (outcome,) = process_files([path], settings, on_slices=lambda *_: None)
    assert outcome.is_stored, outcome.sentence
    return sqlite3.connect(folder / "guard.db")


def estimates(store: sqlite3.Connection) -> list[tuple[str, str, float | None]]:
    return store.execute("SELECT status, reason, value FROM estimate").fetchall()


def no_value_is_given(store: sqlite3.Connection) -> list[str]:
    """Check that no slice has a value, and return the reasons of those that were abstained."""
    found = estimates(store)
    assert {status for status, _, _ in found} <= {Status.MASKED, Status.ABSTAINED}
    assert all(value is None for _, _, value in found)
    abstained = [reason for status, reason, _ in found if status == Status.ABSTAINED]
    assert abstained, "no slice at all was taken for sediment"
    assert all(reason.startswith(UNLIKE) for reason in abstained), sorted(set(abstained))
    return abstained


def small(folder: Path, training_data: str) -> Path:
    made = write_bundle(folder)
    edit(made, lambda raw: raw.update(training_data=training_data))
    return made


@pytest.mark.parametrize("bundle", NETWORKS)
@pytest.mark.parametrize("is_upsampled", [True, False], ids=["upsampled", "low resolution"])
def test_mud_that_the_network_takes_for_its_own_but_the_guard_does_not_gets_no_value(
    bundle: str, tmp_path: Path, *, is_upsampled: bool
) -> None:
    image = upsampled(mud(), PX_PER_CM) if is_upsampled else mud()
    scale = 200 if is_upsampled else PX_PER_CM
    with open_predictor(reference_bundles()[bundle], n_threads=2) as alone:
        tile = cv2.cvtColor(upsampled(mud(), PX_PER_CM)[:200, :200], cv2.COLOR_BGR2RGB)
        (answer,) = alone.predict([np.asarray(tile, np.uint8)[None]])
        assert answer.novelty[0] < (alone.manifest.novelty_threshold or 0.0)

    store = process(tmp_path, image, bundle, scale, allow_low_resolution=not is_upsampled)

    guard = load_bundle(guard_folder()).manifest.bundle_id
    for reason in no_value_is_given(store):
        assert reason.startswith(f"{UNLIKE}colour novelty"), reason
        assert reason.endswith(f"limit 7.85 (boosted-colour {guard})"), reason


def test_the_guard_itself_gives_no_value_there_by_its_own_novelty(tmp_path: Path) -> None:
    store = process(tmp_path, upsampled(mud(), PX_PER_CM), "boosted-colour", 200)

    for reason in no_value_is_given(store):
        assert reason.startswith(f"{UNLIKE}novelty"), reason
    assert store.execute("SELECT novelty_guard_id FROM run").fetchall() == [("",)]


def test_the_record_says_which_guard_was_in_force(tmp_path: Path) -> None:
    bundle = small(tmp_path / "bundle", "3 generated cores, no natural core")
    store = process(tmp_path, mud(length_cm=2), str(bundle), PX_PER_CM)

    guard = load_bundle(guard_folder()).manifest.bundle_id
    told = store.execute("SELECT novelty_guard_id, manifest FROM run JOIN bundle ON bundle_id ="
                         " novelty_guard_id").fetchall()  # fmt: skip
    assert told == [(guard, (guard_folder() / "manifest.json").read_text())]


def test_a_bundle_that_saw_natural_cores_answers_for_itself(tmp_path: Path) -> None:
    said = "9 cores of a release, validated on 3 and tested on 3 cores of other sites"
    predictor = open_guarded(small(tmp_path / "own", said), n_threads=1)
    predictor.close()
    assert not isinstance(predictor, GuardedPredictor)

    store = process(tmp_path, upsampled(mud(), PX_PER_CM), str(tmp_path / "own"), 200)
    assert "predicted" in {status for status, _, _ in estimates(store)}
    assert store.execute("SELECT novelty_guard_id FROM run").fetchall() == [("",)]


@pytest.mark.parametrize("name", BUNDLES)
def test_every_reference_bundle_is_guarded_but_the_guard(name: str) -> None:
    predictor = open_guarded(reference_bundles()[name], n_threads=1)
    predictor.close()
    assert predictor.manifest.saw_generated_cores_only, predictor.manifest.training_data
    assert isinstance(predictor, GuardedPredictor) == (name != "boosted-colour")


@pytest.mark.parametrize("mode", list(Mode))
def test_the_guard_changes_no_bit_of_what_the_bundle_says(mode: Mode, tmp_path: Path) -> None:
    folder = small(tmp_path / "bundle", "3 generated cores, no natural core")
    slices = [some_tiles(n, seed=n) for n in (3, 0, 5, 1, 8, 2)]
    with open_predictor(folder, n_threads=1) as plain, open_predictor(guard_folder()) as guard:
        expected = plain.predict(slices)
        novelty = [one.novelty for one in guard.predict(slices)]
    guarded = open_guarded(folder, mode=mode, n_threads=2)
    found = []
    for k, tiles in enumerate(slices):
        guarded.submit(k, tiles)
        found += guarded.collect(wait=False)
    found += guarded.collect(wait=True)
    again = guarded.predict(slices)
    guarded.close()

    assert [tag for tag, _ in found] == list(range(len(slices))), "slices come back in order"
    for k, (_, one) in enumerate(found):
        for which in (one, again[k]):
            assert which.guarded is not None
            np.testing.assert_array_equal(which.guarded.novelty, novelty[k])
            for part in ("mean", "sd", "within_sd", "novelty"):
                np.testing.assert_array_equal(getattr(which, part), getattr(expected[k], part))


def test_a_forced_row_says_so_in_the_store_on_mqtt_and_in_csv(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", threshold=1e6)
    image = mud(length_cm=2)
    store = process(tmp_path, image, str(bundle), PX_PER_CM, allow_low_resolution=True)

    forced = [reason for status, reason, _ in estimates(store) if status == "predicted"]
    assert forced, "nothing was predicted"
    assert all(reason.split("; ")[0] == FORCED for reason in forced), sorted(set(forced))
    out = io.StringIO()
    write_csv(tmp_path / "guard.db", "GC01", out)
    table = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [row["reason"] for row in table if row["status"] == "predicted"] == forced
    (tmp_path / "announced").mkdir()
    sent = announced(tmp_path / "announced", image, bundle)
    assert sorted(sent) == sorted(forced)


def announced(folder: Path, image: NDArray[np.uint8], bundle: Path) -> list[str]:
    """Return the reasons of the predicted values that a daemon would send of a scan."""
    from downcore.clock import SystemClock  # noqa: PLC0415 - used here alone
    from downcore.commands.process import process_at  # noqa: PLC0415 - used here alone
    from downcore.publish import payloads  # noqa: PLC0415 - used here alone
    from downcore.service.station_setup import open_station  # noqa: PLC0415 - used here alone

    path = folder / "GC01.png"
    assert cv2.imwrite(str(path), image)
    settings = load_settings(
        None,
        inbox={"path": folder, "px_per_cm": str(PX_PER_CM), "top": "up"},
        predict={"bundles": (str(bundle),), "allow_low_resolution": True},
        composition={"enabled": False},
        store={"path": folder / "sent.db"},
    )
    with open_station(
        settings, clock=SystemClock(), announce=payloads, slices_per_step=2
    ) as station:
        (outcome,) = process_at(station, [path], on_slices=lambda *_: None)
    assert outcome.is_stored, outcome.sentence
    rows = sqlite3.connect(folder / "sent.db").execute(
        "SELECT payload FROM outbox WHERE kind = 'log'"
    )
    return [
        estimate["reason"]
        for (payload,) in rows
        for row in json.loads(payload)["rows"]
        for estimate in row["estimates"]
        if estimate["status"] == "predicted"
    ]


def test_doctor_names_the_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bundle = small(tmp_path / "bundle", "3 generated cores, no natural core")
    config = tmp_path / "downcore.toml"
    config.write_text(
        f'[inbox]\npath = "{tmp_path}/inbox"\n[predict]\nbundles = ["{bundle}"]\n'
        "[composition]\nenabled = false\n[mqtt]\nenabled = false\n"
    )
    (tmp_path / "inbox").mkdir()

    (told,) = (one.finding for one in examine(config) if one.name == "bundles")

    guard = load_bundle(guard_folder()).manifest.bundle_id
    assert told.endswith(f"golden test passed; guarded by boosted-colour {guard}"), told


@pytest.mark.parametrize("bundle", BUNDLES)
@pytest.mark.parametrize("is_upsampled", [True, False], ids=["upsampled", "low resolution"])
@pytest.mark.parametrize(
    ("name", "px_per_cm", "lies"),
    [("odp887/145-887A-1H-2.png", 17.4, False), ("lago_pato_lp16/LP161B/optical.tif", 20, True)],
    ids=["marine", "lake"],
)
def test_a_real_scan_too_coarse_for_the_bundles_gets_no_value(
    name: str, px_per_cm: float, bundle: str, tmp_path: Path, *, lies: bool, is_upsampled: bool
) -> None:
    image = cv2.imread(str(ROOT / name)) if (ROOT / name).exists() else None
    if image is None:
        pytest.skip(f"no real data at {ROOT}; set DOWNCORE_REAL_DATA to its folder")
    upright = np.asarray(cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE) if lies else image, np.uint8)
    some = upright[len(upright) // 2 :][: int(3 * px_per_cm)]

    scan = upsampled(some, px_per_cm) if is_upsampled else some
    scale = 200.0 if is_upsampled else px_per_cm
    store = process(tmp_path, scan, bundle, scale, allow_low_resolution=not is_upsampled)

    no_value_is_given(store)
