"""What a bundle says of itself: the manifest, parsed and checked. No file is opened here."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from downcore.strata.errors import BundleError

FORMAT_VERSION = 1
TILE_PX = 200
"""Side of a network's input, pixels; 1 cm at 200 px/cm."""


@dataclass(frozen=True, slots=True)
class OutputScaling:
    """How one property leaves the graph: ``value = centre + spread * output``, then 10** if log."""

    property: str
    unit: str
    is_log10: bool
    centre: float
    """Mean of the training cores, in the unit (log10 of it where ``is_log10``)."""
    spread: float
    """Standard deviation of the training cores, same scale; above 0."""
    interval_factor: float
    """Half width of the 90 % interval in units of the network's own sd, from a validation core."""
    interval_floor: float
    """Least half width, in the unit (log10 of it where ``is_log10``)."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything the device must know of a bundle before it runs it."""

    network: str
    """Name of the architecture, ``resnet-18`` or ``hrnet-deeplabv3plus``."""
    title: str
    created_utc: str
    precision: str
    """``int8``, ``bf16`` or ``f32``."""
    files: Mapping[str, str]
    """SHA-256 of every file of the bundle but the manifest, by name."""
    outputs: tuple[OutputScaling, ...]
    trained_px_per_cm: tuple[float, float]
    """Lowest and highest source resolution seen in training."""
    golden_tolerance: float
    """Largest deviation allowed in the golden test, in units of ``spread``."""
    training_data: str
    """What it was trained on, in a sentence that may be printed beside any number."""
    bundle_id: str
    """First 16 hex digits of the SHA-256 of the manifest's own text."""

    def __post_init__(self) -> None:
        for one in self.outputs:
            numbers = (one.centre, one.spread, one.interval_factor, one.interval_floor)
            if not all(math.isfinite(x) for x in numbers) or one.spread <= 0:
                raise BundleError(f"expected finite scaling for {one.property}, got {numbers}")
        if not self.outputs:
            raise BundleError("expected at least one output in the manifest, got none")


def parse_manifest(text: str) -> Manifest:
    """
    Return the manifest that ``text`` (JSON) holds.

    Raises
    ------
    BundleError
        If it is not JSON, of another format version, or a key is missing, unknown or of a wrong
        type.
    """
    try:
        raw = json.loads(text)
        version = raw["format_version"]
        if version != FORMAT_VERSION:
            raise BundleError(f"expected bundle format {FORMAT_VERSION}, got {version}")
        return _manifest_of(raw, hashlib.sha256(text.encode()).hexdigest()[:16])
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"expected a manifest, got one that lacks or mistypes {error}") from error


def _manifest_of(raw: dict[str, Any], bundle_id: str) -> Manifest:
    low, high = raw["trained_px_per_cm"]
    return Manifest(
        network=str(raw["network"]),
        title=str(raw["title"]),
        created_utc=str(raw["created_utc"]),
        precision=str(raw["precision"]),
        files={str(name): str(digest) for name, digest in raw["files"].items()},
        outputs=tuple(OutputScaling(**one) for one in raw["outputs"]),
        trained_px_per_cm=(float(low), float(high)),
        golden_tolerance=float(raw["golden_tolerance"]),
        training_data=str(raw["training_data"]),
        bundle_id=bundle_id,
    )
