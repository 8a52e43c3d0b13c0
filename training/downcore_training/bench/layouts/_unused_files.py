"""Files beside slice tables that nothing is read from, and why."""

from collections.abc import Sequence
from pathlib import Path

from downcore_training.bench.core import BenchCore
from downcore_training.bench.layouts._table_images import TableImages
from downcore_training.datasets.slice_tables.table import ENDING

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
_TABLES = frozenset({".csv", ".tsv", ".txt", ".dat", ".out", ".xls", ".xlsx"})
_MAX_NAMES = 100
"""Names in one note; of more, the number is said."""


def unused_files(folder: Path, cores: Sequence[BenchCore]) -> list[str]:
    """Return a note for each reason why images and tables below ``folder`` are not used."""
    used = {
        place.path
        for core in cores
        if isinstance(core.image, TableImages)
        for place in core.image.places
        if place is not None
    }
    images: list[Path] = []
    tables: list[Path] = []
    for path in sorted(folder.rglob("*")):
        ending = path.suffix.lower()
        if path.name.startswith(".") or not path.is_file():
            continue
        if ending in _IMAGES and path.resolve() not in used:
            images.append(path)
        elif ending in _TABLES and not path.name.lower().endswith(ENDING):
            tables.append(path)
    return [
        *_note(folder, images, "no row with a label and a place in it names them"),
        *_note(folder, tables, f"labels and colours are those of the tables named *{ENDING}"),
    ]


def _note(folder: Path, paths: Sequence[Path], why: str) -> list[str]:
    if not paths:
        return []
    names = [path.relative_to(folder).as_posix() for path in paths[:_MAX_NAMES]]
    more = f" and {len(paths) - _MAX_NAMES} more" if len(paths) > _MAX_NAMES else ""
    return [f"not used, since {why}: {', '.join(names)}{more}"]
