"""The colour profile of every slice, from which a site is learned without its images."""

from downcore.store.migrations import Migration

_PROFILE = """
CREATE TABLE colour_profile (
    scan_id TEXT NOT NULL REFERENCES scan (scan_id),
    first_slice INTEGER NOT NULL CHECK (first_slice >= 0),
    numbers BLOB NOT NULL CHECK (length(numbers) > 0 AND length(numbers) % 48 = 0),
    PRIMARY KEY (scan_id, first_slice)
) STRICT, WITHOUT ROWID
"""

_KEPT = tuple(
    f"CREATE TRIGGER colour_profile_has_no_{what} BEFORE {what.upper()} ON colour_profile BEGIN"
    " SELECT RAISE(ABORT, 'colour profiles are only added to'); END"
    for what in ("delete", "update")
)

MIGRATION = Migration(version=11, title="colour profiles", statements=(_PROFILE, *_KEPT))
"""What :func:`downcore.store.migrations.migrations` finds."""
