from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downcore.sources.inbox.completeness import (
    Evidence,
    FileStability,
    Incomplete,
    Patience,
    Progress,
    assess,
    observe,
)

PATIENCE = Patience(settle_s=5, give_up_s=60)
WHOLE = Evidence(is_complete=True, is_tail_blank=False)

seconds = st.floats(0, 1e6)
stillnesses = st.builds(
    FileStability,
    size=st.integers(0, 2**40),
    mtime_ns=st.integers(-(2**63), 2**63),
    since_s=seconds,
    n_listings=st.integers(1, 1000),
    is_closed=st.booleans(),
)
evidences = st.builds(Evidence, is_complete=st.booleans(), is_tail_blank=st.booleans())


def still(*, for_s: float, n_listings: int = 2, is_closed: bool = False) -> FileStability:
    return FileStability(1000, 1, since_s=100 - for_s, n_listings=n_listings, is_closed=is_closed)


def progress(stability: FileStability, evidence: Evidence) -> Progress:
    return assess(stability, evidence, now_s=100, patience=PATIENCE).progress


def test_a_complete_scan_is_final_once_it_has_been_still_for_long_enough() -> None:
    assert progress(still(for_s=4.9), WHOLE) is Progress.SETTLING
    assert progress(still(for_s=5), WHOLE) is Progress.FINAL


def test_one_look_is_never_enough_however_long_ago() -> None:
    assert progress(still(for_s=50, n_listings=1), WHOLE) is Progress.SETTLING


def test_a_file_settles_by_a_second_equal_look_after_long_enough() -> None:
    assert still(for_s=5).has_settled(100, PATIENCE)
    assert not still(for_s=4.9).has_settled(100, PATIENCE)
    assert not still(for_s=1e6, n_listings=1).has_settled(100, PATIENCE), (
        "one look shows no stillness"
    )


@pytest.mark.parametrize("missing", [{"is_complete": False}, {"is_tail_blank": True}])
def test_an_unfinished_scan_is_not_given_up_on_at_the_first_look(missing: dict[str, bool]) -> None:
    unfinished = replace(WHOLE, **missing)
    first = assess(still(for_s=1e6, n_listings=1), unfinished, now_s=100, patience=PATIENCE)
    second = assess(still(for_s=1e6, n_listings=2), unfinished, now_s=100, patience=PATIENCE)
    assert first.incomplete is None
    assert second.incomplete is not None


def test_a_scan_that_its_writer_closed_is_final_at_once() -> None:
    assert progress(still(for_s=0, n_listings=1, is_closed=True), WHOLE) is Progress.FINAL


def test_a_truncated_scan_is_growing_until_patience_ends_and_then_set_aside() -> None:
    truncated = replace(WHOLE, is_complete=False)
    early = assess(still(for_s=59, is_closed=True), truncated, now_s=100, patience=PATIENCE)
    late = assess(still(for_s=60), truncated, now_s=100, patience=PATIENCE)
    assert (early.progress, early.incomplete) == (Progress.GROWING, None)
    assert (late.progress, late.incomplete) == (Progress.GROWING, Incomplete.TRUNCATED)
    assert "60 s" in late.because


def test_a_preallocated_scan_with_blank_strips_is_not_taken_for_a_dark_one() -> None:
    blank = replace(WHOLE, is_tail_blank=True)
    early = assess(still(for_s=59, is_closed=True), blank, now_s=100, patience=PATIENCE)
    late = assess(still(for_s=61, is_closed=True), blank, now_s=100, patience=PATIENCE)
    assert (early.progress, early.incomplete) == (Progress.GROWING, None)
    assert late.incomplete is Incomplete.ZERO_TAILED


def test_bytes_that_arrive_after_the_end_reopen_the_scan() -> None:
    final = observe(None, size=10, mtime_ns=1, now_s=0, is_closed=True)
    assert assess(final, WHOLE, now_s=0, patience=PATIENCE).progress is Progress.FINAL
    more = observe(final, size=20, mtime_ns=2, now_s=1)
    assert not more.is_closed, "the writer closed what was there then, not what is there now"
    assert assess(more, WHOLE, now_s=1, patience=PATIENCE).progress is Progress.SETTLING


def test_bytes_that_arrive_after_giving_up_start_the_wait_anew() -> None:
    truncated = replace(WHOLE, is_complete=False)
    before = still(for_s=90)
    more = observe(before, size=2000, mtime_ns=2, now_s=100)
    assert assess(before, truncated, now_s=100, patience=PATIENCE).incomplete
    assert not assess(more, truncated, now_s=150, patience=PATIENCE).incomplete


