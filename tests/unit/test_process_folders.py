"""How files that a person names become scans, before any of them is opened."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from downcore.commands import image_files
from downcore.commands.image_files import ImageFolders, scan_files_of
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder

PIXELS = np.full((8, 4, 3), 90, dtype=np.uint8)


@pytest.fixture
def scans(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"GC01_{n:02d}.tif" for n in range(6)]
    for path in paths:
        tifffile.imwrite(path, PIXELS, photometric="rgb", metadata=None)
    return paths


def test_a_folder_is_listed_once_however_many_of_its_scans_are_named(
    scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    n_listed = 0

    class Counted(ScanFilesFinder):
        def __init__(self, *, with_previews: bool) -> None:
            nonlocal n_listed
            n_listed += 1
            super().__init__(with_previews=with_previews)

    monkeypatch.setattr(image_files, "ScanFilesFinder", Counted)
    folders = ImageFolders()

    found = [folders.find(path) for path in scans]

    assert [one.paths for one in found if isinstance(one, ScanFiles)] == [(p,) for p in scans]
    assert n_listed == 1, "the folder was listed for every scan"


def test_a_file_named_from_within_its_folder_is_found(
    scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scans[0].parent)

    found = scan_files_of(Path(scans[0].name))

    assert isinstance(found, ScanFiles), found


def test_what_is_no_scan_is_told_with_its_reason(scans: list[Path]) -> None:
    folder = scans[0].parent
    (folder / "grey.tif").write_bytes(b"no image at all")
    (folder / "notes.doc").write_bytes(b"words")
    (folder / "link.tif").symlink_to(scans[0])

    for name, reason in (
        ("grey.tif", "first bytes"),
        ("notes.doc", "no scanner format"),
        ("link.tif", "a link"),
        ("gone.tif", "No such file"),
    ):
        found = scan_files_of(folder / name)
        assert isinstance(found, str), name
        assert reason in found, found
