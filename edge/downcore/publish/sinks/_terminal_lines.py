"""Announcements as plain lines for people."""

import itertools
import json
from typing import Any

from downcore.strata.depth import SLICE_UM
from downcore.strata.record import OutboxEntry, OutboxKind
from downcore.strata.unmixing.composition import words_of


def lines_of(entry: OutboxEntry) -> list[str]:
    """
    Return an announcement as lines for people: one for each row and bundle, or one for a state.

    Depth is in centimetres; a property without a value says its status instead.
    """
    payload = json.loads(entry.payload)
    name = printable(entry.section_id)
    if entry.kind is OutboxKind.STATE:
        reason = f": {printable(payload['reason'])}" if payload["reason"] else ""
        return [f"{name}  {payload['state']}{reason}"]
    if entry.kind is OutboxKind.CORRECTION:
        why = f" ({printable(payload['why'])})" if payload["why"] else ""
        done = f"{payload['verb']} by {printable(payload['made_by'])}"
        return [f"{name or 'a file'}  {done}: {printable(payload['effect'])}{why}"]
    lines_of_row = _lines_of_composition if entry.kind is OutboxKind.COMPOSITION else _lines_of_row
    return [line for row in payload["rows"] for line in lines_of_row(name, row)]


def printable(text: str) -> str:
    """Return ``text`` with control characters spelt out, so that a name cannot move a cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _lines_of_row(name: str, row: dict[str, Any]) -> list[str]:
    start = f"{name}  {row['top_um'] / SLICE_UM:7.2f} - {row['bottom_um'] / SLICE_UM:.2f} cm"
    by_bundle: dict[str, list[dict[str, Any]]] = {}
    for estimate in row["estimates"]:
        by_bundle.setdefault(estimate["bundle_id"], []).append(estimate)
    if not by_bundle:
        return [f"{start}  sediment {100 * row['valid_fraction']:.0f} %"]
    return [
        "  ".join((start, *_words(some), *([bundle_id[:8]] if len(by_bundle) > 1 else [])))
        for bundle_id, some in by_bundle.items()
    ]


def _lines_of_composition(name: str, row: dict[str, Any]) -> list[str]:
    start = f"{name}  {row['top_um'] / SLICE_UM:7.2f} - {row['bottom_um'] / SLICE_UM:.2f} cm"
    by_name = {share["group"]: share for share in (*row["groups"], *row["joined"])}
    reported = [by_name[name] for name in row["told"]]
    known = [_words_of_share(share) for share in reported if share["fraction"] is not None]
    if known:
        return [f"{start}  {', '.join(known)}"]
    first = row["groups"][0]
    return [f"{start}  composition {first['status']} ({printable(first['reason'])})"]


def _words_of_share(share: dict[str, Any]) -> str:
    words = words_of(share["fraction"], share["lower"], share["upper"])
    return (
        f"{printable(share['group'])} {words}{', by the prior' if share['is_prior_driven'] else ''}"
    )


def _words(estimates: list[dict[str, Any]]) -> list[str]:
    """Return the values of a row; a reason that several properties share is said once."""
    words: list[str] = []
    for why, some in itertools.groupby(estimates, key=_why_not):
        group = list(some)
        if why is None:
            words += map(_words_of_value, group)
        else:
            names = ", ".join(estimate["property"] for estimate in group)
            words.append(f"{names} {why[0]} ({printable(why[1])})")
    return words


def _why_not(estimate: dict[str, Any]) -> tuple[str, str] | None:
    """Return status and reason of what has no value, and nothing of what has one."""
    return (estimate["status"], estimate["reason"]) if estimate["value"] is None else None


def _words_of_value(estimate: dict[str, Any]) -> str:
    interval = ""
    if estimate["lower"] is not None and estimate["upper"] is not None:
        interval = f" [{estimate['lower']:.4g}, {estimate['upper']:.4g}]"
    return f"{estimate['property']} {estimate['value']:.4g}{interval} {estimate['unit']}"
