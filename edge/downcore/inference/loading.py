"""Loading a bundle: each file is read once, checked against the manifest, then parsed."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.bundle_files import check_digest, parse_graph, read_file
from downcore.inference.graph_checks import check_graph
from downcore.strata.bundle import (
    INPUT_NAME,
    NOVELTY_NAME,
    OUTPUT_NAMES,
    Manifest,
    parse_manifest,
)
from downcore.strata.errors import BundleError
from downcore.strata.estimates import half_width, inverse_transform

MAX_MANIFEST_BYTES = 1 << 20
"""Largest manifest that is read."""

MAX_BYTES = {"model.xml": 32 << 20, "model.bin": 512 << 20}
"""Size limits of files, by name, bytes."""

MAX_OTHER_BYTES = 32 << 20
"""Size limit of any other file, bytes."""

MAX_GOLDEN_BYTES = 64 << 20
"""Largest golden test, unpacked."""


_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    MemoryError,
)
"""Errors raised by files that are no arrays, or claim a shape beyond memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Inputs, and the network's outputs for them where the bundle was written."""

    tiles: NDArray[np.uint8]
    """Tiles or windows, shape (n, *input_shape) with the manifest's."""
    outputs: NDArray[np.float32]
    """
    Shape (3, n_rows, n_properties), in the order of ``OUTPUT_NAMES``, scaled space; ``n_rows`` is
    ``n`` times the manifest's ``rows_per_input``.
    """
    novelty: NDArray[np.float32]
    """Shape (n_rows,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A bundle whose files match the digests in its manifest."""

    manifest: Manifest
    model: Any
    """The graph, an ``openvino.Model`` with a free batch size."""
    golden: Golden


def load_bundle(folder: Path) -> Bundle:
    """
    Read and verify a bundle; nothing is run yet.

    Every file that the manifest names is read once and hashed; what is parsed is
    what was hashed. Files that the manifest does not name are never opened.

    Parameters
    ----------
    folder : Path
        Holds ``manifest.json``, ``model.xml``, ``model.bin``, ``golden.npz``.

    Raises
    ------
    BundleError
        If a file is missing, too large or not what the manifest says, the manifest is of
        another version, the graph has other ports, another precision or weights that are no
        numbers, or the manifest does not scale the golden outputs to the golden values.
    """
    text = read_file(folder / "manifest.json", MAX_MANIFEST_BYTES)
    try:
        manifest = parse_manifest(text.decode())
    except (UnicodeDecodeError, BundleError) as error:
        raise BundleError(f"{folder / 'manifest.json'}: {error}") from error
    files = {name: _verified(folder / name, manifest.files[name]) for name in manifest.files}
    model = parse_graph(files["model.xml"], files["model.bin"], folder)
    try:
        check_graph(model, manifest)
        golden = _golden_of(files["golden.npz"], manifest)
    except BundleError as error:
        raise BundleError(f"{folder}: {error}") from error
    return Bundle(manifest, model, golden)


def physical_values(
    outputs: NDArray[np.float32], novelty: NDArray[np.float32], manifest: Manifest
) -> dict[str, NDArray[np.float64]]:
    """
    Return the values that a graph's outputs give, each tile or row of a window taken as a slice.

    Returns
    -------
    dict
        ``value`` and ``half_width`` of the interval, shape (n, n_properties), in the property's
        unit (log10 of it where the manifest says so), and ``novelty_share``, shape (n,), of the
        threshold; 0 without one. A golden test holds them too, so that a manifest with another
        scaling is detected.
    """
    tiles = inverse_transform(outputs, novelty, manifest)
    widths = [
        [
            half_width(scaling, sd) * manifest.interval_factor(scaling.property, got)
            for scaling, sd in zip(manifest.outputs, row, strict=True)
        ]
        for row, got in zip(tiles.sd.tolist(), tiles.novelty.tolist(), strict=True)
    ]
    limit = manifest.novelty_threshold
    return {
        "value": tiles.mean,
        "half_width": np.array(widths).reshape(tiles.sd.shape),
        "novelty_share": np.zeros(len(novelty)) if limit is None else tiles.novelty / limit,
    }


def _verified(path: Path, digest: str) -> bytes:
    content = read_file(path, MAX_BYTES.get(path.name, MAX_OTHER_BYTES))
    check_digest(content, digest, path)
    return content


def _golden_of(content: bytes, manifest: Manifest) -> Golden:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            n_bytes = sum(member.file_size for member in archive.infolist())
        if n_bytes > MAX_GOLDEN_BYTES:
            raise BundleError(f"expected at most {MAX_GOLDEN_BYTES} golden bytes, got {n_bytes}")
        with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
            tiles = loaded[INPUT_NAME]
            arrays = {n: loaded[n].astype(np.float64) for n in loaded if n != INPUT_NAME}
        outputs = np.stack([arrays[name] for name in OUTPUT_NAMES])
        novelty = arrays[NOVELTY_NAME]
    except _UNREADABLE as error:
        raise BundleError(f"expected golden tiles and outputs, got: {error}") from error
    _check_shapes(tiles, outputs, novelty, manifest)
    golden = Golden(tiles, outputs.astype(np.float32), novelty.astype(np.float32))
    _check_scaling(golden, arrays, manifest)
    return golden


def _check_shapes(
    tiles: NDArray[Any], outputs: NDArray[Any], novelty: NDArray[Any], manifest: Manifest
) -> None:
    n_tiles = tiles.shape[0] if tiles.ndim else 0
    n_rows = n_tiles * manifest.rows_per_input
    wanted = (
        (n_tiles, *manifest.input_shape),
        (len(OUTPUT_NAMES), n_rows, len(manifest.outputs)),
        (n_rows,),
    )
    got = (tiles.shape, outputs.shape, novelty.shape)
    if got != wanted or tiles.dtype != np.uint8 or n_tiles == 0:
        raise BundleError(
            f"expected u8 golden tiles, outputs and novelty of shape {wanted}, at least one "
            f"tile, got {tiles.dtype} {got}"
        )


def _check_scaling(golden: Golden, arrays: dict[str, NDArray[Any]], manifest: Manifest) -> None:
    for name, expected in physical_values(golden.outputs, golden.novelty, manifest).items():
        got = arrays.get(name)
        if got is None or got.shape != expected.shape:
            raise BundleError(f"expected the golden array {name} {expected.shape}, got another")
        # Equal up to rounding, since the same numbers are summed on any processor.
        is_near = np.isclose(expected, got, rtol=1e-9, atol=1e-12)
        if not is_near.all():
            where = np.argwhere(~is_near)[0]
            which = manifest.outputs[where[1]].property if len(where) > 1 else "every slice"
            raise BundleError(
                f"expected the manifest to give the golden {name} {got[tuple(where)]:.6g} of "
                f"{which}, got {expected[tuple(where)]:.6g}: centre, spread, interval or threshold "
                "were changed, or belong to another bundle; copy the whole bundle again"
            )
