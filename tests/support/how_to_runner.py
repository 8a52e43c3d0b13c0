"""
Follows a how-to document as a reader would: its ``downcore`` commands and its Python, in order.

By hand, to draw a document's pictures anew: ``python tests/support/how_to_runner.py
docs/how-to/analyse-in-python.md --keep docs/pictures`` copies the PNGs it makes there.
"""

import argparse
import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(document: Path) -> Iterator[tuple[str, str, int]]:
    """Yield the language of each block, its text, and the line of the document it begins on."""
    text = document.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        yield block[1], block[2], text.count("\n", 0, block.start(2)) + 1


def follow(document: Path, folder: Path) -> None:
    """
    Do in ``folder`` what a document says; what a reader would see fail is raised.

    Of shell blocks the ``downcore`` commands are run; lines that install something are not.
    """
    names: dict[str, object] = {"__name__": "__main__"}
    with contextlib.chdir(folder):
        for language, text, line in blocks_of(document):
            if language == "sh":
                for command in text.splitlines():
                    _run(command)
            else:
                # Blank lines before it, so that a traceback names the document's own line.
                exec(compile("\n" * (line - 1) + text, str(document), "exec"), names)  # noqa: S102 - the document's own code


def _run(command: str) -> None:
    name, *arguments = shlex.split(command)
    if name == "downcore":
        ran = subprocess.run(
            [sys.executable, "-m", "downcore", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{command}: {ran.stderr}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Follow a how-to document.")
    parser.add_argument("document", type=Path)
    parser.add_argument("--keep", type=Path, help="folder to copy the pictures to")
    arguments = parser.parse_args()
    os.environ["MPLBACKEND"] = "agg"
    keep = arguments.keep and arguments.keep.resolve()
    with tempfile.TemporaryDirectory() as folder:
        follow(arguments.document.resolve(), Path(folder))
        for picture in sorted(Path(folder).glob("*.png")) if keep else ():
            shutil.copy(picture, keep)


if __name__ == "__main__":
    main()
