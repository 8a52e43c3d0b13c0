"""``downcore status``: how the daemon of a store fares, and what it stored last."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from downcore.commands.colour_lines import colour_lines
from downcore.commands.logger_lines import logger_lines
from downcore.file_names import printable
from downcore.service.backlog import in_words
from downcore.service.live_status import LiveStatus, read_status
from downcore.store import Reader
from downcore.store.daemon_lock import is_in_use
from downcore.store.waiting_corrections import waiting_corrections
from downcore.strata.errors import StoreError
from downcore.strata.reasons import grouped, such_as

N_NEWEST = 5
"""Sections whose rows came last that are listed."""
N_QUESTIONS = 3
"""Questions that are shown whole."""
SILENT_S = 60.0
"""A daemon that has written nothing for so long is said to be silent."""


def is_running(database: Path) -> bool:
    """Return whether a daemon runs on a store."""
    said = read_status(database)
    return is_in_use(database) and said is not None and not said.ended


def status_lines(database: Path, now: datetime | None = None) -> Iterator[str]:
    """
    Yield how the daemon of a store fares and what the store holds, in lines for people.

    Parameters
    ----------
    database : Path
        The store; it and its daemon may be missing.
    now : datetime, optional
        The wall clock; the system's by default.
    """
    said = read_status(database)
    age_s = None if said is None else _age_s(said.written_utc, now or datetime.now(UTC))
    yield from _daemon_lines(database, said, age_s)
    if said is not None:
        yield from _said_lines(said)
    with_disk = database.absolute().parent
    if with_disk.is_dir():
        free = shutil.disk_usage(with_disk).free
        yield f"disk: {free / 1e9:.1f} GB free in {with_disk}"
    try:
        with Reader.open(database) as reader:
            publishes = said is not None and any(sink.name == "mqtt" for sink in said.sinks)
            yield from _store_lines(reader, publishes=publishes)
    except StoreError as error:
        yield f"store: {error}"


def _daemon_lines(database: Path, said: LiveStatus | None, age_s: float | None) -> Iterator[str]:
    is_busy = is_in_use(database)
    if said is None:
        if is_busy:
            yield "another downcore has the store open, and has said nothing of itself so far"
        else:
            yield f"no daemon is running on {database}, and none has said anything here so far"
        return
    ago = "" if age_s is None else f", {in_words(age_s)} ago"
    if is_busy and not said.ended:
        yield f"running since {said.started_utc} (process {said.pid}, version {said.version})"
        if age_s is not None and age_s > SILENT_S:
            yield f"silent: it last said something at {said.written_utc}{ago}"
        return
    if is_busy:
        yield "a daemon is starting, or another command has the store open"
    else:
        yield "no daemon is running"
    how = said.ended or "it did not end in good order"
    yield f"last known state, of {said.written_utc}{ago}: {how}"


def _said_lines(said: LiveStatus) -> Iterator[str]:
    yield f"state: {'degraded' if said.reasons else 'online'}"
    yield from (f"  {printable(reason)}" for reason in said.reasons)
    yield f"inbox: {printable(said.inbox)}"
    for sink in said.sinks:
        state = "connected" if sink.is_connected else sink.problem or "not connected yet"
        yield f"{sink.name}: {printable(state)}"
        yield from (f"  {printable(one)}" for one in (sink.warning, sink.remark) if one)
    backlog = said.backlog
    yield f"backlog: {backlog.sentence() or 'none'}"
    for scan in said.under_way:
        of = "" if scan.n_expected is None else f" of {scan.n_expected}"
        reason = f"; {printable(scan.reason)}" if scan.reason else ""
        yield f"  under way: {printable(scan.section_id)}  {scan.n_slices}{of} cm{reason}"


def _store_lines(reader: Reader, *, publishes: bool) -> Iterator[str]:
    n_wait = reader.origin().head_seq - reader.acked_seq("mqtt")
    if publishes and n_wait > 0:
        yield f"mqtt: {n_wait} announcements wait"
    newest = reader.newest_scans(N_NEWEST)
    for one in newest:
        status = one.status
        yield (
            f"last rows: {printable(one.scan.section_id)}  {status.n_slices} cm, {status.state}"
            f", {status.updated_utc}"
        )
    yield from _waiting_lines(reader)
    yield from logger_lines(reader)
    yield from colour_lines(reader)
    aside = [(file.path, file.reason) for file in reader.quarantined() if file.reason]
    yield f"set aside: {len(aside) or 'none'}"
    for group in grouped(aside):
        yield f"  {group.n}: {printable(group.reason)} ({such_as(group.subjects)})"


def _waiting_lines(reader: Reader) -> Iterator[str]:
    """Yield what waits for a person, and what a person waits for."""
    questioned = reader.questioned()
    yield f"questions: {len(questioned) or 'none'}"
    for one in questioned[:N_QUESTIONS]:
        yield f"  {printable(one.scan.section_id)}: {one.status.reason}"
    if len(questioned) > N_QUESTIONS:
        yield f"  and {len(questioned) - N_QUESTIONS} more; `downcore log` lists them"
    for correction in waiting_corrections(reader):
        names = such_as(tuple(map(printable, correction.waiting)))
        yield f"correction: {correction} ({names}); the daemon does it, also after a restart"


def _age_s(written_utc: str, now: datetime) -> float | None:
    try:
        return max((now - datetime.fromisoformat(written_utc)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
