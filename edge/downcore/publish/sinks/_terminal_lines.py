"""Announcements as plain lines for people."""

import itertools
import json
from dataclasses import dataclass
from typing import Any

from downcore.strata.depth import SLICE_UM
from downcore.strata.flags import titled
from downcore.strata.record import OutboxEntry, OutboxKind
from downcore.strata.unmixing.composition import words_of


def lines_of(entry: OutboxEntry) -> list[str]:
    """
    Return an announcement as lines for people: one for each row and bundle, or one for a state.

    Rows on end that lack the same values for the same reason are one line.

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
    if entry.kind is OutboxKind.MEASURED:
        values, withdrawn = payload["values"], payload["withdrawn"]
        gone = f", {len(withdrawn)} withdrawn" if withdrawn else ""
        return [f"{name}  {len(values)} measured values of {printable(payload['file'])}{gone}"]
    if entry.kind is OutboxKind.ALARM:
        return _lines_of_flags(name, payload["flags"])
    words_of_row = _words_of_composition if entry.kind is OutboxKind.COMPOSITION else _words_of_row
    return _joined(name, [(row, words_of_row(row)) for row in payload["rows"]])


def _lines_of_flags(name: str, flags: list[dict[str, Any]]) -> list[str]:
    """Return a line for each flag that nobody has acknowledged."""
    left = [one for one in flags if one["acknowledged_by"] is None]
    return [
        f"{name}  {one['top_um'] / SLICE_UM:7.2f} - {one['bottom_um'] / SLICE_UM:.2f} cm  "
        f"flag {one['flag']}: {titled(one['code'], one['property'] or '')}: "
        f"{printable(one['evidence'])}"
        for one in left
    ] or [f"{name}  no open flag"]


def printable(text: str) -> str:
    """Return ``text`` with control characters spelt out, so that a name cannot move a cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@dataclass(frozen=True, slots=True)
class _Words:
    """What is said of a row, or of a row by one bundle."""

    text: str
    has_value: bool


def _joined(name: str, rows: list[tuple[dict[str, Any], list[_Words]]]) -> list[str]:
    """Return a line for each row and bundle, but one for rows on end that lack the same values."""
    lines: list[str] = []
    is_mute = itertools.groupby(rows, key=lambda row: None if _any_value(row[1]) else row[1])
    for words, on_end in is_mute:
        run = list(on_end)
        spans = (
            [(run[0][0]["top_um"], run[-1][0]["bottom_um"], words)]
            if words
            else [(row["top_um"], row["bottom_um"], said) for row, said in run]
        )
        for top_um, bottom_um, said in spans:
            start = f"{name}  {top_um / SLICE_UM:7.2f} - {bottom_um / SLICE_UM:.2f} cm"
            lines += [f"{start}  {one.text}" for one in said]
    return lines


def _any_value(words: list[_Words]) -> bool:
    return any(one.has_value for one in words)


def _words_of_row(row: dict[str, Any]) -> list[_Words]:
    by_bundle: dict[str, list[dict[str, Any]]] = {}
    for estimate in row["estimates"]:
        by_bundle.setdefault(estimate["bundle_id"], []).append(estimate)
    if not by_bundle:
        return [_Words(f"sediment {100 * row['valid_fraction']:.0f} %", has_value=True)]
    return [
        _Words(
            "  ".join((*_words_of(estimates), *([bundle_id[:8]] if len(by_bundle) > 1 else []))),
            has_value=any(one["value"] is not None for one in estimates),
        )
        for bundle_id, estimates in by_bundle.items()
    ]


def _words_of_composition(row: dict[str, Any]) -> list[_Words]:
    by_name = {share["group"]: share for share in (*row["groups"], *row["joined"])}
    reported = [by_name[name] for name in row["told"]]
    known = [_words_of_share(share) for share in reported if share["fraction"] is not None]
    if known:
        return [_Words(", ".join(known), has_value=True)]
    first = row["groups"][0]
    text = f"composition {first['status']} ({printable(first['reason'])})"
    return [_Words(text, has_value=False)]


def _words_of_share(share: dict[str, Any]) -> str:
    words = words_of(share["fraction"], share["lower"], share["upper"])
    return (
        f"{printable(share['group'])} {words}{', by the prior' if share['is_prior_driven'] else ''}"
    )


def _words_of(estimates: list[dict[str, Any]]) -> list[str]:
    """Return the words of a bundle's estimates; those that lack a value alike are said together."""
    words: dict[str, list[str]] = {}
    for estimate in estimates:
        name, value = estimate["property"], estimate["value"]
        if value is None:
            what = f"{estimate['status']} ({printable(estimate['reason'])})"
        else:
            what = f"{value:.4g}{_interval(estimate)} {estimate['unit']}"
        words.setdefault(what, []).append(name)
    return [f"{', '.join(names)} {what}" for what, names in words.items()]


def _interval(estimate: dict[str, Any]) -> str:
    if estimate["lower"] is None or estimate["upper"] is None:
        return ""
    return f" [{estimate['lower']:.4g}, {estimate['upper']:.4g}]"
