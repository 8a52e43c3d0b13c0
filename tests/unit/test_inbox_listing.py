import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from downcore.file_names import printable
from downcore.sources.inbox.listing import Entry, Listing, ListingLimits, Trouble, list_inbox

LIMITS = ListingLimits()


def names(seen: Listing) -> list[str]:
    return [str(file.path.name) for file in seen.files]


@dataclass(frozen=True)
class BlinkingEntry:
    entry: Entry
    code: int

    @property
    def name(self) -> str:
        return self.entry.name

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        raise OSError(self.code, os.strerror(self.code), follow_symlinks)


@dataclass(frozen=True)
class BlinkingShare:
    """A share on which one entry, or the listing of one folder, fails with an error."""

    name: str
    code: int
    lists: bool = False

    def __call__(self, folder: Path) -> AbstractContextManager[Iterable[Entry]]:
        if self.lists and folder.name == self.name:
            raise OSError(self.code, os.strerror(self.code))
        return self._entries(folder)

    @contextmanager
    def _entries(self, folder: Path) -> Iterator[Iterable[Entry]]:
        with os.scandir(folder) as entries:
            yield [
                BlinkingEntry(entry, self.code)
                if entry.name == self.name and not self.lists
                else entry
                for entry in entries
            ]


def test_a_look_finds_section_images_in_all_folders_in_the_order_of_their_names(
    tmp_path: Path,
) -> None:
    for name in ("b/02.tif", "b/01.tif", "a.bmp", "c/d/e.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"core")
    seen = list_inbox(tmp_path, limits=LIMITS)
    assert [str(f.path.relative_to(tmp_path)) for f in seen.files] == [
        "a.bmp",
        "b/01.tif",
        "b/02.tif",
        "c/d/e.png",
    ]
    state = (tmp_path / "a.bmp").stat()
    first = seen.files[0]
    assert (first.size, first.mtime_ns, first.inode, first.device) == (
        4,
        state.st_mtime_ns,
        state.st_ino,
        state.st_dev,
    ), "size, time and place must be the file system's"
    assert seen.is_listed
    assert seen.problems == ()


@pytest.mark.parametrize(
    "name", [".hidden.tif", "GC01.tif.part", "GC01.TMP", "GC01.tif~", "~$GC01.tif", "x.filepart"]
)
def test_a_file_under_a_temporary_name_is_not_yet_a_section(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"half a copy")
    seen = list_inbox(tmp_path, limits=LIMITS)
    assert seen.files == ()
    assert [file.path.name for file in seen.not_yet] == [name]


def test_links_and_pipes_are_named_but_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.tif").write_bytes(b"x")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "folder_link").symlink_to(outside)
    (inbox / "file_link.tif").symlink_to(outside / "secret.tif")
    os.mkfifo(inbox / "pipe.tif")
    seen = list_inbox(inbox, limits=LIMITS)
    assert seen.files == ()
    assert {p.path.name: p.trouble for p in seen.problems} == {
        "folder_link": Trouble.NOT_REGULAR,
        "file_link.tif": Trouble.NOT_REGULAR,
        "pipe.tif": Trouble.NOT_REGULAR,
    }
    assert seen.can_tell_missing(inbox / "gone.tif"), "a link hides no other file"


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EIO, errno.EACCES, errno.EHOSTDOWN])
def test_an_entry_that_cannot_be_looked_at_leaves_its_neighbours_alone(
    tmp_path: Path, code: int
) -> None:
    for name in ("1.tif", "2.tif", "3.tif"):
        (tmp_path / name).write_bytes(b"core")
    seen = list_inbox(tmp_path, limits=LIMITS, list_folder=BlinkingShare("2.tif", code))
    assert names(seen) == ["1.tif", "3.tif"]
    assert [p.trouble for p in seen.problems] == [Trouble.UNREADABLE]
    assert not seen.can_tell_missing(tmp_path / "2.tif"), "unknown must not be taken for gone"
    assert seen.can_tell_missing(tmp_path / "9.tif")


def test_an_entry_that_vanished_meanwhile_is_simply_gone(tmp_path: Path) -> None:
    (tmp_path / "1.tif").write_bytes(b"core")
    seen = list_inbox(tmp_path, limits=LIMITS, list_folder=BlinkingShare("1.tif", errno.ENOENT))
    assert (seen.files, seen.problems) == ((), ())
    assert seen.can_tell_missing(tmp_path / "1.tif")


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EIO, errno.EACCES])
def test_nothing_is_said_of_a_folder_that_cannot_be_listed(tmp_path: Path, code: int) -> None:
    for name in ("GC01/1.tif", "GC02/1.tif"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"core")
    seen = list_inbox(tmp_path, limits=LIMITS, list_folder=BlinkingShare("GC01", code, lists=True))
    assert [f.path.parent.name for f in seen.files] == ["GC02"]
    assert not seen.can_tell_missing(tmp_path / "GC01" / "1.tif")
    assert seen.can_tell_missing(tmp_path / "GC02" / "2.tif")


def test_an_inbox_that_is_not_there_is_a_value_and_not_an_empty_inbox(tmp_path: Path) -> None:
    inbox = tmp_path / "unmounted"
    seen = list_inbox(inbox, limits=LIMITS)
    assert not seen.is_listed
    assert seen.problems[0].trouble is Trouble.UNREADABLE
    assert not seen.can_tell_missing(inbox / "1.tif")


def test_a_name_that_is_not_utf8_survives_and_can_be_printed(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/core\xff\n.tif"
    with open(raw, "wb") as file:  # noqa: PTH123 - the name is bytes
        file.write(b"core")
    (seen,) = list_inbox(tmp_path, limits=LIMITS).files
    assert os.fsencode(seen.path) == raw
    assert seen.path.read_bytes() == b"core"
    assert printable(seen.path.name) == r"core\xff\n.tif"
    assert printable("\u202ecod.tif").isascii(), "text that runs right to left is spelled out"


def test_a_look_stops_at_its_limits_and_says_so(tmp_path: Path) -> None:
    for name in ("1.tif", "2.tif", "3.tif"):
        (tmp_path / name).write_bytes(b"core")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep.tif").write_bytes(b"core")
    shallow = list_inbox(tmp_path, limits=ListingLimits(max_depth=1))
    assert "deep.tif" not in names(shallow)
    assert not shallow.can_tell_missing(tmp_path / "a" / "b" / "deep.tif")
    few = list_inbox(tmp_path, limits=ListingLimits(max_entries=2))
    assert len(few.files) <= 2
    assert few.problems[0].trouble is Trouble.BEYOND_LIMITS
    assert not few.can_tell_missing(tmp_path / "3.tif")
