"""Corrections by people, and of each scan who said how it is to be read."""

from downcore.store.migrations import Migration

_CORRECTION = """
CREATE TABLE correction (
    correction_no INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL CHECK (request_id <> ''),
    made_utc TEXT NOT NULL,
    made_by TEXT NOT NULL CHECK (made_by <> ''),
    verb TEXT NOT NULL CHECK (verb IN ('redo', 'rename', 'exclude', 'include', 'release',
        'forget', 'process')),
    asked TEXT NOT NULL,
    section_id TEXT NOT NULL,
    scan_id TEXT REFERENCES scan (scan_id),
    path TEXT NOT NULL,
    content_digest TEXT NOT NULL,
    px_per_cm TEXT,
    top TEXT CHECK (top IN ('up', 'left', 'right')),
    new_section_id TEXT CHECK (new_section_id <> ''),
    why TEXT NOT NULL,
    effect TEXT NOT NULL
) STRICT
"""

_SCAN = (
    "ALTER TABLE scan ADD COLUMN px_per_cm_from TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE scan ADD COLUMN top_from TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE scan ADD COLUMN corrects TEXT REFERENCES scan (scan_id)",
    "ALTER TABLE scan ADD COLUMN precedence INTEGER NOT NULL DEFAULT 0",
    "UPDATE scan SET precedence = scan_no",
    "ALTER TABLE finished_file ADD COLUMN expected_section TEXT NOT NULL DEFAULT ''",
    (
        "ALTER TABLE scan ADD COLUMN left_out TEXT NOT NULL DEFAULT ''"
        " CHECK (left_out IN ('', 'excluded', 'forgotten'))"
    ),
    "ALTER TABLE scan ADD COLUMN left_out_because TEXT NOT NULL DEFAULT ''",
)

_INDEXES = (
    (
        "CREATE UNIQUE INDEX correction_by_request ON correction (request_id, section_id, path,"
        " coalesce(scan_id, ''))"
    ),
    (
        "CREATE INDEX correction_by_content ON correction (content_digest)"
        " WHERE content_digest <> ''"
    ),
    "CREATE INDEX correction_by_path ON correction (path)",
    "CREATE INDEX correction_by_scan ON correction (scan_id)",
    "CREATE INDEX scan_by_path ON scan (path)",
)

# SQLite cannot widen a check, so the outbox is made anew with every announcement and its count.
_WIDER_OUTBOX = (
    """
CREATE TABLE wider_outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('log', 'state', 'composition', 'correction')),
    section_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_utc TEXT NOT NULL
) STRICT
""",
    "INSERT INTO wider_outbox SELECT seq, kind, section_id, payload, created_utc FROM outbox",
    "DELETE FROM sqlite_sequence WHERE name = 'wider_outbox'",
    (
        "INSERT INTO sqlite_sequence (name, seq)"
        " SELECT 'wider_outbox', seq FROM sqlite_sequence WHERE name = 'outbox'"
    ),
    "DROP TABLE outbox",
    "ALTER TABLE wider_outbox RENAME TO outbox",
    "CREATE INDEX outbox_by_kind ON outbox (kind, section_id, seq)",
)

MIGRATION = Migration(
    version=6,
    title="corrections",
    statements=(_CORRECTION, *_SCAN, *_INDEXES, *_WIDER_OUTBOX),
)
"""What :func:`downcore.store.migrations.migrations` finds."""
