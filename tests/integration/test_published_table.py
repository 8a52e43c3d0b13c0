"""``downcore bench --published`` from the command line to JSON, Markdown and a picture."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

pytest.importorskip("torch", reason="needs the extra [training]")

from downcore_training.bench.commands import bench

GENERATED = """\
first_seed = 5
cores = 2
cores_per_site = 2
length_cm = 46
width_cm = 4
px_per_cm_lowest = 20
px_per_cm_usual = 20
px_per_cm_highest = 20
"""


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(bench)
    return made


@pytest.mark.timeout(900)
def test_two_generated_cores_give_the_table_in_one_command(
    app: typer.Typer, tmp_path: Path
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    (data / "generated.toml").write_text(GENERATED, encoding="utf-8")

    args = [str(data), "--published", "--steps", "2", "--json", str(out / "t.json")]
    result = CliRunner().invoke(app, [*args, "--report", str(out)])

    assert result.exit_code == 0, result.output
    found = json.loads((out / "t.json").read_text(encoding="utf-8"))
    rows = found["published_table"]
    models = ["train-mean", "depth-only", "ridge-lab", "boosted-profile", "resnet-18"]
    assert list(found["models"]) == [*models, "hrnet-deeplabv3plus"]
    scored = {(row["protocol"], row["model"], row["property"]) for row in rows}
    protocols = {"random-slices", "whole-sections", "whole-cores"}
    properties = {"all", "density", "vp", "ms"}
    assert scored == {(p, m, i) for p in protocols for m in found["models"] for i in properties}
    by_key = {(row["protocol"], row["model"], row["property"]): row for row in rows}
    for (protocol, model, target), row in by_key.items():
        leaky = by_key["random-slices", model, target]
        gap = None if protocol == "random-slices" else leaky["r2"] - row["r2"]
        assert row["leakage_gap"] == (None if gap is None else pytest.approx(gap))
        is_network = model in {"resnet-18", "hrnet-deeplabv3plus"}
        assert row["steps"] == ([2, 2] if is_network else None)
    assert {control["network"] for control in found["controls"]} == set(found["models"])
    assert any("whole-sites cannot be computed" in note for note in found["notes"])
    assert any("whole-cores is the same as whole-sections" in note for note in found["notes"])
    text = (out / "published.md").read_text(encoding="utf-8")
    assert "| whole-cores | hrnet-deeplabv3plus | all |" in text
    assert (out / "published.png").stat().st_size > 10_000


def test_a_folder_without_images_is_refused_in_a_sentence(app: typer.Typer, tmp_path: Path) -> None:
    rows = "\n".join(f"{i},{1.3 + 0.001 * i},90,80,70" for i in range(30))
    table = f"depth_cm,density,R_mean,G_mean,B_mean\n{rows}\n"
    (tmp_path / "X_slices_1cm.csv").write_text(table, encoding="utf-8")

    result = CliRunner().invoke(app, [str(tmp_path), "--published"])

    assert result.exit_code == 78
    assert "expected slices with an image" in result.output


def test_steps_without_the_table_are_refused(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path), "--steps", "5"])

    assert result.exit_code == 2
