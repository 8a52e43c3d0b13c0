"""
Names of MQTT topics; pure.

A section's name comes from a file's name, so it can hold anything. Every part of
a topic is therefore escaped: letters, digits, ``.``, ``_`` and ``-`` stay as they
are, every other byte of its UTF-8 becomes ``%XX``. An escaped part holds no ``/``,
``+``, ``#``, ``$`` or control character, two parts are never escaped alike, and the
original can be had back.
"""

from dataclasses import dataclass

from downcore.strata.record import OutboxKind

ROOT = "downcore/v1"
"""What every topic begins with; the number changes when payloads do so incompatibly."""

EMPTY = "%"
"""How an empty part is written."""

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one station."""

    vessel: str
    station: str

    @property
    def base(self) -> str:
        """What the station's topics begin with."""
        return self._of()

    @property
    def check(self) -> str:
        """Where ``doctor`` publishes to hear itself; that of no section, and never retained."""
        return self._of("section", "", "check")

    @property
    def status(self) -> str:
        """Whether the station works; retained, and the last will."""
        return self._of("status")

    @property
    def birth(self) -> str:
        """What the station publishes; retained."""
        return self._of("birth")

    def section_log(self, section_id: str) -> str:
        """Name the topic of a section's rows in batches; not retained."""
        return self._of("section", section_id, "log")

    def section_latest(self, section_id: str) -> str:
        """Name the topic of a section's newest row; retained."""
        return self._of("section", section_id, "latest")

    def section_state(self, section_id: str) -> str:
        """Name the topic of where a section's scan stands; retained."""
        return self._of("section", section_id, "state")

    def section_composition(self, section_id: str) -> str:
        """Name the topic of what a section's slices are made of, in batches; not retained."""
        return self._of("section", section_id, "composition")

    def section_correction(self, section_id: str) -> str:
        """Name the topic of what people correct about a section; not retained."""
        return self._of("section", section_id, "correction")

    def section_measured(self, section_id: str) -> str:
        """Name the topic of what loggers measured of a section, in batches; not retained."""
        return self._of("section", section_id, "measured")

    def core_depths(self, core: str) -> str:
        """Name the topic of where the sections of a core lie; retained."""
        return self._of("core", core, "depths")

    def section_alarm(self, section_id: str) -> str:
        """Name the topic of the flags of a section that stand; retained."""
        return self._of("section", section_id, "alarm")

    def of_kind(self, section_id: str, kind: OutboxKind) -> str:
        """Return the topic of an announcement."""
        if kind is OutboxKind.STATE:
            return self.section_state(section_id)
        if kind is OutboxKind.COMPOSITION:
            return self.section_composition(section_id)
        if kind is OutboxKind.CORRECTION:
            return self.section_correction(section_id)
        if kind is OutboxKind.MEASURED:
            return self.section_measured(section_id)
        if kind is OutboxKind.ALARM:
            return self.section_alarm(section_id)
        return self.section_log(section_id)

    def _of(self, *parts: str) -> str:
        return "/".join((ROOT, *map(escape, (self.vessel, self.station, *parts))))


def escape(part: str) -> str:
    """
    Return ``part`` as one level of a topic.

    Parameters
    ----------
    part : str
        Anything, also empty, or with bytes of a file's name that are not UTF-8.

    Returns
    -------
    str
        At least one character; ASCII letters, digits, ``.``, ``_``, ``-`` and ``%`` only.
    """
    if not part:
        return EMPTY
    raw = part.encode("utf-8", errors="surrogatepass")
    # A part of dots alone would climb where a subscriber turns topics into folders.
    plain = frozenset[int]() if not part.strip(".") else _PLAIN
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in raw)
