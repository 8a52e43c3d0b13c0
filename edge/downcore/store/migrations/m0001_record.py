"""The first schema: scans, slices, estimates, where they come from, and the outbox."""

from downcore.store.migrations import Migration

_META = """
CREATE TABLE meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch INTEGER NOT NULL CHECK (epoch >= 1),
    instance_id TEXT NOT NULL,
    created_utc TEXT NOT NULL
) STRICT
"""

_RUN = """
CREATE TABLE run (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    code_version TEXT NOT NULL,
    settings_sha256 TEXT NOT NULL,
    cpu_flags TEXT NOT NULL,
    openvino_version TEXT NOT NULL,
    started_utc TEXT NOT NULL
) STRICT
"""

_BUNDLE = """
CREATE TABLE bundle (
    bundle_id TEXT PRIMARY KEY,
    network TEXT NOT NULL,
    precision TEXT NOT NULL,
    manifest TEXT NOT NULL,
    recorded_utc TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""

_NO_BUNDLE = "INSERT INTO bundle VALUES ('', 'none', '', '{}', '')"
"""Measured values come from no bundle; the row lets the foreign key hold for them too."""

_SCAN = """
CREATE TABLE scan (
    scan_no INTEGER PRIMARY KEY AUTOINCREMENT,
    scan_id TEXT NOT NULL UNIQUE,
    section_id TEXT NOT NULL CHECK (section_id <> ''),
    expedition TEXT NOT NULL,
    core TEXT NOT NULL,
    section TEXT NOT NULL,
    half TEXT NOT NULL,
    path TEXT NOT NULL,
    format TEXT NOT NULL,
    px_per_cm TEXT NOT NULL,
    top TEXT NOT NULL CHECK (top IN ('up', 'left', 'right')),
    section_top_um INTEGER,
    header_digest TEXT NOT NULL,
    content_digest TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('seen', 'growing', 'settling', 'final', 'done',
        'quarantined', 'superseded', 'missing')),
    reason TEXT NOT NULL,
    n_lines_done INTEGER NOT NULL DEFAULT 0 CHECK (n_lines_done >= 0),
    prefix_digest TEXT NOT NULL DEFAULT '',
    superseded_by TEXT REFERENCES scan (scan_id),
    duplicate_of TEXT REFERENCES scan (scan_id),
    created_utc TEXT NOT NULL,
    updated_utc TEXT NOT NULL,
    CHECK (superseded_by IS NULL OR superseded_by <> scan_id),
    CHECK (duplicate_of IS NULL OR duplicate_of <> scan_id)
) STRICT
"""

_SLICE = """
CREATE TABLE slice (
    scan_id TEXT NOT NULL REFERENCES scan (scan_id),
    slice_index INTEGER NOT NULL CHECK (slice_index >= 0),
    top_um INTEGER NOT NULL CHECK (top_um >= 0),
    bottom_um INTEGER NOT NULL CHECK (bottom_um > top_um),
    first_line INTEGER NOT NULL CHECK (first_line >= 0),
    n_lines INTEGER NOT NULL CHECK (n_lines > 0),
    valid_fraction REAL NOT NULL CHECK (valid_fraction BETWEEN 0 AND 1.000001),
    lab_l_mean REAL, lab_a_mean REAL, lab_b_mean REAL,
    lab_l_sd REAL, lab_a_sd REAL, lab_b_sd REAL,
    linear_r_mean REAL, linear_g_mean REAL, linear_b_mean REAL,
    fraction_sediment REAL NOT NULL,
    fraction_tray REAL NOT NULL,
    fraction_void REAL NOT NULL,
    fraction_foam REAL NOT NULL,
    fraction_tag REAL NOT NULL,
    fraction_glare REAL NOT NULL,
    fraction_outside REAL NOT NULL,
    flags TEXT NOT NULL,
    run_id INTEGER NOT NULL REFERENCES run (run_id),
    PRIMARY KEY (scan_id, slice_index)
) STRICT, WITHOUT ROWID
"""

_ESTIMATE = """
CREATE TABLE estimate (
    scan_id TEXT NOT NULL,
    slice_index INTEGER NOT NULL,
    property TEXT NOT NULL CHECK (property <> ''),
    bundle_id TEXT NOT NULL REFERENCES bundle (bundle_id),
    value REAL CHECK (value BETWEEN -1e300 AND 1e300),
    lower REAL CHECK (lower BETWEEN -1e300 AND 1e300),
    upper REAL CHECK (upper BETWEEN -1e300 AND 1e300),
    heterogeneity REAL CHECK (heterogeneity BETWEEN 0 AND 1e300),
    status TEXT NOT NULL CHECK (
        status IN ('measured', 'predicted', 'filled', 'masked', 'abstained')),
    reason TEXT NOT NULL,
    run_id INTEGER NOT NULL REFERENCES run (run_id),
    PRIMARY KEY (scan_id, slice_index, property, bundle_id),
    FOREIGN KEY (scan_id, slice_index) REFERENCES slice (scan_id, slice_index),
    CHECK ((status IN ('measured', 'predicted', 'filled')) = (value IS NOT NULL)),
    CHECK (value IS NOT NULL OR coalesce(lower, upper, heterogeneity) IS NULL),
    CHECK (value IS NOT NULL OR reason <> ''),
    CHECK (lower IS NULL OR upper IS NULL OR lower <= upper),
    CHECK (bundle_id <> '' OR status = 'measured')
) STRICT, WITHOUT ROWID
"""

_QUARANTINE = """
CREATE TABLE quarantine (
    identity TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    tries INTEGER NOT NULL CHECK (tries >= 1),
    first_utc TEXT NOT NULL,
    last_utc TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""

_OUTBOX = """
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('log', 'state')),
    section_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_utc TEXT NOT NULL
) STRICT
"""

_SINK_CURSOR = """
CREATE TABLE sink_cursor (
    sink TEXT PRIMARY KEY,
    acked_seq INTEGER NOT NULL CHECK (acked_seq >= 0),
    updated_utc TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""

_INDEXES = (
    "CREATE INDEX scan_by_section ON scan (section_id, scan_no)",
    "CREATE INDEX scan_by_content ON scan (content_digest) WHERE content_digest <> ''",
    "CREATE INDEX outbox_by_kind ON outbox (kind, section_id, seq)",
)

MIGRATION = Migration(
    version=1,
    title="the record",
    statements=(
        _META,
        _RUN,
        _BUNDLE,
        _NO_BUNDLE,
        _SCAN,
        _SLICE,
        _ESTIMATE,
        _QUARANTINE,
        _OUTBOX,
        _SINK_CURSOR,
        *_INDEXES,
    ),
)
"""What :func:`downcore.store.migrations.migrations` finds."""
