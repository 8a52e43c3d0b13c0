"""Which bundles can read the scans of an inbox, by their scales."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from downcore.inference import find_bundle
from downcore.strata.bundle import Manifest, parse_manifest
from downcore.strata.estimates import is_too_coarse_for

FINE = "hrnet-deeplabv3plus"
"""The default: of line scans, trained on generated cores."""
COARSE = "odp887-blend"
"""Of photographs and scans of some pixels a millimetre, trained on real mud."""


@dataclass(frozen=True, slots=True)
class ProposedBundles:
    """What ``predict.bundles`` is to be."""

    names: tuple[str, ...]
    """Empty where the default will do, or nothing would."""
    sentence: str
    """For the technician; empty where the default will do."""


def propose_bundles(scales: Sequence[Fraction]) -> ProposedBundles:
    """
    Return the bundles that can read scans of some scales.

    Parameters
    ----------
    scales : sequence of Fraction
        Scan lines per centimetre of the scans whose scale is known.
    """
    coarse = too_coarse([_manifest(FINE)], scales)
    if not coarse:
        return ProposedBundles((), "")
    of = f"{len(coarse)} of {len(scales)} scans have {_range_of(coarse)} px/cm"
    unread = too_coarse([_manifest(COARSE)], coarse)
    if len(unread) == len(coarse):
        return ProposedBundles((), f"bundles: {of}, which no bundle of downcore can read")
    names = (COARSE,) if len(coarse) == len(scales) else (FINE, COARSE)
    return ProposedBundles(
        names,
        f"bundles: {', '.join(names)}, since {of}, which {FINE} cannot read; {COARSE} learned from "
        "one site and gives values only where a core is like that; where it is silent, train your "
        "own with `downcore train --data CORES`",
    )


def unread_sentence(manifests: Sequence[Manifest], scales: Sequence[Fraction]) -> str:
    """Say which scans are too coarse for every bundle that runs; empty where none is."""
    unread = too_coarse(manifests, scales)
    if not unread:
        return ""
    return (
        f"{len(unread)} of {len(scales)} scans have {_range_of(unread)} px/cm, too coarse for "
        "every bundle that runs: their rows will have no values"
    )


def too_coarse(manifests: Sequence[Manifest], scales: Sequence[Fraction]) -> list[Fraction]:
    """Return the scales that none of some bundles can read."""
    return [
        scale
        for scale in scales
        if all(is_too_coarse_for(manifest, float(scale)) for manifest in manifests)
    ]


def _manifest(name: str) -> Manifest:
    return parse_manifest((find_bundle(name) / "manifest.json").read_text(encoding="utf-8"))


def _range_of(scales: Sequence[Fraction]) -> str:
    lowest, highest = (f"{float(scale):.4g}" for scale in (min(scales), max(scales)))
    return lowest if lowest == highest else f"{lowest} to {highest}"
