"""Questions about scans, their answers, and what the station knows of the widths of its cores."""

from downcore.store.migrations import Migration

_SCAN = (
    "ALTER TABLE scan ADD COLUMN question TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE scan ADD COLUMN causes TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE scan ADD COLUMN n_across INTEGER CHECK (n_across > 0)",
    "ALTER TABLE scan ADD COLUMN sediment_px INTEGER CHECK (sediment_px > 0)",
    "ALTER TABLE scan ADD COLUMN folder TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX scan_by_folder ON scan (folder, scan_no) WHERE folder <> ''",
)

# SQLite cannot widen a check, so the corrections are made anew, each with its number.
_COLUMNS = (
    "correction_no, request_id, made_utc, made_by, verb, asked, section_id, scan_id, path,"
    " content_digest, px_per_cm, top, new_section_id, why, effect"
)
_WIDER_CORRECTION = (
    """
CREATE TABLE wider_correction (
    correction_no INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL CHECK (request_id <> ''),
    made_utc TEXT NOT NULL,
    made_by TEXT NOT NULL CHECK (made_by <> ''),
    verb TEXT NOT NULL CHECK (verb IN ('redo', 'rename', 'exclude', 'include', 'release',
        'forget', 'process', 'accept')),
    asked TEXT NOT NULL,
    section_id TEXT NOT NULL,
    scan_id TEXT REFERENCES scan (scan_id),
    path TEXT NOT NULL,
    content_digest TEXT NOT NULL,
    px_per_cm TEXT,
    top TEXT CHECK (top IN ('up', 'left', 'right')),
    new_section_id TEXT CHECK (new_section_id <> ''),
    why TEXT NOT NULL,
    effect TEXT NOT NULL,
    causes TEXT NOT NULL DEFAULT ''
) STRICT
""",
    f"INSERT INTO wider_correction ({_COLUMNS}) SELECT {_COLUMNS} FROM correction",  # noqa: S608 - the columns are constants
    "DELETE FROM sqlite_sequence WHERE name = 'wider_correction'",
    (
        "INSERT INTO sqlite_sequence (name, seq)"
        " SELECT 'wider_correction', seq FROM sqlite_sequence WHERE name = 'correction'"
    ),
    "DROP TABLE correction",
    "ALTER TABLE wider_correction RENAME TO correction",
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
)

MIGRATION = Migration(version=8, title="questions", statements=(*_SCAN, *_WIDER_CORRECTION))
"""What :func:`downcore.store.migrations.migrations` finds."""
