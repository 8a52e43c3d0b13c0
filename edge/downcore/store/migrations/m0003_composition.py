"""What slices are made of, their regions, and announcements of both."""

from downcore.store.migrations import Migration

_COMPOSER = """
CREATE TABLE composer (
    composer_id TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    recorded_utc TEXT NOT NULL,
    last_run_id INTEGER NOT NULL REFERENCES run (run_id)
) STRICT, WITHOUT ROWID
"""

_GUARD_REPORT = """
CREATE TABLE guard_report (
    guard_id TEXT PRIMARY KEY,
    report TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""

_COMPOSED_SLICE = """
CREATE TABLE composed_slice (
    scan_id TEXT NOT NULL,
    slice_index INTEGER NOT NULL,
    composer_id TEXT NOT NULL REFERENCES composer (composer_id),
    end_member_table TEXT NOT NULL CHECK (end_member_table <> ''),
    porosity REAL CHECK (porosity BETWEEN 0 AND 1),
    guard_id TEXT REFERENCES guard_report (guard_id),
    regions TEXT NOT NULL,
    label_px_per_cm REAL CHECK (label_px_per_cm > 0),
    label_png BLOB,
    run_id INTEGER NOT NULL REFERENCES run (run_id),
    PRIMARY KEY (scan_id, slice_index, composer_id),
    FOREIGN KEY (scan_id, slice_index) REFERENCES slice (scan_id, slice_index),
    CHECK ((label_png IS NULL) = (label_px_per_cm IS NULL))
) STRICT
"""

_COMPOSITION = """
CREATE TABLE composition (
    scan_id TEXT NOT NULL,
    slice_index INTEGER NOT NULL,
    composer_id TEXT NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),
    mineral_group TEXT NOT NULL CHECK (mineral_group <> ''),
    is_sum_of_groups INTEGER NOT NULL CHECK (is_sum_of_groups IN (0, 1)),
    fraction REAL CHECK (fraction BETWEEN 0 AND 1),
    lower REAL CHECK (lower BETWEEN 0 AND 1),
    upper REAL CHECK (upper BETWEEN 0 AND 1),
    status TEXT NOT NULL CHECK (
        status IN ('measured', 'predicted', 'filled', 'masked', 'abstained')),
    is_prior_driven INTEGER NOT NULL CHECK (is_prior_driven IN (0, 1)),
    reason TEXT NOT NULL,
    PRIMARY KEY (scan_id, slice_index, composer_id, position),
    FOREIGN KEY (scan_id, slice_index, composer_id)
        REFERENCES composed_slice (scan_id, slice_index, composer_id),
    CHECK ((status IN ('measured', 'predicted', 'filled')) = (fraction IS NOT NULL)),
    CHECK ((fraction IS NULL) = (lower IS NULL) AND (fraction IS NULL) = (upper IS NULL)),
    CHECK (fraction IS NULL OR (lower <= fraction AND fraction <= upper)),
    CHECK (fraction IS NOT NULL OR reason <> '')
) STRICT, WITHOUT ROWID
"""

# SQLite cannot widen a check, so the outbox is made anew with every announcement and its count.
_WIDER_OUTBOX = (
    """
CREATE TABLE wider_outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('log', 'state', 'composition')),
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
    version=3,
    title="composition",
    statements=(_COMPOSER, _GUARD_REPORT, _COMPOSED_SLICE, _COMPOSITION, *_WIDER_OUTBOX),
)
"""What :func:`downcore.store.migrations.migrations` finds."""
