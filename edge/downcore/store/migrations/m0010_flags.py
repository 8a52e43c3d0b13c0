"""Flags on measured logs, and what happened to each."""

from downcore.store.migrations import Migration

_FLAG = """
CREATE TABLE flag (
    flag_no INTEGER PRIMARY KEY AUTOINCREMENT,
    section_id TEXT NOT NULL CHECK (section_id <> ''),
    code TEXT NOT NULL CHECK (code <> ''),
    property TEXT NOT NULL CHECK (property IN ('', 'density', 'vp', 'ms'))
) STRICT
"""

_EVENT = """
CREATE TABLE flag_event (
    event_no INTEGER PRIMARY KEY AUTOINCREMENT,
    flag_no INTEGER NOT NULL REFERENCES flag (flag_no),
    kind TEXT NOT NULL CHECK (kind IN ('raised', 'changed', 'cleared', 'acknowledged')),
    top_um INTEGER CHECK (top_um >= 0),
    bottom_um INTEGER CHECK (bottom_um > top_um),
    score REAL,
    score_limit REAL,
    evidence TEXT NOT NULL,
    made_by TEXT NOT NULL,
    word TEXT NOT NULL,
    request_id TEXT NOT NULL,
    made_utc TEXT NOT NULL,
    CHECK ((kind IN ('raised', 'changed')) = (bottom_um IS NOT NULL)),
    CHECK ((kind = 'acknowledged') = (made_by <> ''))
) STRICT
"""

_INDEXES = (
    "CREATE INDEX flag_by_section ON flag (section_id, flag_no)",
    "CREATE INDEX flag_event_by_flag ON flag_event (flag_no, event_no)",
    "CREATE UNIQUE INDEX flag_event_of_request ON flag_event (request_id) WHERE request_id <> ''",
)

_KEPT = tuple(
    f"CREATE TRIGGER {table}_has_no_{what} BEFORE {what.upper()} ON {table} BEGIN"
    " SELECT RAISE(ABORT, 'flags are only added to'); END"
    for table in ("flag", "flag_event")
    for what in ("delete", "update")
)

MIGRATION = Migration(version=10, title="flags", statements=(_FLAG, _EVENT, *_INDEXES, *_KEPT))
"""What :func:`downcore.store.migrations.migrations` finds."""
