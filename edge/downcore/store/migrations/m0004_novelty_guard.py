"""Which bundle guarded the others of a run."""

from downcore.store.migrations import Migration

_RUN = "ALTER TABLE run ADD COLUMN novelty_guard_id TEXT NOT NULL DEFAULT ''"

MIGRATION = Migration(version=4, title="the guard of a run", statements=(_RUN,))
"""What :func:`downcore.store.migrations.migrations` finds."""
