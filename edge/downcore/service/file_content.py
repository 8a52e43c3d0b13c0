"""The digest of a scan's files, read whole in turns while they stay as they are."""

from downcore.service.identity import content_of
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.turns import Result, Turns


class FileContent:
    """The content of one scan's files; they are read whole once while they stay the same."""

    def __init__(self) -> None:
        self._reading_signature = ""
        self._signature = self._digest = ""

    def is_rewritten(self, scan_files: ScanFiles) -> bool:
        """Return whether the files changed since reading them whole began, which is not done."""
        return self._reading_signature not in {"", scan_files.signature}

    def digest(self, scan_files: ScanFiles) -> Turns[str]:
        """Return the digest of the files' content, 32 hex digits."""
        if self._signature != scan_files.signature:
            signature = scan_files.signature
            self._digest = yield from self.while_unchanged(scan_files, content_of(scan_files))
            self._signature = signature
        return self._digest

    def while_unchanged(self, scan_files: ScanFiles, turns: Turns[Result]) -> Turns[Result]:
        """Read the files as they are; where they change between turns, all begins again."""
        self._reading_signature = scan_files.signature
        result = yield from turns
        self._reading_signature = ""
        return result
