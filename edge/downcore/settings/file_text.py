"""The text of a settings file, as editors on any system write it, and its values."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from downcore.strata.errors import SettingsError
from downcore.strata.input_text import shown

_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def shown_value(key: str, value: object) -> str:
    """
    Return a value as a message shows it, without what may be a password.

    What stands before an ``@``, as in ``mqtt://user:password@broker``, is left out.
    """
    try:
        text = value if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):
        return shown(value)
    if "password" in f"{key} {text}".lower():
        return "a value that is not shown, since it may hold a password"
    return shown(f"...@{text.rpartition('@')[2]}" if "@" in text else value)


def values_in(path: Path) -> dict[str, Any]:
    """
    Return the values of a TOML file; UTF-8 and UTF-16 are read alike.

    Raises
    ------
    SettingsError
        If it cannot be read, is no TOML, or holds a path as Windows writes it; says what is right.
    """
    text = ""
    try:
        raw = path.read_bytes()
        encoding = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), "")
        encoding = encoding or _encoding_without_mark(raw)
        # As a file opened for text has them.
        text = raw.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        values = tomllib.loads(text)
        # Written out, so that a hexadecimal number of thousands of digits is refused, too.
        repr(values)
    except OSError as error:
        raise SettingsError(
            f"expected a settings file at {path}, got: {error.strerror}; "
            "'downcore init INBOX' writes one"
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"expected TOML in UTF-8 in {path}, got: {error}; save it as UTF-8 in the editor"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"expected TOML in {path}, got: {error}{_hint(text)}") from None
    except (ValueError, RecursionError):
        raise SettingsError(
            f"expected settings in {path}, got a number of thousands of digits, or brackets "
            "nested too deep; mend the file, or write another with 'downcore init INBOX'"
        ) from None
    for key, value in _texts(values):
        _check_path(path, key, value)
    return values


def _encoding_without_mark(raw: bytes) -> str:
    """Return UTF-16 where every other one of the first bytes is zero, which TOML never holds."""
    start = raw[:16]
    if start[1::2] and not any(start[1::2]):
        return "utf-16-le"
    return "utf-16-be" if start[::2] and not any(start[::2]) else "utf-8"


def _hint(text: str) -> str:
    if re.search(r'"[A-Za-z]:\\|"\\\\', text):
        return "; a backslash within double quotes begins a code: write / or single quotes"
    return ""


def _texts(values: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(values, dict):
        for name, value in values.items():
            yield from _texts(value, f"{key}.{name}" if key else str(name))
    elif isinstance(values, list):
        for value in values:
            yield from _texts(value, key)
    elif isinstance(values, str):
        yield key, values


def _check_path(path: Path, key: str, value: str) -> None:
    if _CONTROLS.search(value):
        raise SettingsError(
            f"{path}: {key}: expected text without control characters, got "
            f"{shown_value(key, value)}; a backslash within double quotes begins a code: write / "
            "or single quotes"
        )
    if _WINDOWS_PATH.match(value) and "pattern" not in key:
        raise SettingsError(
            f"{path}: {key}: expected a folder or file of this computer, such as /srv/scans, got a "
            f"Windows path, {shown_value(key, value)}; give the folder where the share is mounted"
        )
