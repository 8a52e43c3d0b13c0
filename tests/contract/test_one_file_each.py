"""
A plug-in is one file: those of the how-to documents are written into a copy of the source.

There the contract tests have to find them by themselves, and the programs have to run them.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("edge", "training", "export", "shore")


def blocks(page: str) -> list[tuple[str, str]]:
    """Return each block of Python in a how-to, with the last file that was named before it."""
    text = (ROOT / "docs" / "how-to" / page).read_text()
    found: list[tuple[str, str]] = []
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        named = re.findall(r"`([\w/]+\.py)`", text[: block.start()])
        found.append((named[-1], block[1]))
    return found


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the source and the contract tests, large files linked."""
    tree = tmp_path_factory.mktemp("clone")
    heavy = ROOT / "edge" / "downcore" / "bundles"
    for source in SOURCES:
        shutil.copytree(
            ROOT / source,
            tree / source,
            ignore=lambda folder, names: (
                ["bundles"] if Path(folder) == heavy.parent else {"__pycache__"} & set(names)
            ),
        )
    (tree / "edge" / "downcore" / "bundles").symlink_to(heavy)
    for name in ("contract", "data/segments", "support"):
        shutil.copytree(ROOT / "tests" / name, tree / "tests" / name)
    for name in ("pyproject.toml", "config"):
        (tree / name).symlink_to(ROOT / name)
    return tree


def run(tree: Path, *arguments: str) -> str:
    """Run Python in the copy and return what it printed; it must end well."""
    path = os.pathsep.join(str(tree / source) for source in SOURCES)
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout


def passed(tree: Path, test_file: str, name: str) -> int:
    """Run the contract tests of one plug-in; return how many passed, none having failed."""
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/contract/{test_file}")
    summary = re.search(r"(\d+) passed", run(tree, *arguments, "-k", name))
    return int(summary[1]) if summary else 0


def test_a_sink_is_one_file_which_the_daemon_opens_where_its_section_says_so(tree: Path) -> None:
    ((place, source),) = blocks("add-a-sink.md")
    (tree / place).write_text(source)

    assert passed(tree, "test_sinks.py", "json_lines") == 3

    inbox = tree / "inbox"
    shutil.copytree(tree / "tests" / "data" / "segments" / "plain_tiff" / "one_strip", inbox)
    (tree / "edge.toml").write_text(
        '[inbox]\npx_per_cm = "20"\nsettle_s = 0\ngive_up_s = 0\n[predict]\nbundles = []\n'
        "[composition]\nenabled = false\n[mqtt]\nenabled = false\n"
        '[json_lines]\nenabled = true\npath = "log.jsonl"\n'
    )
    (inbox / "lines.npy").unlink()
    (inbox / "sample.json").unlink()
    run(tree, "-m", "downcore", "run", "--once", "--config", "edge.toml")
    lines = (tree / "log.jsonl").read_text().splitlines()
    assert any('"rows"' in line for line in lines), lines


def test_a_scanner_format_is_one_file_and_a_sample(tree: Path) -> None:
    (place, source), (_, sample) = blocks("add-a-scanner-format.md")
    (tree / place).write_text(source)
    run(tree, "-c", sample)

    assert passed(tree, "test_scanner_formats.py", "scale_in_name or every_format") > 15


def test_a_log_format_is_one_file_and_a_sample(tree: Path) -> None:
    (place, source), (samples, sample) = blocks("add-a-log-format.md")
    (tree / place).write_text(source)
    before, start, after = (tree / samples).read_text().partition("\n_PLAIN = (\n")
    (tree / samples).write_text(f"{before}{start}{sample},\n{after}")

    assert passed(tree, "test_log_formats.py", "example or every_format") > 15


@pytest.mark.skipif(find_spec("torch") is None, reason="needs the extra [training]")
def test_a_network_is_one_file_without_public_weights_or_a_recipe_of_its_own(tree: Path) -> None:
    ((place, source),) = blocks("add-a-network.md")
    (tree / place).write_text(source)

    assert passed(tree, "test_networks.py", "small") == 8


def test_a_plug_in_that_forgot_its_value_is_named_with_what_to_do(tree: Path) -> None:
    stray = tree / "edge" / "downcore" / "publish" / "sinks" / "stray.py"
    stray.write_text('"""No sink."""\n')
    code = (
        "from downcore.publish.sinks import sinks\n"
        "try:\n    sinks()\nexcept TypeError as error:\n    print(error)"
    )

    message = run(tree, "-c", code)

    stray.unlink()
    assert "expected SINK, a Sink, in downcore.publish.sinks.stray" in message
    assert "underscore" in message
