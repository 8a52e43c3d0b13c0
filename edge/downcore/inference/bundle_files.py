"""The files of a bundle of any kind: size limits, digests, and parsing of graphs."""

import hashlib
from pathlib import Path
from typing import Any

from downcore.inference.openvino_runtime import openvino
from downcore.strata.errors import BundleError

COPY_AGAIN = "copy the whole bundle again"
"""Advice in the message about a bundle's file that cannot be read."""


def read_file(path: Path, max_bytes: int, *, advice: str = COPY_AGAIN) -> bytes:
    """
    Return a file's content.

    Parameters
    ----------
    path : Path
        A file of a bundle.
    max_bytes : int
        Longest file that is read.
    advice : str, optional
        Advice in the message if it cannot be read.

    Raises
    ------
    BundleError
        If it cannot be read or is longer.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise BundleError(
            f"expected the bundle file {path}, got: {error.strerror}; {advice}"
        ) from error
    if len(content) > max_bytes:
        raise BundleError(f"expected at most {max_bytes} bytes in {path}, got more")
    return content


def check_digest(content: bytes, digest: str, path: Path) -> None:
    """
    Check that a file's content is what the manifest says, ``digest`` being its SHA-256 in hex.

    Raises
    ------
    BundleError
        If it is not.
    """
    got = hashlib.sha256(content).hexdigest()
    if got != digest:
        raise BundleError(
            f"expected {path} with SHA-256 {digest[:16]}..., got {got[:16]}...: "
            "the bundle is damaged or was changed; copy it again"
        )


def parse_graph(xml: bytes, weights: bytes, folder: Path) -> Any:
    """
    Return OpenVINO's model of a graph's two files.

    Raises
    ------
    BundleError
        If OpenVINO cannot read them.
    """
    try:
        return openvino.Core().read_model(xml, weights)
    except RuntimeError as error:
        raise BundleError(
            f"expected a graph that OpenVINO reads in {folder}, got: {error}"
        ) from error
