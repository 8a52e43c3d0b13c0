"""
Compiling a graph for this processor, with a cache on disk for the next start.

A cached graph carries its own checksum, so a damaged file is compiled again and never parsed. The
folder may be deleted at any time.
"""

import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import Any

from downcore.inference.device import computes_bf16, describe_device
from downcore.inference.loading import Bundle
from downcore.inference.openvino_runtime import compile_for, openvino, settings_for
from downcore.strata.bundle import TILE_PX
from downcore.strata.errors import BundleError

BATCH_TILES = 4
"""Tiles of one inference; the only batch size that is compiled for them."""

_TILE = (TILE_PX, TILE_PX, 3)

_DIGEST_BYTES = 32
_MAX_KEPT = 8


def compile_bundle(bundle: Bundle, n_threads: int, cache_folder: Path | None) -> Any:
    """
    Return the bundle's graph compiled as :func:`compile_graph` does, from the cache if it is there.

    Parameters
    ----------
    bundle : Bundle
        From :func:`downcore.inference.loading.load_bundle`.
    n_threads : int
        Streams of one thread each, 1 or more.
    cache_folder : Path or None
        Where the compiled graph is looked for and kept; ``None`` keeps nothing.

    Raises
    ------
    BundleError
        If OpenVINO cannot compile it.
    """
    kept = None if cache_folder is None else cache_folder / _cache_name(bundle, n_threads)
    if kept is not None and (content := _checked_content(kept)) is not None:
        try:
            settings = settings_for(n_threads, is_bf16=_is_bf16(bundle.manifest.precision))
            return openvino.Core().import_model(io.BytesIO(content), "CPU", settings)
        except RuntimeError:
            # A cached graph that cannot be imported is compiled and written again.
            kept.unlink(missing_ok=True)
    try:
        compiled = compile_graph(bundle.model, n_threads, precision=bundle.manifest.precision)
    except RuntimeError as error:
        title = bundle.manifest.title
        raise BundleError(f"bundle {title}: OpenVINO cannot compile it: {error}") from error
    if kept is not None:
        _keep(kept, compiled.export_model().getvalue())
    return compiled


def compile_graph(graph: Any, n_threads: int, *, precision: str = "f32") -> Any:
    """
    Return ``graph`` compiled for a fixed number of inputs; the graph itself is left as it is.

    That is ``BATCH_TILES`` tiles, or one window: a window answers many slices, and a batch that
    is partly empty would cost as much as a full one. A graph whose input has no size yet takes
    tiles.

    Each stream computes on one thread, so that neither the number of CPUs nor that of requests
    changes the order of sums, and with it the bits. ``precision`` is that of the manifest; only
    ``bf16`` is computed in less than 32 bit where the graph is not quantised.
    """
    fixed = graph.clone()
    shape = _input_shape(fixed)
    fixed.reshape([_batch_of(shape), *shape])
    return compile_for(fixed, n_threads=n_threads, is_bf16=_is_bf16(precision))


def _input_shape(graph: Any) -> tuple[int, ...]:
    """Return the shape of one input of the graph; that of a tile where the graph leaves it open."""
    sizes = list(graph.input(0).partial_shape)[1:]
    if any(size.is_dynamic for size in sizes):
        return _TILE
    return tuple(size.get_length() for size in sizes)


def _batch_of(shape: tuple[int, ...]) -> int:
    return BATCH_TILES if shape == _TILE else 1


def _is_bf16(precision: str) -> bool:
    # Processors without bfloat16 would emulate it slowly.
    return precision == "bf16" and computes_bf16()


def _cache_name(bundle: Bundle, n_threads: int) -> str:
    is_bf16 = _is_bf16(bundle.manifest.precision)
    settings = sorted(settings_for(n_threads, is_bf16=is_bf16).items())
    batch = _batch_of(bundle.manifest.input_shape)
    key = f"{bundle.manifest.bundle_id} {batch} {settings} {describe_device()}"
    return hashlib.sha256(key.encode()).hexdigest()[:32] + ".compiled"


def _checked_content(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, rest = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return rest if hashlib.sha256(rest).digest() == digest else None


def _keep(path: Path, content: bytes) -> None:
    """Write ``content`` under its checksum; a full or read-only disk is not an error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
        _drop_oldest(path.parent)
    except OSError:
        return


def _drop_oldest(folder: Path) -> None:
    kept = sorted(folder.glob("*.compiled"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in kept[_MAX_KEPT:]:
        path.unlink(missing_ok=True)
