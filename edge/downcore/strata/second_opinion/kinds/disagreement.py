"""Stretches where both logs part company the other way, for which there is no usual cause."""

from downcore.strata.second_opinion.codes import Code
from downcore.strata.second_opinion.kinds._of_shifts import findings_of
from downcore.strata.second_opinion.review import Review


def review(review: Review) -> None:
    """Flag density above and susceptibility below what is expected."""
    review.findings += findings_of(review, "density", Code.DISAGREES, lambda one: one.size < 0.0)
    review.findings += findings_of(review, "ms", Code.DISAGREES, lambda one: one.size > 0.0)
