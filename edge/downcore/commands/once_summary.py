"""What a run that ended by itself did, and what it left, in a few lines."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from downcore.file_names import printable
from downcore.store import Reader
from downcore.store.stored_values import StoredScan
from downcore.strata.reasons import grouped, shape_of, such_as, without_path
from downcore.strata.record import ScanState

MAX_REASONS = 5
"""Reasons of one kind that are said; of more, the number is."""

_ASKS = ". Is that right?"
_COMMAND = re.compile(r"`(downcore [^`]+)`")


@dataclass(frozen=True, slots=True)
class LeftOver:
    """What a run did not store."""

    refused: Mapping[str, str]
    """Reason by path."""
    questioned: Mapping[str, str]
    """Question by path."""
    away: str = ""
    """Why it ended though scans were left; empty where none were."""

    def seen_from(self, inbox: Path) -> Self:
        """Return it with places in the inbox for paths, and without them in the reasons."""
        folder = f"{printable(inbox)}/"
        refused = {
            path.removeprefix(folder): without_path(reason, path)
            for path, reason in self.refused.items()
        }
        asked = {path.removeprefix(folder): text for path, text in self.questioned.items()}
        return replace(self, refused=refused, questioned=asked)


def summary(db: Path, started_utc: str, left: LeftOver, options: str) -> Iterator[str]:
    """
    Yield the lines that end a run.

    Parameters
    ----------
    db : Path
        The store.
    started_utc : str
        When the run began; what changed since was done by it.
    left : LeftOver
        What was not stored.
    options : str
        What is added to the commands that are named.
    """
    with Reader.open(db) as reader:
        done = [
            one
            for one in reader.scans()
            if one.status.state is ScanState.DONE and one.status.updated_utc >= started_utc
        ]
        n_cm = sum(one.status.n_slices for one in done)
        n_copies = sum(one.status.duplicate_of is not None for one in done)
        n_sections = len({one.scan.section_id for one in done if one.status.duplicate_of is None})
        yield (
            f"done: {_count(n_sections, 'section')}, {n_cm:,} cm"
            + (f", and {_count(n_copies, 'file')} with the content of another" if n_copies else "")
            + (f"; 'downcore log{options}' lists them" if done else "")
        )
        yield from _abstained(reader, done)
    if left.refused:
        yield f"set aside: {_count(len(left.refused), 'file')}"
        groups = grouped(left.refused.items())
        for group in groups[:MAX_REASONS]:
            yield f"  {group.n}: {group.reason} ({such_as(group.subjects)})"
        yield from _more(len(groups))
        yield f"  once that is mended: downcore release FILE{options}"
    if left.questioned:
        yield f"waiting for an answer: {_count(len(left.questioned), 'scan')}"
        yield from _questions(left.questioned, options)
    if left.away:
        yield f"NOT FINISHED: {left.away}"


def _abstained(reader: Reader, done: list[StoredScan]) -> Iterator[str]:
    """Yield for which reasons rows have no value, each with its centimetres."""
    by_shape: dict[str, tuple[str, int, int]] = {}
    for one in done:
        for reason, n_cm in reader.abstained(one.scan.scan_id):
            first, n_all, n_scans = by_shape.get(shape_of(reason), (reason, 0, 0))
            by_shape[shape_of(reason)] = (first, n_all + n_cm, n_scans + 1)
    kinds = sorted(by_shape.values(), key=lambda kind: -kind[1])
    for reason, n_cm, n_scans in kinds[:MAX_REASONS]:
        yield f"without a value: {n_cm:,} cm of {_count(n_scans, 'scan')}: {reason}"


def _questions(questioned: Mapping[str, str], options: str) -> Iterator[str]:
    causes = [(path, text.partition(_ASKS)[0]) for path, text in questioned.items()]
    groups = grouped(causes)
    for group in groups[:MAX_REASONS]:
        yield f"  {group.n}: {group.reason} ({such_as(group.subjects)})"
        commands = _COMMAND.findall(questioned[group.subjects[0]])
        if len(commands) > 1:
            right, wrong = (f"{command}{options}" for command in commands[:2])
            others = " (a pattern such as 'GC01_*' answers for several)" if group.n > 1 else ""
            yield f"     if that is right: {right}"
            yield f"     if not: {wrong}{others}"
    yield from _more(len(groups))


def _more(n_groups: int) -> Iterator[str]:
    if n_groups > MAX_REASONS:
        yield f"  and {n_groups - MAX_REASONS} other reasons; 'downcore status' has them"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
