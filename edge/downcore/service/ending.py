"""What the store must know of a scan that was read to its end, also where a kill came between."""

from downcore.service.identity import Identity
from downcore.service.outcome import Outcome
from downcore.store import Store
from downcore.strata.record import ScanState


def knows_end(found: Identity) -> bool:
    """Return whether the end and the content of a scan were recorded when it was read before."""
    kept = found.kept
    return kept is not None and kept.content_digest != "" and kept.has_ended


def complete(store: Store, found: Identity, content: str) -> Outcome:
    """
    Record what is still missing of a scan that has every row.

    Parameters
    ----------
    store : Store
        Has the scan.
    found : Identity
        The scan.
    content : str
        Digest of its files, whole; empty while they may still change.

    Returns
    -------
    Outcome
        ``WAITING`` where the content is needed and not known yet, else ``DONE``.
    """
    kept = found.kept
    if kept is None:
        return Outcome.WAITING
    if not kept.content_digest:
        if not content:
            return Outcome.WAITING
        store.end_scan(kept.scan_id, content)
    elif kept.state is ScanState.FINAL:
        store.set_scan_state(kept.scan_id, ScanState.DONE)
    return Outcome.DONE
