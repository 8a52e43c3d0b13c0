"""The manifest of a bundle: written, parsed and checked. Opens no file."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Never

from downcore.strata.errors import BundleError
from downcore.strata.fields import value_of
from downcore.strata.properties import property_named
from downcore.strata.widening import Widening
from downcore.strata.window_colour import ColourLimits
from downcore.strata.windows import Window

FORMAT_VERSION = 2
TILE_PX = 200
"""Side of a network's input, pixels; 1 cm at 200 px/cm."""

INPUT_NAME = "tiles"
"""Name of the graph's one input, u8, shape (batch, 200, 200, 3), RGB."""

OUTPUT_NAMES = ("mean", "log_sd", "within_sd")
"""Names of the graph's first outputs, each f32, shape (batch, n_properties), in scaled space."""

NOVELTY_NAME = "novelty"
"""
Name of the graph's last output, f32, shape (batch,): how unlike the training tiles a tile is.

The squared distance of the tile's features from their mean over training tiles, each direction
in units of its own spread there, over their number: about 1 for a tile like those.
"""

PRECISIONS = ("int8", "bf16", "f16", "f32")
"""
How a graph is kept and computed: ``int8`` in 8 bit; ``bf16`` kept in 16 bit and computed in
bfloat16 where the processor can, else in 32 bit; ``f16`` kept in 16 bit and ``f32`` in 32 bit,
both computed in 32 bit.
"""

REQUIRED_FILES = frozenset({"model.xml", "model.bin", "golden.npz"})
"""Files without which a bundle cannot run."""

NO_NATURAL_CORE = "no natural core"
"""Phrase in the ``training_data`` of a bundle that was trained on generated cores only."""

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")

_NEWER = ("window", "colour_limits", "widening")
"""Keys that older manifests of this format lack."""


