"""Tables that come with the device, and those in a user's own files."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from downcore.endmember_tables.parsing import MAX_CHARACTERS, parse_table
from downcore.strata.endmembers.table import EndMemberTable
from downcore.strata.errors import EndMemberError


def preset_names() -> tuple[str, ...]:
    """Return the names of the tables that come with the device, sorted."""
    folder = resources.files("downcore.endmember_presets")
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    )


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table, and what tells it from another version of itself."""

    table: EndMemberTable
    sha256: str
    """Of the text it was read from."""


def find_table(name: str) -> FoundTable:
    """
    Return the table of a preset's name, or of a file where the name has a slash.

    Raises
    ------
    EndMemberError
        If there is none, or it cannot be used.
    """
    if "/" in name:
        text, called = _read(Path(name)), Path(name).name
    else:
        text, called = _preset_text(name), f"{name}.toml"
    return FoundTable(parse_table(text, called), hashlib.sha256(text.encode()).hexdigest())


def _preset_text(name: str) -> str:
    if name not in preset_names():
        raise EndMemberError(
            f"expected one of {', '.join(preset_names())}, got {name!r}; a file is written with a "
            "slash, as ./mine.toml"
        )
    return (resources.files("downcore.endmember_presets") / f"{name}.toml").read_text("utf-8")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CHARACTERS + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise EndMemberError(
            f"expected an end-member table in {path}, got: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise EndMemberError(f"{path}: expected UTF-8 text, got {error.reason}") from error
    return text
