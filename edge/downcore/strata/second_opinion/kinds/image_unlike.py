"""A picture that no bundle knows, so that the log has no second opinion."""

import numpy as np

from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.review import Review

LEAST_SHARE = 0.5
"""Share of the measured centimetres without an answer from which it is said."""
_LEAST_CM = 10


def review(review: Review) -> None:
    """Flag a section most of whose measured centimetres no bundle answers for."""
    measured = np.zeros(review.logs.n_slices, np.bool_)
    for log in review.logs.logs:
        measured |= np.isfinite(log.measured)
    n = int(measured.sum())
    unlike = review.logs.is_unlike & measured
    share = float(unlike.sum()) / max(n, 1)
    if n >= _LEAST_CM and share >= LEAST_SHARE:
        words = f"no bundle knows the picture of {100 * share:.0f} % of the measured centimetres"
        bottom_um = review.logs.n_slices * 10_000
        review.findings.append(
            Finding(Code.IMAGE_UNLIKE, "", 0, bottom_um, share, LEAST_SHARE, words)
        )