@dataclass(frozen=True, slots=True)
class OutputScaling:
    """Scaling of one property: ``value = centre + spread * output``, then 10** if log."""

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
    """Smallest half width, in the unit (log10 of it where ``is_log10``)."""


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How the weights were quantised, and what it cost on cores not seen before."""

    method: str
    """
    Name of the quantiser whose graph is nearest the unquantised network; ``none`` without one.
    """
    n_calibration_tiles: int
    """Tiles of training cores that set the ranges; 0 where nothing was quantised."""
    n_checked_tiles: int
    """Tiles of held-out cores on which the next two were measured."""
    r2_loss: Mapping[str, float]
    """R2 of the unquantised network less that of this one, by property."""
    p95_deviation: Mapping[str, float]
    """95th percentile of the deviation from the unquantised network, in ``spread``s."""
    reference_sha256: str
    """SHA-256 of the weights of the unquantised network, 32 bit."""


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """The same network as ONNX, for other runtimes; no device opens it."""

    precision: str
    """``int8`` (quantise and dequantise nodes) or ``f32``."""
    golden_deviation: float
    """Largest difference of its mean from the graph's, golden tiles, in ``spread``s."""
    p95_deviation: Mapping[str, float]
    """95th percentile of its deviation from the unquantised network, in ``spread``s."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything the device needs to know about a bundle before running it."""

    network: str
    """Name of the architecture, ``resnet-18`` or ``hrnet-deeplabv3plus``."""
    title: str
    created_utc: str
    precision: str
    """One of :data:`PRECISIONS`."""
    files: Mapping[str, str]
    """SHA-256 by name of every file that a device reads, except the manifest."""
    outputs: tuple[OutputScaling, ...]
    trained_px_per_cm: tuple[float, float]
    """Lowest and highest source resolution seen in training."""
    golden_tolerance: float
    """
    Largest deviation allowed in the golden test, in units of ``spread``; of the novelty, as a
    share of its threshold.
    """
    training_data: str
    """What it was trained on, in a sentence that may be printed beside any number."""
    bundle_id: str
    """First 16 hex digits of the SHA-256 of the manifest's own text."""
    quantisation: Quantisation | None = None
    """``None`` only in tests."""
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Figures by protocol, such as ``{"held-out generator cores": {"density.r2": 0.5}}``."""
    code_version: str = ""
    """Version of downcore that wrote the bundle."""
    recipe_sha256: str = ""
    """SHA-256 of the training recipe; empty where the checkpoint had none."""
    novelty_threshold: float | None = None
    """A slice whose novelty is above this gets no value; ``None`` for no limit, as in tests."""
    false_abstain_share: float = 0.0
    """Share of the slices of validation cores above the threshold, for which it was set."""
    n_novelty_tiles: int = 0
    """Tiles of training cores whose features define what is familiar."""
    data_sha256: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 over resolutions, labels and colours of the cores, by set (``training``, ...)."""
    extra_files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of files that no device opens and a copy may lack, by name."""
    onnx: OnnxFile | None = None
    """Of ``model.onnx``; ``None`` where the bundle was written without."""
    golden_deviation_without_vnni: float | None = None
    """The golden test on AVX2 without 8-bit dot products; ``None`` where it was not run."""
    window: Window | None = None
    """The centimetres that the network sees; ``None`` for tiles of one slice without context."""
    colour_limits: ColourLimits | None = None
    """
    What its windows must have of colour for a value; ``None`` where nothing is asked, as of tiles,
    of bundles older than this, and of those that learned from scans without colour.
    """
    widening: Widening | None = None
    """How intervals widen near the novelty threshold; ``None`` where they do not."""

    def __post_init__(self) -> None:
        for output in self.outputs:
            numbers = (output.centre, output.spread, output.interval_factor, output.interval_floor)
            if not all(math.isfinite(x) for x in numbers) or output.spread <= 0:
                raise BundleError(f"expected finite scaling for {output.property}, got {numbers}")
            if output.interval_factor < 0 or output.interval_floor < 0:
                raise BundleError(
                    f"expected an interval of {output.property} >= 0, got {numbers[2:]}"
                )
        if not self.outputs:
            raise BundleError("expected at least one output in the manifest, got none")
        if self.novelty_threshold is not None and not 0 < self.novelty_threshold < math.inf:
            raise BundleError(f"expected a novelty threshold > 0, got {self.novelty_threshold}")
        self._check_widening()
        if not 0 < self.golden_tolerance < math.inf:
            raise BundleError(f"expected a golden tolerance > 0, got {self.golden_tolerance}")
        low, high = self.trained_px_per_cm
        if not 0 < low <= high < math.inf:
            raise BundleError(f"expected 0 < lowest <= highest px/cm, got {low} and {high}")

    def _check_widening(self) -> None:
        if self.widening is None:
            return
        limit, begins_at = self.novelty_threshold, self.widening.begins_at
        if limit is None or not begins_at < limit:
            raise BundleError(
                f"expected intervals to widen below the novelty threshold {limit}, got {begins_at}"
            )

    def interval_factor(self, name: str, novelty: float) -> float:
        """Return by what the interval of a property is widened for a slice's novelty; 1 or more."""
        if self.widening is None or self.novelty_threshold is None:
            return 1.0
        return self.widening.factor(name, novelty, self.novelty_threshold)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one input: lines, across, channels."""
        return (TILE_PX, TILE_PX, 3) if self.window is None else self.window.shape

    @property
    def rows_per_input(self) -> int:
        """Slices that one input answers."""
        return 1 if self.window is None else self.window.rows_cm

    @property
    def saw_generated_cores_only(self) -> bool:
        """Whether it was trained on generated cores only, according to ``training_data``."""
        return NO_NATURAL_CORE in self.training_data


def manifest_text(manifest: Manifest) -> str:
    """Return the manifest as JSON, the same text for the same content; the id is left out."""
    raw = asdict(manifest)
    del raw["bundle_id"]
    return json.dumps({"format_version": FORMAT_VERSION, **raw}, indent=1, sort_keys=True) + "\n"


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
        return _parsed(text)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BundleError(f"expected a manifest, got one that is wrong: {error}") from error


def _parsed(text: str) -> Manifest:
    raw = json.loads(text, parse_constant=_no_constant)
    if "format_version" not in raw:
        raise ValueError("expected the key 'format_version', got none")
    version = raw.pop("format_version")
    if version != FORMAT_VERSION:
        raise BundleError(_other_version(version))
    if "bundle_id" in raw:
        raise ValueError("unknown key bundle_id")
    # Bundles of one tile may be older than windows, and others than what guards them now.
    for name in _NEWER:
        raw.setdefault(name, None)
    raw["bundle_id"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    manifest = value_of(Manifest, raw, has_defaults=False)
    _check_files(manifest.files, REQUIRED_FILES)
    _check_files(manifest.extra_files, frozenset())
    _check_outputs(manifest.outputs)
    _check_precision(manifest.precision)
    if manifest.onnx is not None:
        _check_precision(manifest.onnx.precision)
    return manifest


def _other_version(version: object) -> str:
    is_newer = isinstance(version, int) and version > FORMAT_VERSION
    what_to_do = (
        "it was written by a newer downcore; update this one, or export the bundle with it"
        if is_newer
        else "export the bundle again with this version of downcore"
    )
    return f"expected bundle format {FORMAT_VERSION}, got {version}: {what_to_do}"


def _check_files(files: Mapping[str, str], required: frozenset[str]) -> None:
    missing = required - set(files)
    if missing:
        raise ValueError(f"files lack {', '.join(sorted(missing))}")
    for name, digest in files.items():
        if not _FILE_NAME.fullmatch(name) or name == "manifest.json":
            raise ValueError(f"{name!r} is no plain file name")
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is no SHA-256 ({name})")


def _check_outputs(outputs: tuple[OutputScaling, ...]) -> None:
    for scaling in outputs:
        known = property_named(scaling.property)
        if (scaling.unit, scaling.is_log10) != (known.unit, known.is_log_scaled):
            raise ValueError(
                f"{known.name} is in {known.unit} with is_log10 {known.is_log_scaled}, "
                f"not {scaling.unit!r} with {scaling.is_log10!r}"
            )
    names = [scaling.property for scaling in outputs]
    if len(set(names)) != len(names):
        raise ValueError(f"a property stands twice among {', '.join(names)}")


def _check_precision(precision: str) -> None:
    if precision not in PRECISIONS:
        raise ValueError(f"precision: {precision!r} is none of {', '.join(PRECISIONS)}")


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is no number of JSON")
