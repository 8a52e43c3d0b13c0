"""The station with the bundle that was learned at this site, from the next section on."""

import logging
from dataclasses import replace
from pathlib import Path

from downcore.service.station import Station
from downcore.store.learned_bundle import learned_in_use
from downcore.strata.errors import BundleError

logger = logging.getLogger(__name__)


class LearnedStation:
    """
    Looks which learned bundle is in use, and gives the station that scans begin with.

    Parameters
    ----------
    station : Station
        As it was opened.
    """

    def __init__(self, station: Station) -> None:
        self._plain = station
        self._current = station
        self._folder: Path | None = None

    def now(self) -> Station:
        """
        Return the station for scans that are met from now on.

        A bundle that cannot be used is said once, and what ran before goes on.
        """
        open_learned = self._plain.open_learned
        folder = learned_in_use(self._plain.store.path)
        if open_learned is None or folder is None or folder == self._folder:
            return self._current
        self._folder = folder
        try:
            predictor = open_learned(folder)
            text = (folder / "manifest.json").read_text(encoding="utf-8")
        except (BundleError, OSError) as error:
            logger.warning("learned bundle %s is not used: %s", folder.name, error)
            return self._current
        self._plain.store.record_bundle(predictor.manifest, text)
        others = self._plain.predictors
        self._current = replace(self._plain, predictors=(predictor, *others))
        logger.info(
            "learned bundle %s (%s) answers from the next section on, beside what ran",
            predictor.manifest.bundle_id,
            folder.name,
        )
        return self._current
