"""How the files of one scan are read, and under which section's name."""

import logging

from downcore.file_names import printable
from downcore.ports import ScanDescription, ScanLines
from downcore.service.expected_reading import expected_reading
from downcore.service.file_content import FileContent
from downcore.service.identity import Identity, identify
from downcore.service.section_places import ScanNaming
from downcore.service.station import Station
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.section_names import SectionName
from downcore.sources.turns import Turns
from downcore.strata.errors import UnknownScaleError

logger = logging.getLogger(__name__)


class ScanReading:
    """
    Scale, side of the top and section of one scan, as more and more is known of it.

    Parameters
    ----------
    station : Station
        Its settings, rules and store decide.
    scan_files : ScanFiles
        The files as they were first seen.
    """

    def __init__(self, station: Station, scan_files: ScanFiles) -> None:
        self._station = station
        self.scan_files = scan_files
        """The files as they were last seen."""
        self._naming = ScanNaming(station, scan_files)
        self._expected = expected_reading(station, scan_files)
        self._warned: tuple[str, ...] = ()

    @property
    def name(self) -> SectionName:
        """The section that the scan shows, as far as is known, and the parts of its name."""
        return self._expected.name if self._expected.is_named else self._naming.name

    @property
    def expected_section(self) -> str:
        """The section that the files are of before they are opened."""
        return self._expected.name.section_id

    @property
    def why_apart(self) -> str:
        """Why the scan does not have its own name: scans in another folder have it; else empty."""
        return self._naming.why_apart

    def expect(self, content: str) -> bool:
        """
        Look up how files of this content are to be read; return whether that is another way.

        Parameters
        ----------
        content : str
            Digest of their content; empty while it is not known.
        """
        expected = expected_reading(self._station, self.scan_files, content)
        if expected.is_same_as(self._expected):
            return False
        self._expected = expected
        return True

    def open(self) -> ScanLines:
        """
        Open the files as they are known to be read.

        Raises
        ------
        SegmentError
            If they cannot be read; UnknownScaleError where nothing says their scale.
        """
        return self.scan_files.format.open(self.scan_files.paths, self._expected.reading)

    def open_first(self, content: FileContent, *, is_still: bool) -> Turns[ScanLines]:
        """Open the files; where nothing says their scale, as a person said of their content."""
        try:
            return self.open()
        except UnknownScaleError:
            if not is_still or not self.expect((yield from content.digest(self.scan_files))):
                raise
            return self.open()

    def take_description(self, description: ScanDescription) -> None:
        """Take the name that the sidecar gives, where it does; log each warning once."""
        self._naming.by_sidecar(self.scan_files, description)
        if description.warnings != self._warned:
            self._warned = description.warnings
            for warning in self._warned:
                logger.warning("%s: %s", printable(self.scan_files.paths[0]), printable(warning))

    def identify(
        self, lines: ScanLines, n_lines: int, *, is_complete: bool, content: str
    ) -> Turns[Identity | None]:
        """
        Find out which scan it is, apart from those of other folders that share its name.

        Parameters
        ----------
        lines : ScanLines
            The opened scan.
        n_lines : int
            Lines that can be trusted by now.
        is_complete : bool
            Whether these are all.
        content : str
            Digest of the files' content; empty while it is not known.

        Returns
        -------
        Identity or None
            ``None`` while too few lines are there to tell.
        """
        found = None
        for _ in range(2):
            found = yield from identify(
                lines,
                self.name.section_id,
                self._station.store,
                n_lines=n_lines,
                is_complete=is_complete,
                content=content,
            )
            if found is None or found.stored or self._expected.is_named:
                break
            if not self._naming.keep_apart(self.scan_files):
                break
        return found
