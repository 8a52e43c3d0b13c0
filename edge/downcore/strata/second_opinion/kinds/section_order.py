"""A log of another section, or of this one turned round: sections were taken in another order."""

import numpy as np
from numpy.typing import NDArray

from downcore.strata.second_opinion.alignment import gains, limit_of
from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.kinds.section_offset import best_offset
from downcore.strata.second_opinion.review import Review, Track

_SHARE = 0.04


def review(review: Review) -> None:
    """Flag a section whose log fits upside down or in another section's place."""
    if review.has(Code.DUPLICATE_SECTION):
        return
    others = [one for one in review.others if one.logs]
    n = review.logs.n_slices

    def places(track: Track) -> list[NDArray[np.float64]]:
        return [
            track.predicted[::-1],
            *(_of_other(log.predicted if log else None, n)
              for log in (one.log(track.log.property) for one in others)),
        ]  # fmt: skip

    found = gains(review, places)
    if not found.size:
        return
    best = int(np.argmax(found))
    gain, limit = float(found[best]), limit_of(review, found.size, _SHARE)
    if gain <= limit or best_offset(review)[1] >= gain:
        return
    code = Code.UPSIDE_DOWN if best == 0 else Code.SECTION_SWAPPED
    words = (
        "the log fits if the section is turned round"
        if best == 0
        else f"the log fits section {others[best - 1].section_id}"
    )
    review.findings.append(Finding(code, "", 0, n * 10_000, gain, limit, words))
    for track in review.tracks.values():
        if not track.log.is_by_density:
            track.predicted = places(track)[best]


def _of_other(predicted: NDArray[np.float64] | None, n: int) -> NDArray[np.float64]:
    out = np.full(n, np.nan)
    if predicted is not None:
        k = min(n, predicted.size)
        out[:k] = predicted[:k]
    return out
