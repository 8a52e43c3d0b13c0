"""The depth ledger: versions of section tops, lengths, gaps and shifts; none is ever changed."""

from downcore.store.migrations import Migration

_VERSION = """
CREATE TABLE depth_version (
    version_no INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL CHECK (source IN ('sidecar', 'summary file', 'table', 'composite table',
        'typed')),
    file_name TEXT NOT NULL,
    file_sha256 TEXT NOT NULL,
    made_by TEXT NOT NULL CHECK (made_by <> ''),
    why TEXT NOT NULL,
    made_utc TEXT NOT NULL
) STRICT
"""

_SECTION = """
CREATE TABLE section_depth (
    version_no INTEGER NOT NULL REFERENCES depth_version (version_no),
    expedition TEXT NOT NULL,
    core TEXT NOT NULL CHECK (core <> ''),
    section TEXT NOT NULL CHECK (section <> ''),
    top_um INTEGER CHECK (top_um >= 0),
    datum TEXT NOT NULL CHECK (datum IN ('core', 'hole')),
    gap_above_um INTEGER CHECK (gap_above_um >= 0),
    curated_length_um INTEGER CHECK (curated_length_um > 0),
    expanded_length_um INTEGER CHECK (expanded_length_um > 0),
    is_withdrawal INTEGER NOT NULL CHECK (is_withdrawal IN (0, 1)),
    PRIMARY KEY (version_no, expedition, core, section),
    CHECK (top_um IS NULL OR gap_above_um IS NULL)
) STRICT, WITHOUT ROWID
"""

_CORE = """
CREATE TABLE core_depth (
    version_no INTEGER NOT NULL REFERENCES depth_version (version_no),
    expedition TEXT NOT NULL,
    core TEXT NOT NULL CHECK (core <> ''),
    top_um INTEGER CHECK (top_um >= 0),
    shift_um INTEGER,
    is_withdrawal INTEGER NOT NULL CHECK (is_withdrawal IN (0, 1)),
    PRIMARY KEY (version_no, expedition, core)
) STRICT, WITHOUT ROWID
"""

_KEPT = tuple(
    f"CREATE TRIGGER {table}_has_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN"
    " SELECT RAISE(ABORT, 'the depth ledger is only added to'); END"
    for table in ("depth_version", "section_depth", "core_depth")
    for verb in ("UPDATE", "DELETE")
)

MIGRATION = Migration(
    version=7,
    title="the depth ledger",
    statements=(_VERSION, _SECTION, _CORE, *_KEPT),
)
"""What :func:`downcore.store.migrations.migrations` finds."""