@pytest.mark.parametrize(("size", "mtime_ns"), [(11, 5), (9, 5), (10, 6), (10, 4)])
def test_any_difference_is_a_change_also_a_time_that_went_back(size: int, mtime_ns: int) -> None:
    before = observe(None, size=10, mtime_ns=5, now_s=0)
    after = observe(before, size=size, mtime_ns=mtime_ns, now_s=9)
    assert (after.since_s, after.n_listings) == (9, 1)


def test_equal_looks_are_counted_from_the_first_of_them() -> None:
    stability = observe(None, size=10, mtime_ns=5, now_s=3)
    for now_s in (4, 5, 6):
        stability = observe(stability, size=10, mtime_ns=5, now_s=now_s)
    assert (stability.since_s, stability.n_listings) == (3, 4)


@given(stillnesses, evidences, seconds)
def test_no_scan_is_ever_final_while_bytes_or_strips_are_missing(
    stability: FileStability, evidence: Evidence, now_s: float
) -> None:
    decision = assess(stability, evidence, now_s=now_s, patience=PATIENCE)
    if not evidence.is_complete or evidence.is_tail_blank:
        assert decision.progress is Progress.GROWING, decision.because
    else:
        assert decision.progress is not Progress.GROWING, decision.because
        assert decision.incomplete is None
    assert decision.because


@given(stillnesses, evidences, seconds, st.data())
def test_more_evidence_never_takes_a_decision_back(
    stability: FileStability, evidence: Evidence, now_s: float, data: st.DataObject
) -> None:
    fewer = assess(stability, evidence, now_s=now_s, patience=PATIENCE)
    longer = replace(
        stability,
        n_listings=stability.n_listings + data.draw(st.integers(0, 5)),
        is_closed=stability.is_closed or data.draw(st.booleans()),
    )
    stronger = Evidence(
        is_complete=evidence.is_complete or data.draw(st.booleans()),
        is_tail_blank=evidence.is_tail_blank and data.draw(st.booleans()),
    )
    later_s = now_s + data.draw(st.floats(0, 1000))
    more = assess(longer, stronger, now_s=later_s, patience=PATIENCE)
    assert more.progress >= fewer.progress, f"{fewer.because} became {more.because}"


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=12))
def test_a_decision_depends_on_the_looks_since_the_last_change_alone(
    looks: list[tuple[int, bool]],
) -> None:
    whole: FileStability | None = None
    since = 0
    for k, (size, is_closed) in enumerate(looks):
        if k and size != looks[k - 1][0]:
            since = k
        whole = observe(whole, size=size, mtime_ns=0, now_s=k, is_closed=is_closed)
    tail: FileStability | None = None
    for k, (size, is_closed) in enumerate(looks[since:], since):
        tail = observe(tail, size=size, mtime_ns=0, now_s=k, is_closed=is_closed)
    assert whole == tail


def test_patience_that_gives_up_before_it_settles_is_refused() -> None:
    with pytest.raises(ValueError, match="settle_s <= give_up_s"):
        Patience(settle_s=10, give_up_s=5)


def test_a_file_that_was_closed_stays_so_until_it_changes() -> None:
    closed = observe(None, size=10, mtime_ns=1, now_s=0, is_closed=True)
    assert observe(closed, size=10, mtime_ns=1, now_s=1).is_closed
    opened = observe(None, size=10, mtime_ns=1, now_s=0)
    assert observe(opened, size=10, mtime_ns=1, now_s=1, is_closed=True).is_closed
    assert not observe(opened, size=10, mtime_ns=1, now_s=1).is_closed


@pytest.mark.parametrize(
    ("stability", "evidence", "because"),
    [
        (
            still(for_s=1, is_closed=True),
            WHOLE,
            "closed, renamed into place or marked as done by its writer, and complete",
        ),
        (still(for_s=6, n_listings=3), WHOLE, "the same in 3 listings over 6.0 s, and complete"),
        (
            still(for_s=0, n_listings=1),
            WHOLE,
            "complete; the same in 1 listings over 0.0 s of 5 s needed",
        ),
        (
            still(for_s=1),
            replace(WHOLE, is_complete=False),
            "bytes that its structure promises are missing at 1000 bytes",
        ),
        (
            still(for_s=1),
            replace(WHOLE, is_tail_blank=True),
            "its last strips are still blank at 1000 bytes",
        ),
        (
            still(for_s=90),
            replace(WHOLE, is_tail_blank=True),
            "zero-tailed: its last strips are still blank, and nothing changed for 90 s",
        ),
    ],
)
def test_a_decision_tells_its_evidence(
    stability: FileStability, evidence: Evidence, because: str
) -> None:
    assert assess(stability, evidence, now_s=100, patience=PATIENCE).because == because


def test_patience_may_be_none_at_all_or_end_as_it_settles() -> None:
    assert Patience(settle_s=0, give_up_s=0).settle_s == 0
    with pytest.raises(ValueError, match="got -1 and 5"):
        Patience(settle_s=-1, give_up_s=5)
