import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from downcore.strata.colour import lab_of_counts
from downcore.strata.kernels import compiled
from downcore.strata.superpixels.planes import LAB_STEPS, fill_planes


def twice(number: int) -> int:
    return 2 * number


def test_colours_for_superpixels_are_those_of_the_colour_module() -> None:
    rng = np.random.default_rng(0)
    lines = rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)
    lines[0], lines[1], lines[2] = 0, 255, rng.integers(0, 12, (300, 3))
    planes = np.zeros((4, 203, 300), np.int16)

    fill_planes(lines, np.zeros((200, 300), np.uint8), planes, 3)

    got = np.moveaxis(planes[:3, 3:], 0, 2) / LAB_STEPS
    assert np.abs(got - lab_of_counts(lines)).max() < 0.05
    assert not planes[:, :3].any(), "lines held before were written over"


def test_kernels_run_where_no_folder_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_LOCATOR_CLASSES", "UserProvidedCacheLocator")
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")

    with pytest.raises(RuntimeError, match="no locator"):
        numba.njit(cache=True)(twice)
    assert compiled(twice)(21) == 42


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_stored_kernel_that_was_cut_short_is_compiled_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    compiled(twice)(1)
    stored = list(tmp_path.rglob(f"*.{ending}"))
    assert stored, "nothing was stored, so nothing can be damaged"
    for one in stored:
        one.write_bytes(b"")

    assert compiled(twice)(21) == 42


@pytest.mark.parametrize(
    "module",
    [
        "downcore.strata.superpixels",
        "downcore.strata.superpixels.settings",
        "downcore.composing",
        "downcore.service.daemon",
        "downcore.cli",
    ],
)
def test_whoever_wants_no_superpixels_does_not_load_the_compiler(module: str) -> None:
    asked = f"import sys, {module}; print('numba' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
