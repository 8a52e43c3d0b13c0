"""Every real image that is there becomes a depth log: one row for each centimetre of it."""

import os
from pathlib import Path

import cv2
import pytest

from downcore.commands.process import process_files
from downcore.settings import load_settings
from downcore.store import Reader
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Status

ROOT = Path(os.environ.get("DOWNCORE_REAL_DATA", Path(__file__).parents[3] / "shared/data/real"))

CASCADIA = {"12PC": "4.7", "23PC": "1.34", "25PC": "1.84"}
ITRAX = (
    *(f"lago_pato_lp16/LP16{one}" for one in ("1A", "1B", "1C", "2A", "2B", "4A", "4B")),
    "lago_pato_lp16/LP163A_500um",
    "lago_pato_lp16/LP163B_500um",
    "fildes_kite/Kite1.1_basal",
    "fildes_kite/Kite2.1_top",
    "yanou_unlabelled/YAN8B1_200um",
    "yanou_unlabelled/YAN8B1_2mm",
)
IMAGES = [
    *(
        (f"cascadia_m9907/M9907-{core}_linescan_{scale}ppcm.png", scale, "up")
        for core, scale in CASCADIA.items()
    ),
    *((f"{folder}/optical.tif", "20", "left") for folder in ITRAX),
    ("cd166_itrax/CD166_19_S1_optical_lowres.tif", "13.71", "left"),
]


@pytest.mark.parametrize(("name", "px_per_cm", "top"), IMAGES, ids=[name for name, *_ in IMAGES])
def test_a_real_image_gives_one_row_for_each_centimetre(
    name: str, px_per_cm: str, top: str, tmp_path: Path
) -> None:
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"no real data at {ROOT}; set DOWNCORE_REAL_DATA to its folder")
    image = cv2.imread(str(path))
    assert image is not None, f"{name} cannot be read at all"
    n_lines = image.shape[0 if top == "up" else 1]
    settings = load_settings(
        None,
        inbox={"px_per_cm": px_per_cm, "top": top},
        predict={"bundles": ("resnet-18",)},
        store={"path": tmp_path / "real.db"},
    )

    (outcome,) = process_files([path], settings, on_slices=lambda *_: None)

    assert outcome.is_stored, outcome.sentence
    with Reader.open(tmp_path / "real.db") as reader:
        (scan,) = reader.scans()
        rows = [one.row for one in reader.scan_log(scan.scan.scan_id)]
    n_slices = LineScale.of(px_per_cm).n_slices(n_lines)
    assert [row.core_slice.index for row in rows] == list(range(n_slices)), "rows are missing"
    statuses = {estimate.status for row in rows for estimate in row.estimates}
    assert statuses <= {Status.MASKED, Status.ABSTAINED}, (
        f"a scan of {px_per_cm} px/cm is far below the training's, so no value may be given"
    )
    assert Status.ABSTAINED in statuses, "no slice at all was taken for sediment"
