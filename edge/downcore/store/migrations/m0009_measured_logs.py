"""Measured logs: what was read of loggers' files, and every value in them; none is ever lost."""

from downcore.store.migrations import Migration

_FILE = """
CREATE TABLE measured_file (
    file_no INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL CHECK (path <> ''),
    content_digest TEXT NOT NULL,
    n_bytes INTEGER NOT NULL CHECK (n_bytes >= 0),
    format TEXT NOT NULL,
    instrument TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reading', 'read', 'refused')),
    reason TEXT NOT NULL,
    notes TEXT NOT NULL,
    doubted TEXT NOT NULL,
    n_rows INTEGER NOT NULL CHECK (n_rows >= 0),
    n_values INTEGER NOT NULL CHECK (n_values >= 0),
    n_unmatched INTEGER NOT NULL CHECK (n_unmatched >= 0),
    first_unmatched TEXT NOT NULL,
    read_utc TEXT NOT NULL
) STRICT
"""

_ROW = """
CREATE TABLE measured_row (
    row_no INTEGER PRIMARY KEY,
    file_no INTEGER NOT NULL REFERENCES measured_file (file_no),
    log_no INTEGER NOT NULL REFERENCES measured_file (file_no),
    line INTEGER NOT NULL CHECK (line >= 0),
    property TEXT NOT NULL CHECK (property IN ('density', 'vp', 'ms')),
    core TEXT NOT NULL,
    section TEXT NOT NULL,
    file_depth_um INTEGER,
    frame TEXT NOT NULL CHECK (frame IN ('', 'section', 'core', 'hole')),
    section_id TEXT NOT NULL,
    depth_um INTEGER CHECK (depth_um >= 0),
    unmatched TEXT NOT NULL,
    value REAL,
    flag TEXT NOT NULL,
    footprint_um INTEGER NOT NULL CHECK (footprint_um > 0),
    superseded_by INTEGER REFERENCES measured_file (file_no),
    CHECK ((section_id <> '') = (depth_um IS NOT NULL)),
    CHECK ((section_id = '') = (unmatched <> '')),
    CHECK (value IS NOT NULL OR flag <> '')
) STRICT
"""

_INDEXES = (
    "CREATE INDEX measured_file_by_path ON measured_file (path, file_no)",
    (
        "CREATE UNIQUE INDEX measured_row_that_counts ON measured_row (log_no, line, property)"
        " WHERE superseded_by IS NULL"
    ),
    (
        "CREATE INDEX measured_row_by_section ON measured_row (section_id, depth_um)"
        " WHERE superseded_by IS NULL AND section_id <> ''"
    ),
)

_KEPT = (
    *(
        f"CREATE TRIGGER {table}_has_no_delete BEFORE DELETE ON {table} BEGIN"
        " SELECT RAISE(ABORT, 'measured rows are only added to'); END"
        for table in ("measured_file", "measured_row")
    ),
    (
        "CREATE TRIGGER measured_file_is_read_once BEFORE UPDATE ON measured_file"
        " WHEN OLD.state <> 'reading' OR (NEW.file_no, NEW.path, NEW.content_digest, NEW.read_utc)"
        " IS NOT (OLD.file_no, OLD.path, OLD.content_digest, OLD.read_utc) BEGIN"
        " SELECT RAISE(ABORT, 'measured rows are only added to'); END"
    ),
    (
        "CREATE TRIGGER measured_row_has_no_other_update BEFORE UPDATE OF row_no, file_no, log_no,"
        " line, property, core, section, file_depth_um, frame, section_id, depth_um, unmatched,"
        " value, flag, footprint_um ON measured_row BEGIN"
        " SELECT RAISE(ABORT, 'measured rows are only added to'); END"
    ),
    (
        "CREATE TRIGGER measured_row_is_superseded_once BEFORE UPDATE OF superseded_by ON"
        " measured_row WHEN OLD.superseded_by IS NOT NULL OR NEW.superseded_by IS NULL BEGIN"
        " SELECT RAISE(ABORT, 'measured rows are only added to'); END"
    ),
)

# SQLite cannot widen a check, so the outbox is made anew with every announcement and its count.
_WIDER_OUTBOX = (
    """
CREATE TABLE wider_outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('log', 'state', 'composition', 'correction', 'measured',
        'alarm')),
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
    version=9,
    title="measured logs",
    statements=(_FILE, _ROW, *_INDEXES, *_KEPT, *_WIDER_OUTBOX),
)
"""What :func:`downcore.store.migrations.migrations` finds."""
