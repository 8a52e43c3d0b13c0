"""
What people ask of the one writer: a file each, in a folder beside the database.

Only the daemon that runs may write to the database, so a command that finds it running leaves its
request there: a correction, a version of the depth
ledger, or an acknowledgement of a flag. Whoever has the store open takes it
up, in one transaction, and removes the file after; one that was taken up before a kill is known,
a correction by its id and depths by what they say, and is not applied twice.
"""

import contextlib
import json
import logging
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from downcore.file_names import printable
from downcore.strata.depth_ledger import (
    CoreEntry,
    CoreName,
    Datum,
    DepthSource,
    Draft,
    SectionEntry,
)
from downcore.strata.errors import StoreError
from downcore.strata.flags import Acknowledgement
from downcore.strata.scan_corrections import AskedReading, CorrectionRequest, Verb

logger = logging.getLogger(__name__)

CORRECTION, DEPTHS, ACKNOWLEDGEMENT = "correction", "depths", "acknowledgement"
ENDING = ".json"
Request: TypeAlias = CorrectionRequest | Draft | Acknowledgement
KINDS: Mapping[type, str] = MappingProxyType(
    {CorrectionRequest: CORRECTION, Draft: DEPTHS, Acknowledgement: ACKNOWLEDGEMENT}
)
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
    return _leave(database, f"{_in_order(request.made_utc)}-{request.request_id}", request)


def hand_over_depths(database: Path, draft: Draft, made_utc: str) -> Path:
    """
    Leave a version of the depth ledger for the daemon that runs; as :func:`hand_over`.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    return _leave(database, f"{_in_order(made_utc)}-depths-{uuid.uuid4().hex}", draft)


def hand_over_acknowledgement(database: Path, said: Acknowledgement) -> Path:
    """
    Leave an acknowledgement of a flag for the daemon that runs; as :func:`hand_over`.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    return _leave(database, f"{_in_order(said.made_utc)}-{said.request_id}", said)


def _in_order(made_utc: str) -> str:
    return made_utc.replace(":", "")


def _leave(database: Path, stem: str, request: Request) -> Path:
    folder = folder_of(database)
    path = folder / f"{stem}{ENDING}"
    beside = folder / f"{stem}.new"
    kind = KINDS[type(request)]
    try:
        folder.mkdir(mode=0o770, exist_ok=True)
        with beside.open("x", encoding="utf-8") as file:
            json.dump({"kind": kind, **asdict(request)}, file)
            file.flush()
            os.fsync(file.fileno())
        _give_to_owner_of(database, folder, beside)
        beside.rename(path)
    except OSError as error:
        raise StoreError(
            f"expected to leave a request for the daemon in {folder}, got: {error.strerror}; "
            "run the command as the user that the daemon runs as"
        ) from error
    return path


def waiting(database: Path) -> list[Path]:
    """Return the requests that wait, the oldest first."""
    with contextlib.suppress(OSError), os.scandir(folder_of(database)) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.name.endswith(ENDING))
    return []


def read(path: Path) -> Request | None:
    """Return a request; ``None``, with a warning, for a file that is none."""
    try:
        return _parsed(path)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        logger.warning("%s: not a request, left out: %s", printable(path.name), error)
        return None


def remove(path: Path) -> bool:
    """Remove a request that was taken up; return whether it is gone."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _give_to_owner_of(database: Path, *paths: Path) -> None:
    """Let the user that the daemon runs as read what root made."""
    if os.geteuid() == 0:
        owner = database.stat()
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid)


def _parsed(path: Path) -> Request:
    with path.open(encoding="utf-8") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError(f"expected at most {MAX_BYTES} characters")
    raw = json.loads(text)
    if not isinstance(raw, dict):
        raise TypeError(f"expected an object, got {type(raw).__name__}")
    if raw.get("kind") == ACKNOWLEDGEMENT:
        return _acknowledgement(raw)
    return _draft(raw) if raw.get("kind") == DEPTHS else _correction(raw)


def _acknowledgement(raw: dict[str, Any]) -> Acknowledgement:
    if not isinstance(raw["flag_no"], int):
        raise TypeError(f"expected a number of a flag, got {raw['flag_no']!r}")
    texts = (_text(raw["made_by"]), _text(raw["made_utc"]), _text(raw["word"]))
    return Acknowledgement(_text(raw["request_id"]), raw["flag_no"], *texts)


def _draft(raw: dict[str, Any]) -> Draft:
    return Draft(
        DepthSource(raw["source"]),
        made_by=_text(raw["made_by"]),
        why=_text(raw["why"]),
        file_name=_text(raw["file_name"]),
        file_sha256=_text(raw["file_sha256"]),
        sections=tuple(
            SectionEntry(**{**one, "core": CoreName(**one["core"]), "datum": Datum(one["datum"])})
            for one in raw["sections"]
        ),
        cores=tuple(CoreEntry(**{**one, "core": CoreName(**one["core"])}) for one in raw["cores"]),
    )


def _correction(raw: dict[str, Any]) -> CorrectionRequest:
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
