"""What the daemon leaves out of the inbox, said once."""

import logging
from collections.abc import Iterable
from pathlib import Path

from downcore.sources.inbox.leaving_out import LeftOut, left_out_sentences

logger = logging.getLogger(__name__)


class LeftOutReport:
    """
    Says what is left out of the inbox: all of it at the start, and later only what is new.

    Parameters
    ----------
    inbox : Path
        Places are said from here.
    """

    def __init__(self, inbox: Path) -> None:
        self._inbox = inbox
        self._known: set[Path] = set()

    def update(self, left_out: Iterable[LeftOut]) -> None:
        """Say what was not left out the last time."""
        now = {one.path: one for one in left_out}
        new = [one for path, one in now.items() if path not in self._known]
        self._known = set(now)
        for sentence in left_out_sentences(new, self._inbox):
            logger.info("%s; [inbox] leave_out and rules decide", sentence)
