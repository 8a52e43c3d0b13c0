"""What the keys of ``seen_file`` said, in columns: files that are finished, scans that ended."""

from downcore.store.migrations import Migration

_HAS_ENDED = (
    "ALTER TABLE scan ADD COLUMN has_ended INTEGER NOT NULL DEFAULT 0 CHECK (has_ended IN (0, 1))"
)

_ENDED = (
    "UPDATE scan SET has_ended = 1"
    " WHERE EXISTS (SELECT 1 FROM seen_file WHERE signature = 'end:' || scan.scan_id)"
)

_BY_OPENING = "CREATE INDEX scan_by_opening ON scan (header_digest)"

_FINISHED_FILE = """
CREATE TABLE finished_file (
    signature TEXT NOT NULL CHECK (signature <> ''),
    made_with TEXT NOT NULL,
    scan_id TEXT NOT NULL REFERENCES scan (scan_id),
    PRIMARY KEY (signature, made_with)
) STRICT, WITHOUT ROWID
"""

# A file's key was a digest of 32 hex digits, a colon and the ids. Keys that began with opening:
# and content: said what header_digest and content_digest of a scan say, and go.
_FINISHED = (
    "INSERT INTO finished_file SELECT substr(signature, 1, 32), substr(signature, 34), scan_id"
    " FROM seen_file WHERE instr(signature, ':') = 33"
)

MIGRATION = Migration(
    version=5,
    title="finished files and ended scans",
    statements=(
        _HAS_ENDED,
        _ENDED,
        _BY_OPENING,
        _FINISHED_FILE,
        _FINISHED,
        "DROP TABLE seen_file",
    ),
)
"""What :func:`downcore.store.migrations.migrations` finds."""
