"""Names of vessel and station that the host's own name suggests."""

import re
import socket

_PART = re.compile(r"[^a-z0-9-]+")
_NO_NAMES = frozenset({"", "localhost", "localdomain", "local", "lan", "home", "internal"})


def names_from_host(host: str | None = None) -> tuple[str, str]:
    """
    Return names for vessel and station, empty where the host suggests none.

    Parameters
    ----------
    host : str, optional
        Full name of the host, such as ``scanner1.polarstern.example``; this one's by default.

    Returns
    -------
    str
        The vessel: the first part of the host's domain.
    str
        The station: the host's own name.
    """
    parts = [
        _PART.sub("-", part.lower()).strip("-")
        for part in (socket.getfqdn() if host is None else host).split(".")
    ]
    if all(part.isdigit() for part in parts):
        return "", ""
    station, vessel = (*parts, "", "")[:2]
    # A domain of one part is that of a whole institute or of none.
    has_domain = len(parts) > 2  # noqa: PLR2004 - host, vessel, and something above
    return (
        vessel if has_domain and vessel not in _NO_NAMES else "",
        "" if station in _NO_NAMES else station,
    )
