"""A learned bundle answers from the next section on, and every slice's colour is kept."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from played_device import PX_PER_CM, Device, DigestPredictor, job_of

from downcore.simulator.scanner import pattern_named
from downcore.store import Reader
from downcore.store.learned_bundle import learned_folder, use_learned
from downcore.strata.bundle import manifest_text
from downcore.strata.depth import LineScale
from downcore.strata.errors import BundleError

SCALE = LineScale.of(PX_PER_CM)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Device(tmp_path) as device:
        yield device


def scan(device: Device, name: str, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(
        40, 200, (SCALE.lines_in(35_000), 20, 3), dtype=np.uint8
    )
    steps = pattern_named("growing-tiff").write(job_of(pixels, device.inbox, name))
    for _ in steps:
        pass
    device.rest()


def bundles_of(device: Device, section_id: str) -> set[str]:
    sql = "SELECT DISTINCT bundle_id FROM estimate JOIN scan USING (scan_id) WHERE section_id = ?"
    return {name for (name,) in device.all(sql, section_id)}


def learn_one(device: Device, name: str) -> None:
    """Write a bundle that was learned, and use it."""
    folder = learned_folder(device.database) / name
    folder.mkdir(parents=True)
    text = manifest_text(DigestPredictor(name).manifest)
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    use_learned(device.database, folder)


def opened(folder: Path) -> DigestPredictor:
    return DigestPredictor(folder.name)


def test_a_bundle_that_is_learned_answers_the_next_section_and_after_a_restart(
    device: Device,
) -> None:
    device.open_learned = opened
    device.restart()
    scan(device, "GC01", 1)
    learn_one(device, "site-1")
    scan(device, "GC02", 2)
    assert bundles_of(device, "GC01") == {"b1"}
    assert bundles_of(device, "GC02") == {"b1", "site-1"}
    device.restart()
    scan(device, "GC03", 3)
    assert bundles_of(device, "GC03") == {"b1", "site-1"}


def test_a_learned_bundle_that_cannot_be_opened_is_said_once_and_what_ran_goes_on(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(folder: Path) -> DigestPredictor:
        raise BundleError(f"{folder.name} is damaged")

    device.open_learned = damaged
    device.restart()
    learn_one(device, "site-1")
    scan(device, "GC01", 1)
    assert bundles_of(device, "GC01") == {"b1"}
    said = [one for one in caplog.messages if "site-1 is damaged" in one]
    assert len(said) == 1


def test_the_colour_of_every_slice_is_kept_once_though_the_daemon_starts_again(
    device: Device,
) -> None:
    scan(device, "GC01", 1)
    device.restart()
    device.rest()
    with Reader.open(device.database) as reader:
        (stored,) = reader.sections()
        kept = [one.index for one in reader.colour_profiles(stored.scan.scan_id)]
    assert kept == list(range(stored.status.n_slices))
