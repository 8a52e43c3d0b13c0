"""
Schema changes of the store: one module each, found by looking in this package.

To add one, put a module here that defines ``MIGRATION`` with the next number and
describe its tables in ``docs/reference/store.md``. A migration that was released
is never edited.
"""

from dataclasses import dataclass

from downcore.discovery import values_in


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a schema version to the next."""

    version: int
    """The schema version it leads to; the first is 1."""
    title: str
    statements: tuple[str, ...]
    """SQL, run in order and in one transaction."""


def migrations() -> tuple[Migration, ...]:
    """
    Return every migration, first to last.

    Raises
    ------
    ValueError
        If the versions do not count 1, 2, 3 and so on.
    """
    found = sorted(values_in(__name__, "MIGRATION", Migration), key=lambda m: m.version)
    versions = [migration.version for migration in found]
    if versions != list(range(1, len(found) + 1)):
        raise ValueError(f"expected migrations 1 to {len(found)}, got {versions}")
    return tuple(found)
