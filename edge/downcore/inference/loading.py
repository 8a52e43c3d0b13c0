"""A bundle's files, read once, checked against the manifest, and only then parsed."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference._openvino import openvino
from downcore.strata.bundle import INPUT_NAME, OUTPUT_NAMES, TILE_PX, Manifest, parse_manifest
from downcore.strata.errors import BundleError

MOST_MANIFEST_BYTES = 1 << 20
"""Largest manifest that is read."""

MOST_BYTES = {"model.xml": 32 << 20, "model.bin": 512 << 20}
"""Largest files that are read, by name."""

MOST_OTHER_BYTES = 32 << 20
"""Largest file of any other name that is read."""

MOST_GOLDEN_BYTES = 64 << 20
"""Largest golden test, unpacked."""


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Tiles, and what the network said of them where the bundle was written."""

    tiles: NDArray[np.uint8]
    """Shape (n, 200, 200, 3), RGB."""
    outputs: NDArray[np.float32]
    """Shape (3, n, n_properties), in the order of ``OUTPUT_NAMES``, scaled space."""


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A bundle whose every file is what its manifest says."""

    manifest: Manifest
    model: Any
    """The graph, an ``openvino.Model`` with a free batch size."""
    golden: Golden
    card: str
    """The model card, Markdown; empty where the bundle has none."""


def load_bundle(folder: Path) -> Bundle:
    """
    Read and verify a bundle; nothing is run yet.

    Every file that the manifest names is read once and hashed; what is parsed is
    what was hashed. Files that the manifest does not name are never opened.

    Parameters
    ----------
    folder : Path
        Holds ``manifest.json``, ``model.xml``, ``model.bin``, ``golden.npz``, ``card.md``.

    Raises
    ------
    BundleError
        If a file is missing, too large or not what the manifest says, the manifest is of
        another version, or the graph has another input, other outputs or another precision.
    """
    text = _read(folder / "manifest.json", MOST_MANIFEST_BYTES)
    try:
        manifest = parse_manifest(text.decode())
    except (UnicodeDecodeError, BundleError) as error:
        raise BundleError(f"{folder / 'manifest.json'}: {error}") from error
    files = {name: _verified(folder / name, manifest.files[name]) for name in manifest.files}
    model = _parsed(files["model.xml"], files["model.bin"], folder)
    try:
        _check_graph(model, manifest)
        golden = _golden_of(files["golden.npz"], len(manifest.outputs))
        card = files.get("card.md", b"").decode()
    except (BundleError, UnicodeDecodeError) as error:
        raise BundleError(f"{folder}: {error}") from error
    return Bundle(manifest, model, golden, card)


def _read(path: Path, most_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise BundleError(
            f"expected the bundle file {path}, got: {error.strerror}; copy the whole bundle again"
        ) from error
    if len(content) > most_bytes:
        raise BundleError(f"expected at most {most_bytes} bytes in {path}, got more")
    return content


def _verified(path: Path, digest: str) -> bytes:
    content = _read(path, MOST_BYTES.get(path.name, MOST_OTHER_BYTES))
    got = hashlib.sha256(content).hexdigest()
    if got != digest:
        raise BundleError(
            f"expected {path} with SHA-256 {digest[:16]}..., got {got[:16]}...: "
            "the bundle is damaged or was changed; copy it again"
        )
    return content


def _parsed(xml: bytes, weights: bytes, folder: Path) -> Any:
    try:
        return openvino.Core().read_model(xml, weights)
    except RuntimeError as error:
        raise BundleError(
            f"expected a graph that OpenVINO reads in {folder}, got: {error}"
        ) from error


def _check_graph(model: Any, manifest: Manifest) -> None:
    batch = openvino.Dimension.dynamic()
    _check_ports(model.inputs, {INPUT_NAME: [batch, TILE_PX, TILE_PX, 3]}, openvino.Type.u8)
    shape = [batch, len(manifest.outputs)]
    _check_ports(model.outputs, dict.fromkeys(OUTPUT_NAMES, shape), openvino.Type.f32)
    is_int8 = any(op.get_type_name() == "FakeQuantize" for op in model.get_ops())
    if is_int8 != (manifest.precision == "int8"):
        got = "is quantised to 8 bit" if is_int8 else "is not quantised"
        raise BundleError(f"expected a graph of precision {manifest.precision}, got one that {got}")


def _check_ports(ports: list[Any], shapes: dict[str, list[Any]], element_type: Any) -> None:
    got = [(sorted(one.names), one.element_type, one.partial_shape) for one in ports]
    wanted = [([name], element_type, openvino.PartialShape(s)) for name, s in shapes.items()]
    if got != wanted:
        raise BundleError(f"expected a graph with {_told(wanted)}, got {_told(got)}")


def _told(ports: list[Any]) -> str:
    return ", ".join(f"{'/'.join(names)} {kind.to_string()}{shape}" for names, kind, shape in ports)


def _golden_of(content: bytes, n_properties: int) -> Golden:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            n_bytes = sum(one.file_size for one in archive.infolist())
        if n_bytes > MOST_GOLDEN_BYTES:
            raise BundleError(f"expected at most {MOST_GOLDEN_BYTES} golden bytes, got {n_bytes}")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            tiles = arrays[INPUT_NAME]
            outputs = np.stack([arrays[name] for name in OUTPUT_NAMES])
    except (zipfile.BadZipFile, OSError, ValueError, KeyError) as error:
        raise BundleError(f"expected golden tiles and outputs, got: {error}") from error
    n_tiles = tiles.shape[0] if tiles.ndim else 0
    wanted = ((n_tiles, TILE_PX, TILE_PX, 3), (len(OUTPUT_NAMES), n_tiles, n_properties))
    if (tiles.shape, outputs.shape) != wanted or tiles.dtype != np.uint8 or n_tiles == 0:
        raise BundleError(
            f"expected u8 golden tiles and outputs of shape {wanted}, at least one tile, "
            f"got {tiles.dtype} {tiles.shape} and {outputs.shape}"
        )
    return Golden(tiles, outputs.astype(np.float32))
