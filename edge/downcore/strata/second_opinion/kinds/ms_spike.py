"""Susceptibility far above the picture's: rust, a screw, metal in the liner."""

from downcore.strata.second_opinion.codes import Code
from downcore.strata.second_opinion.kinds._of_shifts import findings_of
from downcore.strata.second_opinion.review import Review


def review(review: Review) -> None:
    """Flag stretches of susceptibility above what is expected."""
    review.findings += findings_of(review, "ms", Code.MS_SPIKE, lambda one: one.size < 0.0)
