"""What comes back on a station's own topics: its own word, or that of another station; pure."""

import json
from dataclasses import dataclass

from downcore.publish.topics import Topics
from downcore.strata.record import StoreOrigin

HEARD_WITHIN_S = 15.0
"""Within which a message that was acknowledged comes back to one who subscribed to it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that came back."""

    topic: str
    payload: bytes
    is_retained: bool
    """Whether the broker had kept it, so that its sender may be long gone."""


@dataclass(frozen=True, slots=True)
class OtherStation:
    """A station that says under our topic that it works."""

    instance_id: str
    since_utc: str


class Neighbours:
    """
    Listens, on one connection, to the station's own status and birth.

    Parameters
    ----------
    topics : Topics
        Of the station.
    origin : StoreOrigin
        Which store the station has.
    """

    def __init__(self, topics: Topics, origin: StoreOrigin) -> None:
        self._topics = topics
        self._origin = origin
        self._others: dict[str, OtherStation] = {}
        self._unheard = {topics.status, topics.birth}
        self._said_at_s: float | None = None

    def said(self, now_s: float) -> None:
        """Note that status and birth were published."""
        self._said_at_s = now_s

    def hear(self, heard: Heard) -> bool:
        """
        Take in a message of one of the station's own topics.

        Returns whether another station's goodbye now stands where ours should.
        """
        said = _object(heard.payload)
        instance_id = str(said.get("instance_id", ""))
        if instance_id == self._origin.instance_id:
            if not heard.is_retained:
                self._unheard.discard(heard.topic)
            return False
        if heard.topic != self._topics.status or not instance_id:
            return False
        if said.get("state") == "offline":
            self._others.pop(instance_id, None)
            return not heard.is_retained
        self._others[instance_id] = OtherStation(instance_id, str(said.get("since_utc", "")))
        return False

    @property
    def warning(self) -> str:
        """That another station uses the topic; empty while none does."""
        if not self._others:
            return ""
        other = next(iter(self._others.values()))
        return (
            f"another station (instance {other.instance_id[:8]}) says under our topic "
            f"{self._topics.status} that it works; give each station a name of its own: "
            "vessel and station in [station]"
        )

    def remark(self, now_s: float) -> str:
        """Return which topics were acknowledged and not heard; empty while nothing is missing."""
        if self._said_at_s is None or now_s - self._said_at_s < HEARD_WITHIN_S:
            return ""
        if not self._unheard:
            return ""
        return (
            f"acknowledged but not heard: {', '.join(sorted(self._unheard))}; the broker's access "
            "list may keep this user from writing there (or only from reading it back)"
        )


def other_station(heard: Heard, instance_id: str) -> OtherStation | None:
    """Return the station that a status shows to be at work, if it is not ``instance_id``."""
    said = _object(heard.payload)
    other = str(said.get("instance_id", ""))
    if not other or other == instance_id or said.get("state") == "offline":
        return None
    return OtherStation(other, str(said.get("since_utc", "")))


def _object(payload: bytes) -> dict[str, object]:
    try:
        value = json.loads(payload)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
