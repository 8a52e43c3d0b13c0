"""
Corrections that wait for the one writer: a file each, in a folder beside the database.

Only the daemon that runs may write to the database, so a command that finds it running leaves its
request there. Whoever has the store open takes it up, in one transaction, and removes the file
after; a request that was taken up before a kill is known by its id, and is not applied twice.
"""

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from downcore.strata.errors import StoreError
from downcore.strata.scan_corrections import AskedReading, CorrectionRequest, Verb

logger = logging.getLogger(__name__)

ENDING = ".json"
MAX_BYTES = 16 * 1024 * 1024
"""Longest request that is read; one for 100,000 scans is shorter."""


def folder_of(database: Path) -> Path:
    """Return where requests wait for the writer of a database."""
    return database.with_name(database.name + ".requests")


def hand_over(database: Path, request: CorrectionRequest) -> Path:
    """
    Leave a request for the daemon that runs; return the file, which goes once it is taken up.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    folder = folder_of(database)
    path = folder / f"{request.made_utc.replace(':', '')}-{request.request_id}{ENDING}"
    beside = path.with_suffix(".new")
    try:
        folder.mkdir(mode=0o770, exist_ok=True)
        with beside.open("x", encoding="utf-8") as file:
            json.dump(asdict(request), file)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except OSError as error:
        raise StoreError(
            f"expected to leave a request for the daemon in {folder}, got: {error.strerror}; "
            "run the command as the user that the daemon runs as"
        ) from error
    return path


def has_waiting(database: Path) -> bool:
    """Return whether a request waits."""
    with contextlib.suppress(OSError), os.scandir(folder_of(database)) as entries:
        return any(entry.name.endswith(ENDING) for entry in entries)
    return False


def waiting(database: Path) -> Iterator[tuple[Path, CorrectionRequest | None]]:
    """Yield the requests that wait, oldest first; ``None`` for a file that is none."""
    try:
        paths = sorted(folder_of(database).glob(f"*{ENDING}"))
    except OSError:
        return
    for path in paths:
        try:
            yield path, _parsed(path)
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            logger.warning("%s: not a correction, removed: %s", path.name, error)
            yield path, None


def done_with(path: Path) -> None:
    """Remove a request that was taken up; one that cannot be removed is known when it is met."""
    with contextlib.suppress(OSError):
        path.unlink()


def _parsed(path: Path) -> CorrectionRequest:
    with path.open(encoding="utf-8") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError(f"expected at most {MAX_BYTES} characters")
    raw: dict[str, Any] = json.loads(text)
    asked = AskedReading(**{key: _text_or_none(one) for key, one in raw["reading"].items()})
    return CorrectionRequest(
        request_id=_text(raw["request_id"]),
        verb=Verb(raw["verb"]),
        made_by=_text(raw["made_by"]),
        made_utc=_text(raw["made_utc"]),
        asked=_text(raw["asked"]),
        scan_ids=tuple(map(_text, raw["scan_ids"])),
        paths=tuple(map(_text, raw["paths"])),
        reading=asked,
        why=_text(raw["why"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    value.encode()
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)
