"""``downcore bench`` from the command line to JSON and report."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

pytest.importorskip("sklearn", reason="needs the extra [training]")

from downcore_training.bench.commands import bench
from downcore_training.bench.layouts import read_folder
from downcore_training.datasets.lookalike import LookalikeRecipe, write_lookalike

PROMISED = (
    "protocol", "network", "property", "unit", "r2", "rmse", "mae", "bias", "spearman",
    "coverage90", "width90", "abstained", "n_slices", "n_cores",
)  # fmt: skip


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(bench)
    return made


def write_core(folder: Path, name: str, *, n: int = 60, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    light = np.cumsum(rng.normal(size=n))
    lines = ["core,depth_top_cm,density_g_cm3,R_mean,G_mean,B_mean,lab_technician"]
    for i in range(n):
        grey = 120 + 3 * light[i]
        density = 1.4 + 0.02 * light[i] + 0.01 * rng.normal()
        lines.append(f"{name},{i},{density:.4f},{grey:.1f},{grey - 9:.1f},{grey - 30:.1f},Ada")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}_slices_1cm.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_listing_the_command_loads_no_library_of_models() -> None:
    code = (
        "import sys, downcore_training.bench.commands; "
        "sys.exit(any(m in sys.modules for m in ('torch', 'sklearn', 'openvino')))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], check=False, env={"PYTHONPATH": ":".join(sys.path)}
    )

    assert done.returncode == 0


def test_three_cores_give_json_a_report_and_a_verdict(app: typer.Typer, tmp_path: Path) -> None:
    for k in range(3):
        write_core(tmp_path / "data" / ("north" if k else "south"), f"C-{k}", seed=k)
    out = tmp_path / "out"

    args = [str(tmp_path / "data"), "--json", str(out / "b.json"), "--report", str(out / "r")]
    result = CliRunner().invoke(app, [*args, "--bootstrap", "50"])

    assert result.exit_code == 0, result.output
    found = strict(out / "b.json")
    assert {row["protocol"] for row in found["rows"]} >= {
        "random-slices",
        "leave-one-core-out",
        "leave-one-site-out",
    }
    for row in found["rows"]:
        assert list(row)[: len(PROMISED)] == list(PROMISED)
        assert 0.0 <= row["abstained"] <= 1.0
        assert row["unit"] == "g/cm3"
    assert found["leakage"]
    assert found["verdict"]
    assert all(one["passed"] in {True, None} for one in found["controls"])
    assert (out / "r" / "report.md").read_text(encoding="utf-8").startswith("# Bench of data")
    assert (out / "r" / "leakage.png").stat().st_size > 1_000
    assert "leakage gap" in result.output
    assert "vp cannot be scored" in result.output


def test_one_core_says_what_cannot_be_computed(app: typer.Typer, tmp_path: Path) -> None:
    write_core(tmp_path / "data", "C-1")

    result = CliRunner().invoke(app, [str(tmp_path / "data"), "--bootstrap", "0"])

    assert result.exit_code == 0, result.output
    assert "leave-one-core-out cannot be computed: it needs two cores" in result.output
    assert "no verdict" in result.output


def test_a_core_without_any_colour_is_no_crash(app: typer.Typer, tmp_path: Path) -> None:
    rows = "\n".join(f"{i},{1.3 + 0.001 * i}" for i in range(30))
    (tmp_path / "X_slices_1cm.csv").write_text(f"depth_cm,density\n{rows}\n", encoding="utf-8")

    result = CliRunner().invoke(app, [str(tmp_path), "--bootstrap", "0"])

    assert result.exit_code == 0, result.output
    assert "no colour" in result.output


def test_an_empty_folder_ends_with_a_sentence(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path)])

    assert result.exit_code == 78
    assert "expected cores with logs" in result.output


def test_nothing_is_written_into_the_data(app: typer.Typer, tmp_path: Path) -> None:
    write_core(tmp_path, "C-1")

    result = CliRunner().invoke(app, [str(tmp_path), "--json", str(tmp_path / "b.json")])

    assert result.exit_code == 78
    assert not (tmp_path / "b.json").exists()


def test_generated_cores_are_scored_against_what_is_visible(
    app: typer.Typer, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "generated.toml").write_text(
        "first_seed = 5\ncores = 3\nlength_cm = 12\nwidth_cm = 5\npx_per_cm_lowest = 30\n"
        "px_per_cm_usual = 30\npx_per_cm_highest = 30\n",
        encoding="utf-8",
    )

    args = [str(tmp_path / "data"), "--json", str(tmp_path / "b.json"), "--bootstrap", "20"]
    result = CliRunner().invoke(app, args)

    assert result.exit_code == 0, result.output
    rows = strict(tmp_path / "b.json")["rows"]
    ceilings = {r["property"]: r["r2"] for r in rows if r["network"] == "visible-part"}
    assert set(ceilings) == {"density", "vp", "ms"}
    assert any(row["share_of_visible"] is not None for row in rows)


def test_a_release_is_read_with_its_images_and_logs(tmp_path: Path) -> None:
    recipe = LookalikeRecipe(cores=1, sections=1, section_cm=16, px_per_cm=30, width_cm=4.0)
    release = write_lookalike(tmp_path, recipe)

    (core,) = read_folder(release).cores

    assert core.px_per_cm == pytest.approx(30.0)
    assert np.isfinite(core.labels).any(axis=0).all()
    assert core.has_colour.mean() > 0.5
    assert core.depth_cm[0] < 2.0


def strict(path: Path) -> Any:
    def refuse(name: str) -> float:
        raise AssertionError(f"{name} is no JSON")

    found = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert not any(
        isinstance(v, float) and math.isnan(v) for r in found["rows"] for v in r.values()
    )
    return found
