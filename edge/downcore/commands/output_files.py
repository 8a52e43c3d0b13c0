"""Files that a command is asked to write: never an input, never another program's file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from downcore.file_names import printable
from downcore.strata.errors import SettingsError


def check_output(
    option: str,
    out: Path,
    *,
    is_own: Callable[[Path], bool],
    endings: tuple[str, ...] = (),
    taken: Mapping[Path, str] = MappingProxyType({}),
) -> None:
    """
    Refuse a file that cannot be written, or that would take the place of another.

    Parameters
    ----------
    option : str
        By which it was named.
    out : Path
        File to write.
    is_own : callable
        Whether an existing file is an earlier one of the same kind, which may be replaced.
    endings : tuple of str
        Which it may have, lower case; any if empty.
    taken : mapping of Path to str
        Resolved files that it must not be, with what each of them is.

    Raises
    ------
    SettingsError
        Names the option and what is wrong.
    """
    if endings and out.suffix.lower() not in endings:
        raise SettingsError(
            f"expected a file that ends in {' or '.join(endings)} for {option}, "
            f"got {printable(out)}"
        )
    place = out.resolve()
    if place in taken:
        raise SettingsError(
            f"expected a file of its own for {option}, got {taken[place]}: {printable(out)}"
        )
    if not place.parent.is_dir():
        raise SettingsError(
            f"expected a folder that exists for {option}, got {printable(out)}; make it first"
        )
    if place.is_dir():
        raise SettingsError(f"expected a file for {option}, got the folder {printable(out)}")
    if place.exists() and not is_own(place):
        raise SettingsError(
            f"expected a new file for {option}, or an earlier one of this command to replace, "
            f"got {printable(out)}"
        )
