"""What a reader answers of flags, and of the sections that wait for a second opinion."""

import sqlite3

from downcore.store import flags
from downcore.strata.flags import Flag, FlagEvent


class FlagQueries:
    """The part of :class:`~downcore.store.Reader` that knows of flags."""

    _connection: sqlite3.Connection

    def flags(self, section_id: str | None = None) -> list[Flag]:
        """
        Return the flags of a section, or of all, by section and depth.

        Cleared ones are among them. None from a store of an older schema.
        """
        return flags.flags_of(self._connection, section_id)

    def flag(self, flag_no: int) -> Flag | None:
        """Return a flag by its number; ``None`` where there is none."""
        return flags.flag_numbered(self._connection, flag_no)

    def flag_events(self, flag_no: int) -> list[FlagEvent]:
        """Return what happened to a flag, the oldest first."""
        return flags.events_of(self._connection, flag_no)

    def sections_measured(self) -> list[str]:
        """Return the sections of which a logger measured anything."""
        rows = self._connection.execute(
            "SELECT DISTINCT section_id FROM measured_row"
            " WHERE superseded_by IS NULL AND section_id <> '' ORDER BY section_id"
        )
        return [str(row[0]) for row in rows]

    def sections_flagged(self) -> list[str]:
        """Return the sections that ever had a flag."""
        rows = self._connection.execute("SELECT DISTINCT section_id FROM flag ORDER BY section_id")
        return [str(row[0]) for row in rows]

    def sections_touched(self, after_seq: int) -> list[str]:
        """Return the sections of which rows, values or states were announced after a number."""
        rows = self._connection.execute(
            "SELECT DISTINCT section_id FROM outbox WHERE seq > ?"
            " AND +kind IN ('log', 'state', 'measured') ORDER BY section_id",
            (after_seq,),
        )
        return [str(row[0]) for row in rows]
