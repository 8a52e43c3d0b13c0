"""Files that were tried and did not succeed so far, with the reason for people."""

from downcore.store.rows import storable_text
from downcore.store.transaction import Transaction

_COUNT = (
    "INSERT INTO quarantine VALUES (?, ?, ?, 1, ?, ?)"
    " ON CONFLICT (identity) DO UPDATE SET tries = tries + 1, path = excluded.path,"
    " last_utc = excluded.last_utc,"
    " reason = CASE excluded.reason WHEN '' THEN reason ELSE excluded.reason END"
    " RETURNING tries"
)


def count_attempt(transaction: Transaction, identity: str, path: str, reason: str) -> int:
    """Count an attempt at a file and keep its reason, unless empty; return how many there were."""
    now = transaction.now_utc
    row = transaction.connection.execute(
        _COUNT, (identity, storable_text(path), storable_text(reason), now, now)
    ).fetchone()
    return int(row[0])


def release(transaction: Transaction, identity: str) -> None:
    """Forget the attempts at a file."""
    transaction.connection.execute("DELETE FROM quarantine WHERE identity = ?", (identity,))
