"""What a bundle of Segment Anything says of itself; its schema has nothing of other bundles."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from downcore.strata.errors import BundleError
from downcore.strata.fields import value_of

FORMAT = "downcore segment anything"
FORMAT_VERSION = 1

MANIFEST = "manifest.json"
PARTS = ("encoder", "prompts", "decoder")
"""Graphs of a bundle; the prompts' is always computed in 32 bit."""
FILES = (*(f"{part}.{ending}" for part in PARTS for ending in ("xml", "bin")), "golden.npz")
"""Every other file of a bundle."""

PRECISIONS = ("f32", "bf16")
"""What is computed in; ``bf16`` falls back to 32 bit where the processor lacks it."""

SIDES_PX = range(256, 1_025, 64)
"""Sides that a picture may have; the checkpoint was trained with 1024."""

STRIDE_PX = 16
"""Pixels of the picture for one of the embedding."""
MASK_STRIDE_PX = 4
"""Pixels of the picture for one of a mask."""

N_CHANNELS = 256
"""Channels of the embedding."""
TOKENS_PER_PROMPT = 3
MASKS_PER_PROMPT = 4

PICTURE, EMBEDDING = "picture", "embedding"
POINTS, BOXES, TOKENS = "points", "boxes", "tokens"
MASKS, OVERLAPS = "masks", "overlaps"

PORTS = {
    "encoder": ((PICTURE,), (EMBEDDING,)),
    "prompts": ((POINTS, BOXES), (TOKENS,)),
    "decoder": ((EMBEDDING, TOKENS), (MASKS, OVERLAPS)),
}
"""Names of inputs and outputs of each graph, in order."""

PAD_COUNTS = (124, 116, 104)
"""RGB where there is no picture: the nearest to 0 after the network's own normalisation."""

_MAX_BATCH = 256


@dataclass(frozen=True, slots=True)
class SegmentAnythingManifest:
    """Everything the device must know before it runs the graphs."""

    network: str
    """Architecture, such as ``mobile-sam``."""
    side_px: int
    """Side of the square that the encoder takes."""
    batch: int
    """Prompts that the decoder takes at once."""
    precision: str
    """One of :data:`PRECISIONS`."""
    licence: str
    """Licence of the checkpoint, as the person said who made the bundle."""
    checkpoint: str
    """Name of its file."""
    checkpoint_sha256: str
    created_utc: str
    code_version: str
    files: Mapping[str, str]
    """SHA-256 by name, of :data:`FILES`."""
    golden_tolerance: float
    """Largest deviation of the golden test, relative to the root mean square of the numbers."""
    parity: Mapping[str, float]
    """The same measure of graph against checkpoint, where the bundle was written."""


def shapes_of(manifest: SegmentAnythingManifest) -> dict[str, tuple[int, ...]]:
    """Return the shape of every input and output, by name."""
    side, n = manifest.side_px, manifest.batch
    small, fine = side // STRIDE_PX, side // MASK_STRIDE_PX
    return {
        PICTURE: (1, side, side, 3),
        EMBEDDING: (1, N_CHANNELS, small, small),
        POINTS: (n, 2),
        BOXES: (n, 4),
        TOKENS: (n, TOKENS_PER_PROMPT, N_CHANNELS),
        MASKS: (n, MASKS_PER_PROMPT, fine, fine),
        OVERLAPS: (n, MASKS_PER_PROMPT),
    }


def manifest_text(manifest: SegmentAnythingManifest) -> str:
    """Return the manifest as JSON, the same text for the same content."""
    raw = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(manifest)}
    return json.dumps(raw, indent=1, sort_keys=True) + "\n"


def bundle_id_of(text: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of a manifest's text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def parse_manifest(text: str) -> SegmentAnythingManifest:
    """
    Return the manifest that ``text`` (JSON) holds.

    Raises
    ------
    BundleError
        If it is not JSON, of another kind or version, or a key is missing, unknown or wrong.
    """
    try:
        raw = json.loads(text)
        got = (raw.pop("format", None), raw.pop("format_version", None))
        if got[0] != FORMAT:
            raise BundleError(
                f"expected a bundle of Segment Anything, got format {got[0]!r}: "
                "a bundle that predicts properties is no such bundle"
            )
        if got[1] != FORMAT_VERSION:
            raise BundleError(
                f"expected format version {FORMAT_VERSION}, got {got[1]!r}: make the bundle again "
                "with this version of downcore, or update downcore"
            )
        return _checked(value_of(SegmentAnythingManifest, raw))
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BundleError(
            f"expected a manifest of Segment Anything, got one that is wrong: {error}"
        ) from error


def _checked(manifest: SegmentAnythingManifest) -> SegmentAnythingManifest:
    if manifest.side_px not in SIDES_PX:
        raise ValueError(f"side_px is {manifest.side_px!r}")
    if not 1 <= manifest.batch <= _MAX_BATCH:
        raise ValueError(f"batch is {manifest.batch!r}")
    if manifest.precision not in PRECISIONS:
        raise ValueError(f"precision {manifest.precision!r} is none of {', '.join(PRECISIONS)}")
    if set(manifest.files) != set(FILES):
        raise ValueError(f"files are {', '.join(sorted(manifest.files))}, not {', '.join(FILES)}")
    for digest in (manifest.checkpoint_sha256, *manifest.files.values()):
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise ValueError(f"{digest!r} is no SHA-256")
    if not all(math.isfinite(x) for x in manifest.parity.values()):
        raise ValueError("parity is no number")
    if not 0.0 < manifest.golden_tolerance < math.inf:
        raise ValueError(f"golden_tolerance is {manifest.golden_tolerance}")
    return manifest
