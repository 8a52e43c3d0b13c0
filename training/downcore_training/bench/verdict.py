"""The verdict: the simplest model that is as good as the best, and warnings of likely leaks."""

from collections.abc import Sequence
from dataclasses import dataclass

from downcore.strata.properties import PROPERTIES
from downcore_training.bench.protocols import BY_CORE, BY_CORE_IN_SITE, BY_SITE, RANDOM, UNSEEN
from downcore_training.bench.rows import Row

LEAK_FROM = 0.6
"""R2 by core of ``vp`` or ``ms`` above which a leak is more likely than a real result."""

HELD_OUT = (BY_CORE.name, UNSEEN)
"""Protocols whose scores the verdict compares: held-out cores."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The leakage gap: what splitting by slice adds to a score."""

    network: str
    target: str
    """Name of the property."""
    random: float
    by_core: float

    @property
    def gap(self) -> float:
        """R2 with random slices less R2 by core."""
        return self.random - self.by_core


def gaps_of(rows: Sequence[Row]) -> list[Gap]:
    """Return the leakage gap of every model that learns and has both scores."""
    random = {(r.network, r.target.name): r.r2 for r in rows if r.protocol == RANDOM.name}
    found = []
    for row in rows:
        if row.protocol != BY_CORE.name or not row.prediction.is_candidate:
            continue
        drawn = random.get((row.network, row.target.name))
        if drawn is not None and row.r2 is not None:
            found.append(Gap(row.network, row.target.name, drawn, row.r2))
    return found


def verdict_of(rows: Sequence[Row]) -> list[str]:
    """Return the verdict on every property and over all, one sentence each."""
    mine = [r for r in rows if r.protocol in HELD_OUT and r.prediction.is_candidate]
    sentences = []
    names = [prop.name for prop in PROPERTIES]
    for name in names:
        scored = [r for r in mine if r.target.name == name and r.r2 is not None]
        if not scored:
            sentences.append(f"{name}: no verdict, nothing was scored on cores held out whole.")
            continue
        sentences.append(_on_one(name, scored))
    overall = _over_all(mine)
    return [*sentences, overall] if overall else sentences


def audit_of(rows: Sequence[Row]) -> list[str]:
    """Return a warning for every score by core that is implausibly good for colour."""
    held_out = (*HELD_OUT, BY_SITE.name, BY_CORE_IN_SITE.name)
    found = []
    for row in rows:
        too_good = row.r2 is not None and row.r2 > LEAK_FROM
        if not too_good or row.target.name not in {"vp", "ms"} or row.protocol not in held_out:
            continue
        if not row.prediction.is_candidate:
            continue
        visible = row.extra.get("r2_visible")
        share = f" (of {visible:.2f} that the generator made visible)" if visible else ""
        found.append(
            f"{row.target.name} by {row.network}, {row.protocol}: R2 {row.r2:.2f}{share} is above "
            f"{LEAK_FROM:g}: treat as a leak until audited."
        )
    return found


def _on_one(name: str, scored: Sequence[Row]) -> str:
    best = max(scored, key=lambda row: row.r2 or 0.0)
    top = best.r2 or 0.0
    se = best.spread.se if best.spread else 0.0
    chosen = min(
        (row for row in scored if (row.r2 or 0.0) >= top - se),
        key=lambda row: row.prediction.simplicity,
    )
    doubt = ""
    if best.spread is None:
        doubt = " No bootstrap could be made, so only the best itself qualifies."
    elif best.spread.over == "blocks":
        doubt = (
            " With fewer than three cores the error is that of 20 cm blocks, which is too small."
        )
    sentence = (
        f"{name}: {chosen.network} (R2 {_number(chosen.r2)}, {chosen.protocol}) is the simplest "
        f"within one bootstrap error ({se:.2f}) of the best"
    )
    sentence += (
        "." if chosen is best else f", {best.network} (R2 {_number(best.r2)}, {best.protocol})."
    )
    if top <= 0.0 or chosen.network == "train-mean":
        sentence += " Colour predicted nothing on a new core here."
    return sentence + doubt


def _over_all(rows: Sequence[Row]) -> str:
    """Compare models by their mean R2 over the properties that were scored by core at all."""
    names = sorted({row.target.name for row in rows if row.r2 is not None})
    scored: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.r2 is not None:
            scored.setdefault((row.network, row.protocol), []).append(row)
    complete = {k: v for k, v in scored.items() if {r.target.name for r in v} == set(names)}
    if not complete or not names:
        return ""
    mean = {k: sum(r.r2 or 0.0 for r in v) / len(v) for k, v in complete.items()}
    best = max(mean, key=mean.__getitem__)
    errors = [r.spread.se if r.spread else 0.0 for r in complete[best]]
    se = sum(e**2 for e in errors) ** 0.5 / len(errors)
    chosen = min(
        (k for k in mean if mean[k] >= mean[best] - se),
        key=lambda k: complete[k][0].prediction.simplicity,
    )
    sentence = (
        f"over all ({', '.join(names)}): {chosen[0]} (mean R2 {mean[chosen]:.2f}) is the simplest "
    )
    sentence += f"within one error ({se:.2f}) of the best"
    return f"{sentence}." if chosen == best else f"{sentence}, {best[0]} ({mean[best]:.2f})."


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
