"""What is kept of a scan's files: their content, its names, and how often they were begun."""

import hashlib
import os
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from downcore.ports import ScanDescription
from downcore.service import identity
from downcore.service.identity import (
    Identity,
    attempt_key,
    content_of,
    made_with,
    refusal_key,
    scan_of,
)
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.listing import SeenFile
from downcore.sources.inbox.section_names import SectionName
from downcore.sources.turns import at_once
from downcore.strata.depth import LineScale
from downcore.strata.record import Scan


@dataclass(frozen=True)
class StripFormat:
    """A format of one strip a file, all of a folder being one scan, or of one file a scan."""

    is_one_file: bool

    def grouping(self, path: Path) -> str:
        return str(path) if self.is_one_file else str(path.parent)


def files_of(*paths: Path, inode: int = 7, is_one_file: bool = False) -> ScanFiles:
    seen = tuple(
        SeenFile(path, path.stat().st_size if path.exists() else 0, 0, inode + n, 1)
        for n, path in enumerate(paths)
    )
    return ScanFiles("", cast("Any", StripFormat(is_one_file=is_one_file)), seen, signature="")


def written(folder: Path, **content: bytes) -> list[Path]:
    paths = [folder / name for name in content]
    for path, some in zip(paths, content.values(), strict=True):
        path.write_bytes(some)
    return paths


def blake2b(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def test_the_content_of_one_file_is_the_digest_of_its_bytes(tmp_path: Path) -> None:
    (path,) = written(tmp_path, core=b"mud" * 1000)

    assert at_once(content_of(files_of(path))) == blake2b(b"mud" * 1000)


def test_the_content_of_strips_is_that_of_all_of_them_in_order(tmp_path: Path) -> None:
    top, bottom = written(tmp_path, a=b"top", b=b"bottom")
    digests = [bytes.fromhex(blake2b(part)) for part in (b"top", b"bottom")]

    assert at_once(content_of(files_of(top, bottom))) == blake2b(b"".join(digests))
    assert at_once(content_of(files_of(bottom, top))) != at_once(content_of(files_of(top, bottom)))


def test_many_small_strips_are_digested_in_turns_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "TURN_BYTES", 20)
    strips = written(tmp_path, **{f"strip{n}": b"0123456789" for n in range(6)})

    turns = content_of(files_of(*strips))

    assert len(list(turns)) == 3, "two strips of 10 bytes a turn"


@dataclass(frozen=True)
class OpenedScan:
    """A scan that says what it is."""

    description: ScanDescription
    scale: LineScale = field(default_factory=lambda: LineScale.of("12.5"))


def test_a_scan_is_kept_with_what_file_name_and_sidecar_say_of_it() -> None:
    name = SectionName("IODP-391", "U1575A", "3", "W", "U1575A-3-W", "", "")
    described = ScanDescription(
        "geotek", "12.5", "settings", "left", "format", 8, section_top_um=4_520_000
    )
    path = Path(os.fsdecode(b"/inbox/U1575A\xff.tif"))

    scan = scan_of(
        files_of(path),
        cast("Any", OpenedScan(described)),
        name,
        Identity("ab" * 16, "cd" * 16, None),
        content="ef" * 16,
    )

    assert scan == Scan(
        scan_id="ab" * 16,
        section_id="U1575A-3-W",
        path="/inbox/U1575A\\xff.tif",
        format="geotek",
        px_per_cm=Fraction(25, 2),
        top="left",
        expedition="IODP-391",
        core="U1575A",
        section="3",
        half="W",
        section_top_um=4_520_000,
        header_digest="cd" * 16,
        content_digest="ef" * 16,
        px_per_cm_from="settings",
        top_from="format",
    )


def test_a_file_that_replaces_another_is_begun_for_the_first_time_and_one_that_grows_is_not() -> (
    None
):
    path = Path("/inbox/GC01.tif")
    first = attempt_key(files_of(path, inode=7, is_one_file=True))

    assert attempt_key(files_of(path, inode=7, is_one_file=True)) == first
    assert attempt_key(files_of(path, inode=8, is_one_file=True)) != first
    other = files_of(path.with_name("GC02.tif"), inode=7, is_one_file=True)
    assert attempt_key(other) != first


def test_a_scan_in_strips_is_the_same_one_when_another_strip_comes() -> None:
    top, bottom, other = (Path(f"/inbox/{name}.tif") for name in ("GC01/a", "GC01/b", "GC02/a"))
    first = attempt_key(files_of(top, inode=7))

    assert attempt_key(files_of(top, bottom, inode=8)) == first
    assert attempt_key(files_of(other, inode=7)) != first


def test_keys_of_paths_are_plain_text_and_tell_paths_from_scans_that_were_begun() -> None:
    odd = Path(os.fsdecode(b"/inbox/GC\n01\xff.tif"))
    refused, begun = refusal_key(odd), attempt_key(files_of(odd, is_one_file=True))

    assert refused == "file:/inbox/GC\\n01\\xff.tif"
    assert begun == "attempt:7:/inbox/GC\\n01\\xff.tif"
    assert attempt_key(files_of(odd)) == "attempt:0:/inbox"


def test_rows_are_made_with_every_bundle_and_the_composer_that_run() -> None:
    def made(*bundles: str, composition_config: object = None) -> str:
        station = SimpleNamespace(bundle_ids=bundles, composition_config=composition_config)
        return made_with(cast("Any", station))

    assert made("b1") == "b1"
    assert made("b1", "b2") == "b1,b2"
    assert made("b1", composition_config=SimpleNamespace(composer_id="c1")) == "b1,c1"
    assert made() == ""
