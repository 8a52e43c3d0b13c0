"""How the station fares, said to its sinks, in the log and to systemd whenever that changes."""

import logging
from collections.abc import Mapping

from downcore import __version__
from downcore.ports import Clock
from downcore.publish import RunningSink
from downcore.publish.payloads import StationState, StationStatus

logger = logging.getLogger(__name__)


class StatusReport:
    """
    The station's status and its reasons, a sink that has lost its far side among them.

    A sink is not told of its own loss: by the time it can say so, the loss is over.

    Parameters
    ----------
    sinks : mapping of str to RunningSink
        The sinks at work, by name.
    clock : Clock
        Time, for when a status began.
    """

    def __init__(self, sinks: Mapping[str, RunningSink], clock: Clock) -> None:
        self._sinks = sinks
        self._clock = clock
        self._faults: tuple[str, ...] = ()
        self._logged: tuple[StationState, tuple[str, ...]] | None = None
        self._reported: dict[str, tuple[StationState, tuple[str, ...]]] = {}

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the station is degraded, in words; empty while all is well."""
        return () if self._logged is None else self._logged[1]

    def update(self, faults: tuple[str, ...]) -> None:
        """Take over what is wrong with the station itself, in words, and say what changed."""
        self._faults = faults
        self.refresh()

    def refresh(self) -> None:
        """Ask the sinks how they fare, and say what changed."""
        healths = {name: sink.health() for name, sink in self._sinks.items()}
        lost = {name: f"{name}: {one.problem}" for name, one in healths.items() if one.problem}
        doubts = tuple(f"{name}: {one.warning}" for name, one in healths.items() if one.warning)
        for name in self._sinks:
            others = (reason for other, reason in lost.items() if other != name)
            self._report(name, (*self._faults, *others, *doubts))
        self._log((*self._faults, *lost.values(), *doubts))

    def end(self) -> None:
        """Say that the station stops."""
        for name in self._sinks:
            self._report(name, (), StationState.OFFLINE)
        self._log((), StationState.OFFLINE)

    def _report(
        self, name: str, reasons: tuple[str, ...], ended: StationState | None = None
    ) -> None:
        said = (ended or _state_of(reasons), reasons)
        if said != self._reported.get(name):
            self._reported[name] = said
            status = StationStatus(*said, self._clock.utc_rfc3339(), __version__)
            self._sinks[name].report(status)

    def _log(self, reasons: tuple[str, ...], ended: StationState | None = None) -> None:
        said = (ended or _state_of(reasons), reasons)
        if said != self._logged:
            self._logged = said
            level = logging.WARNING if reasons else logging.INFO
            logger.log(level, "station %s %s", said[0].value, "; ".join(reasons))


def _state_of(reasons: tuple[str, ...]) -> StationState:
    return StationState.DEGRADED if reasons else StationState.ONLINE
