"""Which files are done with, so that a restart need not read them again."""

from downcore.store.migrations import Migration

_SEEN_FILE = """
CREATE TABLE seen_file (
    signature TEXT PRIMARY KEY,
    scan_id TEXT NOT NULL REFERENCES scan (scan_id)
) STRICT, WITHOUT ROWID
"""

MIGRATION = Migration(version=2, title="files that are done with", statements=(_SEEN_FILE,))
"""What :func:`downcore.store.migrations.migrations` finds."""
