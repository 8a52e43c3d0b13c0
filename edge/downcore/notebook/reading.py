"""Reading a finished scan from top to end: slice by slice through the pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass

from downcore.pipeline import SectionPipeline, SliceRules, segments_by_slice
from downcore.ports import Predictor, ScanLines
from downcore.sources.inbox.digests import PrefixDigest
from downcore.strata.depthlog import SliceRow


@dataclass(frozen=True, slots=True)
class ReadScan:
    """What was read of a scan."""

    rows: tuple[SliceRow, ...]
    opening: str
    """Digest of the lines of its first centimetre, of which its identity is made."""


def read_rows(
    lines: ScanLines, n_lines: int, predictors: Sequence[Predictor], rules: SliceRules
) -> ReadScan:
    """
    Return the rows of a finished scan, as ``downcore process`` would keep them.

    Parameters
    ----------
    lines : ScanLines
        The opened scan, complete.
    n_lines : int
        Its lines; 1 or more.
    predictors : sequence of Predictor
        Bundles that run; without any, rows have no estimates.
    rules : SliceRules
        How slices are looked at.

    Raises
    ------
    SegmentError
        If lines cannot be read.
    """
    pipeline = SectionPipeline(lines.scale, predictors, rules)
    opening = PrefixDigest()
    rows: list[SliceRow] = []
    for segment in segments_by_slice(lines, n_lines):
        if segment.first_line == 0:
            opening.add(segment)
        rows += pipeline.push(segment)
    rows += pipeline.finish()
    return ReadScan(tuple(rows), opening.hexdigest())
