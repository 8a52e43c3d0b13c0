"""What is missing can be installed by the command that the message names, from any install."""

import sys
import tomllib
from pathlib import Path

import pytest

from downcore import extras
from downcore.cli import main
from downcore.exit_codes import MISSING_EXTRA

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_names_every_library_of_the_extra_and_this_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = ['pandas<4,>=2.2; extra == "notebook"', 'xarray>=2025.1; extra == "notebook"']
    monkeypatch.setattr(extras, "requires", lambda _: ["numpy>=2", *told, 'x; extra == "test"'])

    assert extras.install_command("pandas") == (
        f"{sys.executable} -m pip install 'pandas<4,>=2.2' 'xarray>=2025.1'"
    )


def test_an_install_that_does_not_know_the_extra_yet_is_told_the_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "requires", lambda _: ["numpy"])

    assert extras.install_command("xarray") == f"{sys.executable} -m pip install xarray"


def test_every_optional_module_belongs_to_an_extra_that_there_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert set(extras.EXTRA_OF.values()) <= set(project["optional-dependencies"])


def test_a_command_without_its_extra_says_how_to_install_it_before_it_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    image = tmp_path / "GC01_01.png"
    # What is no image at all is not even opened before the library is missed.
    image.write_bytes(b"\x89PNG\r\n\x1a\n")
    monkeypatch.setattr(
        sys, "argv", ["downcore", "compose", str(image), "--out", str(tmp_path / "plate.png")]
    )

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == MISSING_EXTRA
    said = capsys.readouterr().err
    assert "this command needs matplotlib" in said
    assert f"{sys.executable} -m pip install" in said


def test_no_message_or_document_asks_for_downcore_from_an_index() -> None:
    for folder in ("edge", "training", "export", "docs"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".md"}:
                text = path.read_text(encoding="utf-8")
                assert "downcore[" not in text, f"{path.relative_to(ROOT)}: downcore is on no index"


@pytest.mark.parametrize(
    "words", [("plate", "GC01", "--out", "plate.png", "--db", "none.db"), ("demo", "--once")]
)
def test_neighbours_that_draw_ask_for_the_library_before_they_look_at_anything(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["downcore", *words])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == MISSING_EXTRA
    assert "this command needs matplotlib" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
