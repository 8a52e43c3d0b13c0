"""``downcore train`` at the terminal."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from downcore_training.commands import train


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(train)
    return made


def test_listing_the_command_does_not_load_torch() -> None:
    code = "import sys, downcore_training.commands; sys.exit('torch' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": _path()})

    assert done.returncode == 0


def test_a_mistyped_recipe_ends_with_1_and_names_the_right_key(
    app: typer.Typer, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="needs the extra [training]")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('network = "resnet-18"\nsede = 3\n', encoding="utf-8")

    result = CliRunner().invoke(app, [str(recipe), "--out", str(tmp_path / "out")])

    assert result.exit_code == 1
    assert "did you mean 'seed'?" in result.output
    assert not (tmp_path / "out").exists()


def test_trees_are_fitted_in_one_go_and_not_resumed(app: typer.Typer, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra [training]")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('network = "boosted-colour"\nprecision = "f32"\n', encoding="utf-8")

    result = CliRunner().invoke(app, [str(recipe), "--out", str(tmp_path / "out"), "--resume"])

    assert result.exit_code == 1
    assert "leave it out" in result.output
    assert not (tmp_path / "out").exists()


def test_a_release_that_is_not_there_is_named(app: typer.Typer, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra [training]")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('network = "resnet-18"\n', encoding="utf-8")
    absent = tmp_path / "no-release"

    result = CliRunner().invoke(
        app,
        [
            *(str(recipe), "--out", str(tmp_path / "out")),
            *("--cache", str(tmp_path / "cache"), "--data", str(absent)),
        ],
    )

    assert result.exit_code == 1
    assert "no-release" in result.output.replace("\n", "")
    assert not (tmp_path / "out").exists()


def _path() -> str:
    return ":".join(sys.path)


def test_a_network_that_is_not_there_is_named_with_those_that_are(app: typer.Typer) -> None:
    pytest.importorskip("torch", reason="needs the extra [training]")

    result = CliRunner().invoke(app, ["resnet-99"])

    assert result.exit_code == 1
    assert "hrnet-deeplabv3plus, resnet-18, got 'resnet-99'" in result.output


def test_a_network_is_trained_by_its_name_as_it_says_itself() -> None:
    pytest.importorskip("torch", reason="needs the extra [training]")
    # Only where torch is installed can the lab be imported.
    from downcore_training.fitting.run import recipe_of  # noqa: PLC0415 - see above
    from downcore_training.recipe import parse_recipe  # noqa: PLC0415 - see above

    recipe, text = recipe_of(Path("resnet-18"))

    assert (recipe.network, recipe.steps) == ("resnet-18", 3200)
    assert parse_recipe(text) == recipe, "the card would show another recipe than was trained by"
