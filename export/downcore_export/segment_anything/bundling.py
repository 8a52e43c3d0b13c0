"""A bundle of Segment Anything: converted, compared with the checkpoint, then written whole."""

import hashlib
import io
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from downcore import __version__
from downcore.inference.segment_anything.manifest import (
    BOXES,
    EMBEDDING,
    MANIFEST,
    MASKS,
    OVERLAPS,
    PARTS,
    PICTURE,
    POINTS,
    PRECISIONS,
    SIDES_PX,
    TOKENS,
    SegmentAnythingManifest,
    manifest_text,
    parse_manifest,
)
from downcore.inference.segment_anything.network import compiled, deviations
from downcore.strata.errors import BundleError, SettingsError
from downcore_export.conversion import as_read, as_written
from downcore_export.segment_anything.checkpoint import Checkpoint
from downcore_export.segment_anything.conversion import graphs_of
from downcore_export.segment_anything.network import (
    PictureToEmbedding,
    PromptsToTokens,
    TokensToMasks,
)

TOLERANCES = {"f32": 0.02, "bf16": 0.2}
"""Largest deviation from the checkpoint's network, relative to its numbers' size, by precision."""

_GOLDEN_SEED = 20
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """Options of the bundle; ``SettingsError`` where one cannot be used."""

    licence: str
    """Of the checkpoint, such as ``Apache-2.0``; kept with the bundle."""
    side_px: int = 512
    """Side of the picture that the encoder takes; 1024 is what it was trained with."""
    precision: str = "f32"
    """What is computed in: ``f32``, or ``bf16`` where the processor can."""
    batch: int = 16
    """Prompts that the decoder takes at once."""

    def __post_init__(self) -> None:
        if self.side_px not in SIDES_PX:
            raise SettingsError(
                f"expected a side of {SIDES_PX.start} to {SIDES_PX.stop - 1} px in steps of "
                f"{SIDES_PX.step}, got {self.side_px}; 512 is fast, 1024 as trained"
            )
        if self.precision not in PRECISIONS:
            raise SettingsError(
                f"expected a precision of {', '.join(PRECISIONS)}, got {self.precision!r}"
            )
        if not self.licence.strip():
            raise SettingsError("expected the licence of the checkpoint, got an empty text")


def write_bundle(checkpoint: Checkpoint, out: Path, options: BundleOptions) -> Path:
    """
    Write a bundle to the new folder ``out`` and return it.

    Raises
    ------
    SettingsError
        If ``out`` has something in it.
    BundleError
        If a graph does not compute what the checkpoint's network does; nothing is written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsError(f"expected a new or empty folder for the bundle, got {out}")
    golden = _golden(checkpoint, options)
    files: dict[str, bytes] = {}
    for part, graph in graphs_of(checkpoint.network, options.side_px, options.batch).items():
        # The frequencies of places are few, and multiplied by many periods.
        written = as_written(graph, is_half=part != "prompts")
        files[f"{part}.xml"], files[f"{part}.bin"] = written
    parity = _parity(files, golden, options.precision)
    too_far = {name: moved for name, moved in parity.items() if not moved <= _tolerance(options)}
    if too_far:
        raise BundleError(
            f"expected graphs of {checkpoint.name} that compute what it does within "
            f"{_tolerance(options):g} of their size, got {too_far}: the weights cannot be kept in "
            f"16 bit, or not computed in {options.precision}"
        )
    files["golden.npz"] = _golden_file(golden)
    files[MANIFEST] = _manifest_of(checkpoint, options, files, parity).encode()
    _place(out, files)
    return out


def _tolerance(options: BundleOptions) -> float:
    return TOLERANCES[options.precision]


def _manifest_of(
    checkpoint: Checkpoint,
    options: BundleOptions,
    files: dict[str, bytes],
    parity: dict[str, float],
) -> str:
    text = manifest_text(
        SegmentAnythingManifest(
            network="mobile-sam",
            side_px=options.side_px,
            batch=options.batch,
            precision=options.precision,
            licence=options.licence.strip(),
            checkpoint=checkpoint.name,
            checkpoint_sha256=checkpoint.sha256,
            created_utc=_now_utc(),
            code_version=__version__,
            files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
            golden_tolerance=_tolerance(options),
            parity=parity,
        )
    )
    parse_manifest(text)
    return text


def _now_utc() -> str:
    # The convention of reproducible builds, for identical bytes.
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(fixed), UTC) if fixed else datetime.now(UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _golden(checkpoint: Checkpoint, options: BundleOptions) -> Arrays:
    """Return a picture of blobs, prompts on it, and the outputs of the checkpoint's network."""
    side, rng = options.side_px, np.random.default_rng(_GOLDEN_SEED)
    coarse = rng.integers(20, 236, (8, 8, 3)).astype(np.float32)
    smooth = np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC))
    grain = rng.normal(0.0, 6.0, (side // 4, side // 4, 3)).astype(np.float32)
    smooth += np.asarray(cv2.resize(grain, (side, side), interpolation=cv2.INTER_NEAREST))
    picture = np.clip(smooth, 0, 255).astype(np.uint8)
    points = rng.integers(side // 8, side - side // 8, (options.batch, 2))
    reach = rng.integers(side // 32, side // 8, (options.batch, 2))
    boxes = np.concatenate([points - reach, points + reach], axis=1)
    asked: Arrays = {
        PICTURE: picture[None],
        POINTS: points.astype(np.float32),
        BOXES: boxes.astype(np.float32),
    }
    with torch.no_grad():
        channels_first = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32))
        embedding = PictureToEmbedding(checkpoint.network).eval()(channels_first)
        prompts = [torch.from_numpy(asked[name]) for name in (POINTS, BOXES)]
        tokens = PromptsToTokens(checkpoint.network, side).eval()(*prompts)
        masks, overlaps = TokensToMasks(checkpoint.network, side).eval()(embedding, tokens)
    said = {EMBEDDING: embedding, TOKENS: tokens, MASKS: masks, OVERLAPS: overlaps}
    return {**asked, **{name: output.numpy() for name, output in said.items()}}


def _parity(files: dict[str, bytes], golden: Arrays, precision: str) -> dict[str, float]:
    """Return how far the graphs as a device reads them are from the checkpoint's network."""
    graphs = {part: as_read(files[f"{part}.xml"], files[f"{part}.bin"]) for part in PARTS}
    encoder, prompts, decoder = (compiled(graphs, part, precision) for part in PARTS)
    embedding = encoder({PICTURE: golden[PICTURE]})[EMBEDDING]
    tokens = prompts({POINTS: golden[POINTS], BOXES: golden[BOXES]})[TOKENS]
    answers = decoder({EMBEDDING: embedding, TOKENS: tokens})
    got = {EMBEDDING: embedding, MASKS: answers[MASKS], OVERLAPS: answers[OVERLAPS]}
    return deviations(got, golden)


def _golden_file(golden: Arrays) -> bytes:
    # Half precision halves the file and is far finer than the tolerance.
    halves = {n: a.astype(np.float16) if n in (EMBEDDING, MASKS) else a for n, a in golden.items()}
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **halves)
    return content.getvalue()


def _place(out: Path, files: dict[str, bytes]) -> None:
    """Write beside ``out`` and rename, so that a bundle is never incomplete."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        for name, content in files.items():
            (beside / name).write_bytes(content)
        beside.chmod(0o755)
        beside.replace(out)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        raise
