"""The files of a bundle of Segment Anything, hashed, checked, and only then parsed."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.bundle_files import (
    COPY_AGAIN,
    check_digest,
    parse_graph,
    read_file,
)
from downcore.inference.segment_anything.manifest import (
    FILES,
    MANIFEST,
    PARTS,
    PICTURE,
    PORTS,
    SegmentAnythingManifest,
    bundle_id_of,
    parse_manifest,
    shapes_of,
)
from downcore.strata.errors import BundleError

_ADVICE = f"{COPY_AGAIN}, or make it with 'downcore segment-anything CHECKPOINT --to DIR'"

MAX_BYTES = 256 << 20
"""Largest file that is read."""

_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, MemoryError)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentAnythingBundle:
    """A bundle whose every file is what its manifest says."""

    manifest: SegmentAnythingManifest
    bundle_id: str
    """First 16 hex digits of the SHA-256 of the manifest."""
    graphs: dict[str, Any]
    """``openvino.Model`` by part: ``encoder``, ``prompts``, ``decoder``."""
    golden: dict[str, NDArray[Any]]
    """By name: a picture and prompts, and what the checkpoint's network makes of them."""
    folder: Path


def load_segment_anything(folder: Path) -> SegmentAnythingBundle:
    """
    Read and verify a bundle; nothing is run yet.

    Parameters
    ----------
    folder : Path
        As ``downcore segment-anything`` wrote it.

    Raises
    ------
    BundleError
        If a file is missing, too large or not the one that the manifest names, or the graphs
        or golden arrays have other shapes than the manifest says.
    """
    try:
        text = _read(folder / MANIFEST).decode()
        manifest = parse_manifest(text)
    except (UnicodeDecodeError, BundleError) as error:
        raise BundleError(f"{folder / MANIFEST}: {error}") from error
    files = {name: _verified(folder / name, manifest.files[name]) for name in FILES}
    shapes = shapes_of(manifest)
    graphs = {}
    for part in PARTS:
        graphs[part] = parse_graph(files[f"{part}.xml"], files[f"{part}.bin"], folder)
        _check_ports(graphs[part], PORTS[part], shapes, folder / f"{part}.xml")
    return SegmentAnythingBundle(
        manifest=manifest,
        bundle_id=bundle_id_of(text),
        graphs=graphs,
        golden=_golden_of(files["golden.npz"], shapes, folder / "golden.npz"),
        folder=folder,
    )


def _read(path: Path) -> bytes:
    return read_file(path, MAX_BYTES, advice=_ADVICE)


def _verified(path: Path, digest: str) -> bytes:
    content = _read(path)
    check_digest(content, digest, path)
    return content


def _check_ports(
    graph: Any,
    ports: tuple[tuple[str, ...], tuple[str, ...]],
    shapes: dict[str, tuple[int, ...]],
    path: Path,
) -> None:
    for sides, names in zip((graph.inputs, graph.outputs), ports, strict=True):
        got = [(sorted(p.names), p.element_type.to_string(), _shape_of(p)) for p in sides]
        kinds = {name: "u8" if name == PICTURE else "f32" for name in names}
        wanted = [([name], kinds[name], shapes[name]) for name in names]
        if got != wanted:
            raise BundleError(f"expected a graph with {wanted} in {path}, got {got}")


def _shape_of(port: Any) -> tuple[int, ...] | None:
    return tuple(port.shape) if port.partial_shape.is_static else None


def _golden_of(
    content: bytes, shapes: dict[str, tuple[int, ...]], path: Path
) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            n_bytes = sum(one.file_size for one in archive.infolist())
        if n_bytes > MAX_BYTES:
            raise BundleError(f"expected at most {MAX_BYTES} golden bytes in {path}, got {n_bytes}")
        with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
            arrays = {name: loaded[name] for name in shapes}
    except _UNREADABLE as error:
        raise BundleError(f"expected golden arrays in {path}, got: {error}") from error
    got = {name: array.shape for name, array in arrays.items()}
    if got != shapes or arrays[PICTURE].dtype != np.uint8:
        raise BundleError(f"expected golden arrays {shapes} in {path}, got {got}")
    return {n: a if n == PICTURE else a.astype(np.float32) for n, a in arrays.items()}
