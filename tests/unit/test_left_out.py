"""What an inbox holds besides scans is left out, and real scans never are."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mixed_inbox import core_pixels, write_jpeg, write_tiff

from downcore.sources.inbox.emptied import EmptiedInbox
from downcore.sources.inbox.grouping import PREVIEWS, ScanFilesFinder
from downcore.sources.inbox.leave_out_names import BY_KIND
from downcore.sources.inbox.leaving_out import MAX_NAMED, LeaveOut, LeftOut, left_out_sentences
from downcore.sources.inbox.listing import Listing, ListingLimits, SeenFile, list_inbox
from downcore.strata.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
LEAVE_OUT = LeaveOut()
SCAN = "GC01_01"


@pytest.mark.parametrize(
    "name",
    [
        "#recycle", "@Recycle", "$RECYCLE.BIN", "$Recycle.Bin", "RECYCLER", ".Trash-1000",
        ".Trashes", "#snapshot", ".snapshot", ".snapshots", "~snapshot", "@Recently-Snapshot",
        "@eaDir", ".AppleDouble", "__MACOSX", "System Volume Information", "lost+found",
        ".stversions", ".zfs", "@tmp", ".dropbox.cache", "Network Trash Folder", "thumbs",
        "Thumbnails", ".thumbnails", "previews", "@__thumb", "GMT-2026.11.01-12.00.00",
    ],
)  # fmt: skip
def test_folders_of_systems_are_not_looked_into(name: str) -> None:
    assert LEAVE_OUT.folder_kind(name)


@pytest.mark.parametrize(
    "name",
    ["2026-11-30", "LP161B", "GC01 (1)", "Exp401 - Copy", "core.bak scans", "snapshots of mud",
     "trays", "Recycled mud", "Kern ä", "preview cores", "thumb drive 2", "@home"],
)  # fmt: skip
def test_folders_of_people_are(name: str) -> None:
    assert LEAVE_OUT.folder_kind(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        f"._{SCAN}.tif", ".DS_Store", "Thumbs.db", "desktop.ini", f"{SCAN}.tif@SynoEAStream",
        f"{SCAN}.sync-conflict-20260101-120000-ABCDEFG.tif",
        f"{SCAN} (conflicted copy 2026-01-01).tif",
        f"{SCAN} (Ana's conflicted copy 2026-01-01).tif",
        f"{SCAN}_conflict-20260101-120000.tif", f"{SCAN} (SFConflict a@b 2026-01-01-1-2-3).tif",
        f"{SCAN} (Case Conflict).tif", f"{SCAN} [conflicted].tif", f"{SCAN}_NAS_Conflict.tif",
        f"{SCAN}.tif.bak", f"{SCAN}.bak.tif", f"Backup of {SCAN}.tif", f"{SCAN} (1).tif",
        f"{SCAN}(2).tif", f"{SCAN} - Copy.tif", f"{SCAN} - Copy (2).tif", f"Copy of {SCAN}.tif",
        f"{SCAN} copy.tif", f"{SCAN} copy 2.tif", f"{SCAN} (copy).tif", f"{SCAN} - Kopie.tif",
        f"{SCAN} - copie.tif", f"Copia de {SCAN}.tif", f"{SCAN} - копия.tif", f"{SCAN} - 副本.tif",
        f"{SCAN}_backup.tif", f"{SCAN}_preview.png", f"{SCAN}-thumb.jpg", f"thumb_{SCAN}.jpg",
        f"{SCAN}_small.jpg", f"{SCAN}.tif.jpg", f"{SCAN.lower()}_PREVIEW.JPG",
        "SYNOPHOTO_THUMB_XL.jpg", ".nfs000000000001", "FILE.TIF.ORIG",
    ],
)  # fmt: skip
def test_copies_previews_and_files_of_systems_beside_a_scan_are_left_out(name: str) -> None:
    stems = LEAVE_OUT.stems_of([f"{SCAN}.tif", name])

    assert LEAVE_OUT.file_kind(name, stems)
    assert LEAVE_OUT.file_kind(f"{SCAN}.tif", stems) == "", "the scan itself"


@pytest.mark.parametrize(
    "name",
    ["GC01 (1).tif", "GC01_01 - Copy.tif", "Copy of GC01_01.tif", "GC01_01_preview.tif",
     "GC01_01_small.tif", "379-U1533B-12H-3-A.tif", "2026_005_FA_GC01_01.tif", "mud_strip_0001.tif",
     "x.0001.tif", "old core.tif", "GC01 2.tif", "copper 1.tif", "Desktop.tif", "conflict bay.tif",
     "GC01_01_left50.tif", "thumb point 3.tif", "preview.tif", "bakersfield.bmp", "optical.tif"],
)  # fmt: skip
def test_a_scan_that_is_there_alone_is_never_left_out(name: str) -> None:
    assert LEAVE_OUT.file_kind(name, LEAVE_OUT.stems_of([name, "GC99_01.tif"])) == ""


def test_a_person_adds_names_and_keeps_names() -> None:
    own = LeaveOut(("defaults", "test scans/", "*_calib.tif", "!*.old.*", "!thumbs/"))

    assert own.folder_kind("Test scans")
    assert own.file_kind("x_calib.tif", frozenset())
    assert own.folder_kind("thumbs") == ""
    assert LeaveOut(()).folder_kind("#recycle") == ""


@pytest.mark.parametrize("pattern", ["", "!", "a/b", "{scan}{scan}"])
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(SettingsError, match=r"inbox\.leave_out: expected a name"):
        LeaveOut((pattern,))


def test_every_built_in_name_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "inbox.md").read_text()

    for patterns in BY_KIND.values():
        for pattern in patterns:
            assert f"`{pattern.replace(chr(13), '?')}`" in page, pattern


def test_what_is_left_out_is_said_by_kind_and_counted() -> None:
    inbox = Path("/inbox")
    many = [LeftOut(inbox / f"{n}.bak", is_folder=False, kind="backups") for n in range(30)]
    bin_ = LeftOut(inbox / "#recycle", is_folder=True, kind="recycle bins")

    said = left_out_sentences([*many, bin_], inbox)

    assert len(said) == 2
    assert said[0].startswith("left out: backups: 30 files: 0.bak")
    assert said[0].endswith(f"and {30 - MAX_NAMED} more")
    assert said[1] == "left out: recycle bins: 1 folder: #recycle/"


Write = Callable[[Path], None]


@pytest.mark.parametrize(
    ("scan", "preview"),
    [
        (("GC01.tif", 400), ("GC01.jpg", 100)),
        (("GC01.tif", 400), ("GC01.jpg", 400)),
        (("GC01.tif", 400), ("GC01.png", 100)),
        (("GC01.png", 400), ("GC01.tif", 100)),
        (("GC01.png", 400), ("GC01.JPEG", 400)),
        (("GC01.jpg", 400), ("GC01.tif", 60)),
        (("GC01.TIF", 400), ("gc01.jpg", 100)),
    ],
)
def test_of_images_of_one_name_the_larger_lossless_one_is_the_scan(
    tmp_path: Path, scan: tuple[str, int], preview: tuple[str, int]
) -> None:
    for name, n_lines in (scan, preview):
        write = write_tiff if name.lower().endswith(".tif") else write_jpeg
        write(tmp_path / name, core_pixels(1, n_lines, n_lines // 4))
    finder = ScanFilesFinder()

    (found,), _ = finder.find(list_inbox(tmp_path, limits=ListingLimits()).files)

    assert [path.name for path in found.paths] == [scan[0]]
    assert [(one.path.name, one.kind) for one in finder.left_out] == [(preview[0], PREVIEWS)]


def test_a_preview_that_comes_first_does_not_keep_the_scan_from_being_read(tmp_path: Path) -> None:
    finder = ScanFilesFinder()
    write_jpeg(tmp_path / "GC01.jpg", core_pixels(1, 100, 30))
    (first,), _ = finder.find(list_inbox(tmp_path, limits=ListingLimits()).files)
    write_tiff(tmp_path / "GC01.tif", core_pixels(1, 400, 120))

    (second,), _ = finder.find(list_inbox(tmp_path, limits=ListingLimits()).files)

    assert [first.paths[0].suffix, second.paths[0].suffix] == [".jpg", ".tif"]


def listing_of(n_files: int, device: int = 1) -> Listing:
    files = tuple(SeenFile(Path(f"/inbox/{n}.tif"), 9, 9, n, device) for n in range(n_files))
    return Listing(files=files, not_yet=(), problems=(), is_listed=True, device=device)


def test_an_inbox_on_another_file_system_that_is_empty_is_doubted_until_the_files_are_back() -> (
    None
):
    emptied = EmptiedInbox(patience_s=900.0)
    assert emptied.doubt(listing_of(1), 0.0) == ""

    assert "another file system" in emptied.doubt(listing_of(0, device=2), 10.0)
    assert "another file system" in emptied.doubt(listing_of(0, device=2), 10_000.0)
    assert emptied.doubt(listing_of(1), 10_010.0) == ""


def test_an_inbox_that_empties_at_once_is_doubted_for_a_while() -> None:
    emptied = EmptiedInbox(patience_s=900.0)
    emptied.doubt(listing_of(40), 0.0)

    assert "held 40 files: all went away at once" in emptied.doubt(listing_of(0), 10.0)
    assert emptied.doubt(listing_of(0), 911.0) == "", "a person moved them"
    assert emptied.doubt(listing_of(0), 912.0) == ""


def test_an_inbox_that_was_empty_from_the_start_is_not_doubted() -> None:
    assert EmptiedInbox(patience_s=900.0).doubt(listing_of(0), 0.0) == ""
