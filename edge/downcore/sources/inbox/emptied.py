"""An inbox that is empty all at once: most likely a share that is no longer mounted."""

from downcore.sources.inbox.listing import Listing

MIN_FILES = 2
"""Files that must go at once, on one file system, to be more than one that was taken away."""


class EmptiedInbox:
    """
    Tells a share that went away, and left an empty folder, from an inbox whose scans were moved.

    Where the folder is on another file system than the files were, the share is away for sure.
    On the same one, a person may have moved the scans; that is believed after ``patience_s``.

    Parameters
    ----------
    patience_s : float
        Seconds after which an inbox that stays empty on its own file system is believed.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._n_files = 0
        self._device: int | None = None
        self._since_s: float | None = None

    def doubt(self, listing: Listing, now_s: float) -> str:
        """
        Return why an empty listing says nothing of the files that were there; empty if it does.

        Parameters
        ----------
        listing : Listing
            The inbox as it is now.
        now_s : float
            Time that never jumps.
        """
        if not listing.is_listed:
            return ""
        n_files = len(listing.files) + len(listing.not_yet) + len(listing.left_out)
        if n_files or listing.problems:
            self._n_files, self._device, self._since_s = n_files, listing.device, None
            return ""
        if self._n_files == 0:
            return ""
        if self._since_s is None:
            self._since_s = now_s
        is_elsewhere = listing.device != self._device
        has_waited = now_s - self._since_s >= self._patience_s
        if not is_elsewhere and (self._n_files < MIN_FILES or has_waited):
            self._n_files = 0
            return ""
        where = "another file system lies in its place" if is_elsewhere else "all went away at once"
        return (
            f"the inbox is empty, and held {self._n_files} files: {where}; mount the share again "
            "if it was not you who moved them"
        )
