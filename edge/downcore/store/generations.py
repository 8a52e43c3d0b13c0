"""Epochs: each names one unbroken run of announcements, and none is ever used again."""

import logging
from datetime import datetime
from pathlib import Path

import sqlite_utils

from downcore.store.daemon_lock import DaemonLock
from downcore.strata.record import StoreOrigin

logger = logging.getLogger(__name__)


def next_epoch(last_epoch: int, now_utc: str) -> int:
    """
    Return an epoch that follows another, and was never used.

    It is the time in milliseconds where that is more, so that it rises even where nothing is left
    of the stores before it.

    Parameters
    ----------
    last_epoch : int
        The newest that is known, 0 for none.
    now_utc : str
        Wall clock, RFC 3339.
    """
    return max(last_epoch + 1, int(datetime.fromisoformat(now_utc).timestamp() * 1000))


def origin_of(database: sqlite_utils.Database) -> StoreOrigin:
    """Return which store a database is, and its newest announcement, trimmed or not."""
    row = database.conn.execute(
        "SELECT epoch, instance_id, max((SELECT coalesce(max(seq), 0) FROM outbox),"
        " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0)) FROM meta"
    ).fetchone()
    return StoreOrigin(*row)


def begin_generation(
    database: sqlite_utils.Database, path: Path, lock: DaemonLock, *, now_utc: str, is_new: bool
) -> StoreOrigin:
    """
    Return which store this is from now on; an epoch of its own where it is not the one last run.

    Parameters
    ----------
    database : Database
        Up to date, and not in a transaction.
    path : Path
        Where it lies, for the log.
    lock : DaemonLock
        Says which store was written last.
    now_utc : str
        Wall clock, RFC 3339.
    is_new : bool
        Whether it was made just now, with an epoch of its own.
    """
    origin = origin_of(database)
    if not is_new and not lock.last_run.is_continued_by(origin):
        epoch = next_epoch(max(origin.epoch, lock.last_epoch), now_utc)
        with database.atomic():
            database.conn.execute("UPDATE meta SET epoch = ?", (epoch,))
        logger.warning(
            "%s is not the database that was written here last, or an older copy of it: what it"
            " announces from now on has the epoch %d",
            path,
            epoch,
        )
        origin = StoreOrigin(epoch, origin.instance_id, origin.head_seq)
    lock.remember(origin, durably=True)
    return origin
