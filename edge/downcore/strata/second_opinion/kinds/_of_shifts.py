"""Findings made of shifts that the rows showed."""

from collections.abc import Callable, Iterator

from downcore.strata.properties import property_named
from downcore.strata.second_opinion.codes import Code, Finding
from downcore.strata.second_opinion.review import Review, Track, span_um
from downcore.strata.second_opinion.shifts import Shift

_MOST = 300.0


def findings_of(
    review: Review, name: str, code: Code, is_kind: Callable[[Shift], bool]
) -> Iterator[Finding]:
    """Yield a finding for each shift of a property that is of a kind."""
    track = review.tracks.get(name)
    if track is None or track.judged is None:
        return
    rows = track.rows_judged
    for shift in track.judged.shifts:
        if is_kind(shift):
            top_um, bottom_um = span_um(int(rows[shift.first]), int(rows[shift.last]))
            words = evidence(track, shift)
            yield Finding(code, name, top_um, bottom_um, shift.score, shift.limit, words)


def factor_of(size: float) -> float:
    """Return the factor that a difference of log10 is, as far as a number can hold it."""
    return float(10.0 ** min(max(size, -_MOST), _MOST))


def evidence(track: Track, shift: Shift) -> str:
    """Say by how much a stretch of the measured log is off."""
    prop = property_named(track.log.property)
    beside = "its density" if track.log.is_by_density else "the picture"
    n = shift.last - shift.first + 1
    rows = f"{n} row{'s' * (n > 1)}"
    if prop.is_log_scaled:
        factor = factor_of(abs(shift.size))
        return (
            f"{rows} {factor:.3g} times {'below' if shift.size > 0.0 else 'above'} what {beside} "
            "and the rows above say"
        )
    side = "below" if shift.size > 0.0 else "above"
    return f"{rows} {abs(shift.size):.3g} {prop.unit} {side} what {beside} and the rows above say"
