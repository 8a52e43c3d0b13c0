"""Starts of the program that are counted over a file, so that one that kills it is set aside."""

from downcore.file_names import printable
from downcore.service.identity import attempt_key
from downcore.sources.inbox.grouping import ScanFiles
from downcore.store import Store

MAX_DEATHS = 3
"""Starts of the program that may die over a file, without a row, before it is set aside."""


class Attempt:
    """The attempt of one start at one scan, kept in the store until it is survived."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = ""
        self._is_counted = False

    def is_deadly(self, scan_files: ScanFiles) -> bool:
        """Count this start before the file is opened, so that one that kills us counts too."""
        if self._is_counted:
            return False
        self._is_counted = True
        self._key = attempt_key(scan_files)
        path = printable(scan_files.paths[0])
        return self._store.quarantine_try(self._key, path, "") > MAX_DEATHS

    def survived(self) -> None:
        """Forget the attempt: the file did not kill us."""
        if self._key:
            self._store.quarantine_release(self._key)
            self._key = ""
