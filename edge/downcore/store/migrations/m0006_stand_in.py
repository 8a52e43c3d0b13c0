"""A stand-in for the migration that another branch brings under this number; not to be merged."""

from downcore.store.migrations import Migration

MIGRATION = Migration(version=6, title="stand-in", statements=())
"""What :func:`downcore.store.migrations.migrations` finds."""
