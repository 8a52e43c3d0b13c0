"""
Every error of downcore, arranged by what the service does next.

::

    DowncoreError
      SegmentError           skip this file for now, record why, go on with the others
        SegmentGapError      scan lines are missing in the middle
        GrowingError         not complete yet: look again later, this is no fault
        HostileFileError     beyond the limits, or lying about itself: quarantine
        UnknownScaleError    no pixels per centimetre: ask the technician
      SectionError           close this section, keep the core
        UnknownSectionError  the record lacks it: the message names the nearest
      UnknownFlagError       the record lacks it: the person who gave its number must look
      MeasuredRowsError      do not use these measured rows: the person who gave them must look
      DepthLedgerError       do not add these depths: the person who gave them must look
      TooFewSectionsError    learn nothing of this site yet: log more sections
      EndMemberError         do not use this end-member table
      BundleError            do not start with this bundle
      SettingsError          do not start
      StoreError             do not go on: the record cannot be kept
        StoreBusyError       another daemon owns the store: exit 75

A message says what was expected, what was found, where, and what to do.
"""


class DowncoreError(Exception):
    """
    Base of every error that downcore raises on purpose.

    Examples
    --------
    >>> try:
    ...     downcore.open("none.db")
    ... except downcore.DowncoreError as error:
    ...     print(error)
    expected a database at none.db, got none; name the file that [store] path of the settings \
says, or make one: downcore process IMAGE --db FILE
    """


class SegmentError(DowncoreError):
    """Raised when scan lines cannot be read from a file."""


class SegmentGapError(SegmentError):
    """
    Raised when scan lines are missing between two segments.

    Attributes
    ----------
    expected_line, got_line : int
        The line that should have come next, and the one that came.
    """

    def __init__(self, expected_line: int, got_line: int) -> None:
        super().__init__(
            f"expected scan line {expected_line}, got {got_line}: "
            f"{abs(got_line - expected_line)} lines "
            f"{'missing' if got_line > expected_line else 'repeated'}"
        )
        self.expected_line = expected_line
        self.got_line = got_line


class GrowingError(SegmentError):
    """Raised when a file is not complete yet; looking again later may succeed."""


class HostileFileError(SegmentError):
    """Raised when a file is beyond the limits, damaged, or lies about itself."""


class UnknownScaleError(SegmentError):
    """Raised when nothing says how many pixels a centimetre of core has."""


class SectionError(DowncoreError):
    """Raised when a section cannot be continued."""


class UnknownSectionError(SectionError, KeyError):
    """Raised when the record lacks a section or scan; a ``KeyError``, as of any mapping."""

    __str__ = Exception.__str__
    """A ``KeyError`` would put its message between quotes."""


class UnknownFlagError(DowncoreError):
    """Raised when the record has no flag of a number."""


class MeasuredRowsError(DowncoreError):
    """Measured rows that were given for a section cannot be used."""


class DepthLedgerError(DowncoreError):
    """Raised when depths of sections cannot be used; names the file, line and section."""


class EndMemberError(DowncoreError):
    """Raised when an end-member table cannot be used; names the table, member and number."""


class BundleError(DowncoreError):
    """Raised when a bundle is damaged, or does not do what its manifest says."""


class SettingsError(DowncoreError):
    """Raised when the settings cannot be used; names the key and what would be right."""


class StoreError(DowncoreError):
    """Raised when the store cannot be trusted as the record."""


class StoreBusyError(StoreError):
    """Raised when another daemon owns the store."""


class TooFewSectionsError(DowncoreError):
    """Raised when fewer sections were logged than a site can be learned from."""
